//! The gate before the live stream: a setting whose test passed too large a part of the alerts does
//! not go live. Pure.
//!
//! In: a stream's gate, what is known of a setting. Out: whether it may go live, and why not. Never:
//! the registry, or an exception that is not written down there.

/// A stream's gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// Greatest part of a stream's alerts that a filter may pass [%]; from 100 on nothing is asked.
    pub percent: f64,
    /// A test counts from so many alerts on.
    pub alerts: u64,
}

/// What a trial or a back-test gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tested {
    /// Alerts of the stream, those included that lack a field which the filter requires: they come
    /// along in the live stream as well.
    pub alerts: u64,
    /// Alerts that passed.
    pub passed: u64,
}

impl Tested {
    /// Part of the alerts that passed [%].
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // two digits are shown
    pub fn percent(self) -> f64 {
        self.passed as f64 * 100.0 / self.alerts.max(1) as f64
    }
}

/// Why a setting may not go live.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Closed {
    /// Nothing of enough alerts.
    #[error(
        "the setting has not been tested: a back-test or trial of at least {least} alerts is asked for, \
         and there is {best}"
    )]
    Untested {
        /// So many are asked for.
        least: u64,
        /// What there is.
        best: String,
    },
    /// It passes too much.
    #[error(
        "{what} passed {passed} of {alerts} alerts, {percent:.2} %; the stream's gate is {most} %",
        passed = tested.passed, alerts = tested.alerts, percent = tested.percent()
    )]
    PassesTooMuch {
        /// Back-test and its number, or the trial.
        what: String,
        /// What it gave.
        tested: Tested,
        /// The gate [%].
        most: f64,
    },
}

impl Gate {
    /// Whether every setting may go live.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.percent >= 100.0
    }

    /// Decide by the back-test (with its number) where it has enough alerts, else by the trial.
    ///
    /// # Errors
    /// Why the setting may not go live.
    pub fn decide(
        self,
        backtest: Option<(i64, Tested)>,
        trial: Option<Tested>,
    ) -> Result<(), Closed> {
        if self.is_open() {
            return Ok(());
        }
        let enough = |tested: &Tested| tested.alerts >= self.alerts;
        let by_backtest = backtest
            .filter(|(_, tested)| enough(tested))
            .map(|(id, tested)| (format!("back-test {id}"), tested));
        let by_trial = || {
            trial
                .filter(enough)
                .map(|tested| ("the trial at upload".to_owned(), tested))
        };
        let Some((what, tested)) = by_backtest.or_else(by_trial) else {
            return Err(Closed::Untested {
                least: self.alerts,
                best: best(backtest, trial),
            });
        };
        if tested.percent() <= self.percent {
            return Ok(());
        }
        Err(Closed::PassesTooMuch {
            what,
            tested,
            most: self.percent,
        })
    }
}

fn best(backtest: Option<(i64, Tested)>, trial: Option<Tested>) -> String {
    match (backtest, trial) {
        (Some((id, tested)), _) => format!("back-test {id} of {}", tested.alerts),
        (None, Some(tested)) => format!("the trial at upload, of {}", tested.alerts),
        (None, None) => "none of this version with these parameters".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: Gate = Gate {
        percent: 5.0,
        alerts: 200,
    };

    fn tested(alerts: u64, passed: u64) -> Tested {
        Tested { alerts, passed }
    }

    fn check(backtest: Option<Tested>, trial: Option<Tested>, words: Option<&str>) {
        let said = GATE.decide(backtest.map(|tested| (7, tested)), trial);
        match words {
            None => assert_eq!(said, Ok(())),
            Some(words) => {
                let error = said.err().map(|error| error.to_string());
                let error = error.unwrap_or_default();
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn a_test_of_enough_alerts_decides() {
        check(None, None, Some("none of this version"));
        check(
            None,
            Some(tested(199, 0)),
            Some("the trial at upload, of 199"),
        );
        check(None, Some(tested(200, 10)), None);
        check(None, Some(tested(200, 11)), Some("5.50 %"));
        check(Some(tested(1_000, 50)), None, None);
        check(
            Some(tested(1_000, 51)),
            None,
            Some("back-test 7 passed 51 of 1000"),
        );
        check(Some(tested(199, 0)), None, Some("back-test 7 of 199"));
    }

    #[test]
    fn a_back_test_outweighs_the_trial() {
        check(
            Some(tested(1_000, 500)),
            Some(tested(256, 0)),
            Some("50.00 %"),
        );
        check(Some(tested(1_000, 0)), Some(tested(256, 200)), None);
        check(Some(tested(10, 10)), Some(tested(256, 0)), None);
    }

    #[test]
    fn a_gate_of_a_hundred_percent_asks_nothing() {
        let open = Gate {
            percent: 100.0,
            ..GATE
        };
        assert_eq!(open.decide(None, Some(tested(300, 300))), Ok(()));
    }
}
