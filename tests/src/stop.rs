//! The word for threads of a test to stop.
//!
//! In: a word, or the end of the scope that started them. Out: threads that see it. Never: a test
//! that has failed and waits for ever for threads that nobody told.

use std::sync::atomic::{AtomicBool, Ordering};

/// What threads look at.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

/// Gives the word when it is dropped: at the end of a scope, or when an assertion there fails.
#[derive(Debug)]
pub struct Ends<'a>(&'a Stop);

impl Stop {
    /// Give the word.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Has the word been given?
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Give the word when what is returned is dropped, if nobody has by then. A `thread::scope`
    /// joins its threads before it hands a failure on.
    #[must_use]
    pub fn at_the_latest_here(&self) -> Ends<'_> {
        Ends(self)
    }
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.now();
    }
}
