//! What was prepared for the schemas seen last.

/// A bounded list of values by key, the one used last in front. Streams use one or a few schemas at
/// a time, so that the first look almost always hits.
pub(crate) struct Recent<K, V> {
    entries: Vec<(K, V)>,
    most: usize,
}

impl<K, V> Recent<K, V> {
    /// Keeps at most `most` values.
    pub fn new(most: usize) -> Recent<K, V> {
        Recent {
            entries: Vec::new(),
            most,
        }
    }

    /// Moves the value whose key matches to the front; false where there is none.
    pub fn recall(&mut self, matches: impl Fn(&K) -> bool) -> bool {
        match self.entries.iter().position(|(key, _)| matches(key)) {
            Some(index) => {
                self.entries[..=index].rotate_right(1);
                true
            }
            None => false,
        }
    }

    /// Puts a value in front; the one unused for longest goes where there are too many.
    pub fn put(&mut self, key: K, value: V) {
        self.entries.truncate(self.most - 1);
        self.entries.insert(0, (key, value));
    }

    /// Forgets values at the back until the others' keys weigh at most `most`; the front one stays.
    pub fn keep_within(&mut self, most: usize, weight: impl Fn(&K) -> usize) {
        let mut total = 0_usize;
        let mut kept = 0;
        for (key, _) in &self.entries {
            total = total.saturating_add(weight(key));
            if kept > 0 && total > most {
                break;
            }
            kept += 1;
        }
        self.entries.truncate(kept);
    }

    /// The value in front.
    pub fn front(&self) -> Option<&V> {
        self.entries.first().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_not_used_for_longest() {
        let mut recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        assert!(recent.recall(|key| *key == "a"));
        assert_eq!(recent.front(), Some(&1));
        recent.put("c", 3);
        assert!(!recent.recall(|key| *key == "b"));
        assert!(recent.recall(|key| *key == "a") && recent.recall(|key| *key == "c"));
        assert_eq!(recent.entries.len(), 2);
        recent.keep_within(1, |key| key.len());
        assert_eq!(recent.entries.len(), 1);
        recent.keep_within(0, |key| key.len());
        assert_eq!(recent.front(), Some(&3));
    }
}
