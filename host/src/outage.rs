//! Whether the registry is away, for a task that asks it again and again: said once, not at every look.
//!
//! In: how each look ended. Out: the first error of a row of them. Never: a word about the ones after it.

/// What is known of an outage.
#[derive(Debug, Default)]
pub struct Outage {
    lasts: bool,
}

impl Outage {
    /// What a look gave, and its error where it is the first in a row.
    pub fn news<T, E>(&mut self, looked: Result<T, E>) -> (Option<T>, Option<E>) {
        let lasted = std::mem::replace(&mut self.lasts, looked.is_err());
        match looked {
            Ok(found) => (Some(found), None),
            Err(error) => (None, (!lasted).then_some(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_news_once() {
        let mut outage = Outage::default();
        let looks = [Ok(1), Err('a'), Err('b'), Ok(2), Err('c')];
        let news = looks.map(|look| outage.news(look));
        let expected = [
            (Some(1), None),
            (None, Some('a')),
            (None, None),
            (Some(2), None),
            (None, Some('c')),
        ];
        assert_eq!(news, expected);
    }
}
