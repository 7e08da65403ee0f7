//! When to try again. Pure but for the jitter.
//!
//! In: how many attempts there were. Out: a wait. Never: a wait beyond the longest one.

use std::time::Duration;

use super::settings::Settings;

/// The wait after attempt `tries` (from 1): four times as long each time, of which a random half is
/// left out, so that what failed together does not come back together. At least `asked`, where the
/// receiver asked to be left alone; never beyond the longest.
pub(super) fn wait(
    settings: &Settings,
    tries: u32,
    chance: u16,
    asked: Option<Duration>,
) -> Duration {
    let longest = Duration::from_millis(settings.longest_wait_ms);
    let steps = 4_u64.saturating_pow(tries.saturating_sub(1));
    let whole = Duration::from_millis(settings.first_wait_ms.saturating_mul(steps)).min(longest);
    let wait = whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u16::MAX));
    asked.map_or(wait, |asked| wait.max(asked)).min(longest)
}

/// Chance for [`wait`]; a source that fails spreads nothing, which harms nobody.
pub(super) fn chance() -> u16 {
    let mut bytes = [0; 2];
    _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let settings = Settings::default();
        let wait_s = |tries, chance| wait(&settings, tries, chance, None).as_secs_f64();
        let cases = [
            (1, 2.5, 5.0),
            (2, 10.0, 20.0),
            (3, 40.0, 80.0),
            (7, 10_240.0, 20_480.0),
            (8, 10_800.0, 21_600.0),
            (u32::MAX, 10_800.0, 21_600.0),
        ];
        for (tries, least, most) in cases {
            assert!((wait_s(tries, 0) - least).abs() < 1e-6, "{tries}");
            assert!((wait_s(tries, u16::MAX) - most).abs() < 1e-6, "{tries}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_patience_but_not_for_ever() {
        let settings = Settings::default();
        let asked = |seconds| wait(&settings, 1, 0, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!((asked(60), asked(1), asked(u64::MAX)), (60, 2, 21_600));
    }
}
