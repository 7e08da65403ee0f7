//! Two settings over the same alerts: what one gains and loses against the other.
//!
//! In: the judgement of both. Out: counts, and the first alerts of each sort. Never: more than a
//! hundred of them.

use super::nights::ChosenNights;
use super::report::{AlertName, ChangedAlert, DifferenceReport};
use crate::evaluate::Verdict;
use crate::judge::{Alert, Judgement, Verdicts};
use crate::source::Packet;

/// Alerts that are listed of each sort.
const LISTED: usize = 100;

/// Add what differs between the `tested` setting and the one that `difference` names.
pub(super) fn add(
    difference: &mut DifferenceReport,
    tested: i64,
    packets: &[Packet],
    judgement: &Judgement,
    nights: Option<&ChosenNights>,
) {
    let of = |setting: i64| {
        let mut verdicts = judgement.verdicts.iter();
        verdicts.find(|said| said.filter.destination.setting == setting)
    };
    let (Some(tested), Some(other)) = (of(tested), of(difference.setting)) else {
        return;
    };
    let (mut tested, mut other) = (Said::new(tested), Said::new(other));
    for (row, alert) in (0_u32..).zip(&judgement.alerts) {
        let (new, old) = (tested.of(row), other.of(row));
        if nights.is_some_and(|nights| !nights.holds(&alert.identity.night)) {
            continue;
        }
        match (new.is_none(), old.is_none()) {
            (true, true) => difference.both += 1,
            (true, false) => {
                difference.gained += 1;
                list(&mut difference.gained_alerts, packets, alert, old);
            }
            (false, true) => {
                difference.lost += 1;
                list(&mut difference.lost_alerts, packets, alert, new);
            }
            (false, false) => {}
        }
    }
}

fn list(to: &mut Vec<ChangedAlert>, packets: &[Packet], alert: &Alert, because: Option<String>) {
    if to.len() < LISTED {
        to.push(ChangedAlert {
            alert: AlertName::of(packets, alert),
            because: because.unwrap_or_default(),
        });
    }
}

/// What one setting says, row by row.
struct Said<'a> {
    verdicts: &'a Verdicts,
    next: usize,
}

impl<'a> Said<'a> {
    fn new(verdicts: &'a Verdicts) -> Self {
        Self { verdicts, next: 0 }
    }

    /// None where it passes, else why not. Rows are asked for in ascending order.
    fn of(&mut self, row: u32) -> Option<String> {
        if self.verdicts.rows.get(self.next) != Some(&row) {
            return Some("lacking".to_owned());
        }
        let verdict = &self.verdicts.evaluation.verdicts[self.next];
        self.next += 1;
        match verdict {
            Verdict::Pass(_) => None,
            Verdict::Reject { code, .. } => {
                let reason = self.verdicts.filter.destination.reason(*code);
                Some(format!("rejected: {reason}"))
            }
            Verdict::Fail(fault) => Some(format!("failed: {}", fault.kind)),
        }
    }
}
