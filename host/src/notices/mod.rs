//! The courier: carries notices from the registry's outbox to webhooks and mailboxes.
//!
//! In: deliveries that are due, leased so that no other host attempts them meanwhile. Out: signed
//! POSTs and mails, and in the registry how each ended. Never: an event lost because a receiver is
//! slow or gone, a delivery that is tried for ever, or a call into the host's own network.
//!
//! A delivery may arrive twice (the host may die after the POST and before it is noted), never
//! silently not at all; receivers know the second by its id.

mod backoff;
mod mail;
mod settings;
mod signature;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use mail::is_address;
pub use settings::{PASSWORD_VARIABLE, Settings, SmtpSettings, SmtpTls};
pub use signature::new_key;

use crate::client::Guarded;
use crate::outage::Outage;
use crate::registry::{Attempt, Due, Medium, Registry, RegistryError};

/// How much longer than an attempt a lease is: for the name of a mail server, the steps of its talk,
/// and the note in the registry.
const LEASE_FACTOR: u32 = 6;

/// How often old notices are swept away, in looks at the outbox.
const LOOKS_BEFORE_SWEEP: u64 = 600;

/// How often, and after which pause, the end of a delivery is noted again where the registry is away.
const NOTE_ATTEMPTS: u32 = 3;
const NOTE_PAUSE: Duration = Duration::from_millis(500);

/// A notice was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent;

/// Why a notice was not handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    reason: String,
    /// The target says that it is gone for good.
    gone: bool,
    /// Another attempt cannot help.
    hopeless: bool,
    /// How long the receiver asks to be left alone.
    patience: Option<Duration>,
}

impl Failure {
    fn plain(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            gone: false,
            hopeless: false,
            patience: None,
        }
    }

    fn hopeless(reason: String) -> Self {
        Self {
            hopeless: true,
            ..Self::plain(reason)
        }
    }
}

/// Why there can be no courier: a setting has to change.
#[derive(Debug, thiserror::Error)]
#[error("notices: {0}")]
pub struct NoticesError(String);

/// Delivers notices.
pub struct Courier {
    registry: Registry,
    carriers: Arc<Carriers>,
}

/// The ways out.
struct Carriers {
    settings: Settings,
    client: Guarded,
    mailer: Option<mail::Mailer>,
}

impl Courier {
    /// A courier for this registry; `password` is the mail server's.
    ///
    /// # Errors
    /// Where the mail server's settings cannot be used.
    pub fn new(
        registry: Registry,
        settings: Settings,
        password: Option<String>,
    ) -> Result<Self, NoticesError> {
        settings.check().map_err(NoticesError)?;
        let mailer = settings
            .smtp
            .as_ref()
            .map(|smtp| mail::Mailer::new(smtp, password, settings.timeout()));
        let carriers = Carriers {
            client: Guarded::new(settings.rules()),
            mailer: mailer.transpose().map_err(NoticesError)?,
            settings,
        };
        Ok(Self {
            registry,
            carriers: Arc::new(carriers),
        })
    }

    /// Delivers until told to stop; then what is under way may end, within the time of an attempt.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let poll = Duration::from_millis(self.carriers.settings.poll_ms);
        let (mut under_way, mut looks) = (JoinSet::new(), 0_u64);
        let mut outage = Outage::default();
        while !*stop.borrow() {
            if let (_, Some(error)) = outage.news(self.look(&mut under_way).await) {
                tracing::warn!(%error, "notices wait in the outbox");
            }
            if looks.is_multiple_of(LOOKS_BEFORE_SWEEP) {
                self.sweep().await;
            }
            looks += 1;
            tokio::select! {
                // A place is free: look at once, a target may have more that waits.
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(poll) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Begins as many deliveries as there are places.
    async fn look(&self, under_way: &mut JoinSet<()>) -> Result<(), RegistryError> {
        let settings = &self.carriers.settings;
        let places = settings.at_once.saturating_sub(under_way.len());
        if places == 0 {
            return Ok(());
        }
        let lease = settings.timeout() * LEASE_FACTOR;
        for due in self.registry.lease_deliveries(places, lease).await? {
            under_way.spawn(attempt(self.registry.clone(), self.carriers.clone(), due));
        }
        Ok(())
    }

    async fn sweep(&self) {
        let age = Duration::from_secs(u64::from(self.carriers.settings.keep_days) * 86_400);
        // What one sweep leaves the next one takes.
        if let Err(error) = self.registry.sweep_notices(age).await {
            tracing::warn!(%error, "old notices were not swept away");
        }
    }
}

async fn attempt(registry: Registry, carriers: Arc<Carriers>, due: Due) {
    let work = {
        let due = due.clone();
        let carriers = carriers.clone();
        move || carriers.send(&due)
    };
    let sent = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Failure::plain(panic.to_string())));
    let attempt = judge(&carriers.settings, &due, sent);
    let (notice, target, tries) = (due.notice.0, due.target.0, due.tries);
    match &attempt {
        Attempt::Delivered => tracing::debug!(notice, target, tries, "a notice was delivered"),
        Attempt::Later { reason, .. } => {
            tracing::info!(notice, target, tries, reason, "a notice is tried again");
        }
        Attempt::GivenUp { reason } | Attempt::Gone { reason } => {
            tracing::warn!(notice, target, tries, reason, "a notice is given up");
        }
    }
    note(&registry, &due, &attempt).await;
}

/// What is not noted is sent once more when the lease ends, so it is worth some patience.
async fn note(registry: &Registry, due: &Due, attempt: &Attempt) {
    for _ in 0..NOTE_ATTEMPTS {
        match registry.end_attempt(due, attempt).await {
            Ok(()) => return,
            Err(error) => {
                let (notice, target) = (due.notice.0, due.target.0);
                tracing::warn!(notice, target, %error, "the end of a delivery is not noted yet");
            }
        }
        tokio::time::sleep(NOTE_PAUSE).await;
    }
}

impl Carriers {
    /// Blocks, not for ever.
    fn send(&self, due: &Due) -> Result<Sent, Failure> {
        match (due.medium, &self.mailer) {
            (Medium::Webhook, _) => {
                let now_s = jiff::Timestamp::now().as_second();
                webhook::send(&self.client, due, now_s)
            }
            (Medium::Email, Some(mailer)) => mailer.send(due),
            (Medium::Email, None) => Err(Failure::plain("this host has no mail server")),
        }
    }
}

/// What follows from an attempt.
fn judge(settings: &Settings, due: &Due, sent: Result<Sent, Failure>) -> Attempt {
    let failure = match sent {
        Ok(Sent) => return Attempt::Delivered,
        Err(failure) => failure,
    };
    let reason = failure.reason;
    if failure.gone {
        return Attempt::Gone { reason };
    }
    if failure.hopeless || due.tries >= settings.tries {
        return Attempt::GivenUp { reason };
    }
    let wait = backoff::wait(settings, due.tries, backoff::chance(), failure.patience);
    let now = jiff::Timestamp::now().as_millisecond();
    Attempt::Later {
        at_ms: now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        reason,
    }
}

/// An instant as receivers read it.
fn instant(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms);
    time.map_or_else(|_| ms.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests;
