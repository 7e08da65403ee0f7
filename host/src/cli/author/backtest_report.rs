//! What a back-test found, for people.
//!
//! In: a back-test. Out: cut-flows, the pass rate, what alerts cost, failures, what differs, the first
//! passing alerts. Never: more of these than fit a screen; `--json` has all.

use serde_json::Value;

use super::session::{items, number, plain, text};
use super::table::{cut_flow, titled, trimmed};

/// Alerts of a list that are shown.
const SHOWN: usize = 10;

/// A back-test, ended or under way.
pub fn report(backtest: &Value) -> String {
    let part = |pointer| text(backtest, pointer);
    let head = format!(
        "back-test {} of version {}, setting {}: {}, {} alerts judged, {} passed",
        part("/id"),
        part("/version"),
        part("/setting"),
        part("/state"),
        part("/progress/judged"),
        part("/progress/passed")
    );
    let result = &backtest["result"];
    if !result.is_object() {
        return head;
    }
    let mut blocks = vec![head];
    for night in items(result, "/nights") {
        blocks.push(format!(
            "night {}\n{}",
            text(night, "/night"),
            cut_flow(night)
        ));
    }
    blocks.push(figures(result));
    blocks.extend(failures(result));
    blocks.extend(difference(result));
    blocks.extend(passing(result));
    blocks.join("\n\n")
}

fn figures(result: &Value) -> String {
    let percent = result["pass_percent"].as_f64().unwrap_or_default();
    let mut table = titled(["an alert costs", "median", "90 %", "99 %", "most"]);
    for (name, cost, divisor) in [("fuel", "fuel", 1), ("time [µs]", "time_ns", 1_000)] {
        let figure =
            |field: &str| (number(result, &format!("/{cost}/{field}")) / divisor).to_string();
        let mut row = vec![name.to_owned()];
        row.extend(["p50", "p90", "p99", "max"].map(figure));
        table.add_row(row);
    }
    let damaged = number(result, "/damaged");
    let damaged = if damaged > 0 {
        format!("; {damaged} packets are damaged")
    } else {
        String::new()
    };
    let (passed, alerts) = (text(result, "/passed"), text(result, "/alerts"));
    format!(
        "{passed} of {alerts} alerts pass: {percent:.3} %{damaged}\n{}",
        trimmed(&table)
    )
}

fn failures(result: &Value) -> Option<String> {
    let failures = result["failures"].as_object()?;
    let lines: Vec<String> = failures
        .iter()
        .map(|(kind, failure)| {
            let example = &items(failure, "/examples")
                .first()
                .cloned()
                .unwrap_or_default();
            let (alerts, id) = (text(failure, "/alerts"), text(example, "/alert_id"));
            format!(
                "failed: {}, {alerts} alerts, such as {id}: {}",
                plain(kind),
                text(example, "/message")
            )
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn difference(result: &Value) -> Option<String> {
    let difference = result.get("difference").filter(|found| found.is_object())?;
    let part = |pointer| text(difference, pointer);
    let mut lines = vec![format!(
        "against setting {}, which is active: {} pass both, {} are gained, {} are lost",
        part("/setting"),
        part("/both"),
        part("/gained"),
        part("/lost")
    )];
    for (sign, list) in [("+", "/gained_alerts"), ("-", "/lost_alerts")] {
        for alert in items(difference, list).iter().take(SHOWN) {
            lines.push(format!(
                "  {sign} {}  ({})",
                name(alert),
                text(alert, "/because")
            ));
        }
    }
    Some(lines.join("\n"))
}

fn passing(result: &Value) -> Option<String> {
    let alerts = items(result, "/passing");
    if alerts.is_empty() {
        return None;
    }
    let shown = alerts.iter().take(SHOWN).map(|alert| {
        let annotations = alert["annotations"].as_object().into_iter().flatten();
        let annotations: String = annotations
            .map(|(name, value)| format!("  {}={}", plain(name), text(value, "")))
            .collect();
        format!("  {}{annotations}", name(alert))
    });
    let shown: Vec<String> = shown.collect();
    Some(format!("the first passing alerts\n{}", shown.join("\n")))
}

fn name(alert: &Value) -> String {
    let part = |pointer| text(alert, pointer);
    format!(
        "{}  {}  {}",
        part("/night"),
        part("/object_id"),
        part("/alert_id")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_holds_what_an_author_asks_for() {
        let cost = json!({"alerts": 3, "p50": 2000, "p90": 3000, "p99": 4000, "max": 5000});
        let alert = json!({"object_id": "o", "alert_id": "17", "night": "2026-11-23", "because": "rejected: faint"});
        let backtest = json!({
            "id": 4, "version": 2, "setting": 9, "state": "done",
            "progress": {"judged": 100, "passed": 5},
            "result": {
                "alerts": 100, "passed": 5, "pass_percent": 5.0, "damaged": 1,
                "nights": [{"night": "2026-11-23", "evaluated": 100, "passed": 5, "failed": {},
                    "rejected": [{"reason": "faint", "summary": "too faint", "alerts": 95, "remaining": 5}]}],
                "fuel": cost, "time_ns": cost,
                "failures": {"trap": {"alerts": 2, "examples": [{"alert_id": "3", "message": "out of bounds"}]}},
                "difference": {"setting": 8, "both": 3, "gained": 2, "lost": 1,
                    "gained_alerts": [alert], "lost_alerts": [alert]},
                "passing": [{"object_id": "p", "alert_id": "18", "night": "2026-11-23", "annotations": {"rise": 1.5}}],
            },
        });
        let shown = report(&backtest);
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "back-test 4 of version 2, setting 9: done, 100 alerts judged, 5 passed",
            "night 2026-11-23",
            "faint 95 5 too faint",
            "5 of 100 alerts pass: 5.000 %; 1 packets are damaged",
            "time [µs] 2 3 4 5",
            "failed: trap, 2 alerts, such as 3: out of bounds",
            "against setting 8, which is active: 3 pass both, 2 are gained, 1 are lost",
            "+ 2026-11-23 o 17 (rejected: faint)",
            "2026-11-23 p 18 rise=1.5",
        ] {
            assert!(flat.contains(words), "{words:?} in\n{shown}");
        }
    }
}
