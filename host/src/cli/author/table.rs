//! Tables for people: listings and cut-flows.
//!
//! In: documents of the host. Out: text. Never: a document that is not shown because a field is missing.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use super::session::{items, minute, number, text};

/// What a column shows.
#[derive(Debug, Clone, Copy)]
pub enum Show {
    /// A text or number, as it is.
    Text,
    /// An instant, to the minute.
    Time,
    /// A number, to the right.
    Number,
}

/// Title, pointer into an item, and how it is shown.
pub type Column<'a> = (&'a str, &'a str, Show);

/// An empty table with these titles.
pub fn titled<'a>(titles: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(titles);
    table
}

/// The items of a page, a row each; `nothing` where there is none, and a word where there are more.
pub fn listing(page: &Value, columns: &[Column<'_>], nothing: &str) -> String {
    let found = items(page, "/items");
    if found.is_empty() {
        return nothing.to_owned();
    }
    let mut table = titled(columns.iter().map(|(title, ..)| *title));
    for item in found {
        table.add_row(columns.iter().map(|column| cell(item, column)));
    }
    for (index, (_, _, show)) in columns.iter().enumerate() {
        if let (Show::Number, Some(column)) = (show, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let more = if page["next"].is_null() {
        ""
    } else {
        "\n(there are more: --limit)"
    };
    format!("{}{more}", trimmed(&table))
}

fn cell(item: &Value, (_, pointer, show): &Column<'_>) -> String {
    let text = text(item, pointer);
    match show {
        _ if text.is_empty() => "-".to_owned(),
        Show::Time => minute(&text),
        Show::Text | Show::Number => text,
    }
}

/// A table without spaces at the ends of its lines.
pub fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// What each cut removed, and what remained: of an item with `evaluated`, `failed`, `rejected` (in the
/// order of the cuts) and `passed`.
pub fn cut_flow(item: &Value) -> String {
    let mut table = titled(["", "alerts", "remaining", ""]);
    let mut row = |name: &str, alerts: String, remaining: String, summary: String| {
        table.add_row([name.to_owned(), alerts, remaining, summary]);
    };
    let none = String::new;
    let lacking = number(item, "/lacking");
    if lacking > 0 {
        row("lacking a field", lacking.to_string(), none(), none());
    }
    let evaluated = text(item, "/evaluated");
    row("evaluated", evaluated.clone(), evaluated, none());
    let failed = item["failed"].as_object().into_iter().flatten();
    let failed: Vec<(String, u64)> = failed
        .map(|(kind, alerts)| {
            let alerts = alerts.as_u64().or_else(|| alerts["alerts"].as_u64());
            (super::session::plain(kind), alerts.unwrap_or_default())
        })
        .collect();
    for (kind, alerts) in &failed {
        row(
            &format!("failed: {kind}"),
            alerts.to_string(),
            none(),
            none(),
        );
    }
    for cut in items(item, "/rejected") {
        row(
            &text(cut, "/reason"),
            text(cut, "/alerts"),
            text(cut, "/remaining"),
            text(cut, "/summary"),
        );
    }
    row("passed", text(item, "/passed"), none(), none());
    for (limit, alerts) in item["withheld"].as_object().into_iter().flatten() {
        let name = format!("withheld: {}", super::session::plain(limit));
        row(&name, text(alerts, ""), none(), none());
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    trimmed(&table)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_listing_has_a_row_for_each_item() {
        let page = json!({"items": [
            {"name": "a", "n": 5, "at": "2026-11-23T17:40:12.340Z"},
            {"name": "longer", "n": 12_345, "at": null},
        ], "next": "x"});
        let columns = [
            ("name", "/name", Show::Text),
            ("n", "/n", Show::Number),
            ("when", "/at", Show::Time),
        ];
        let expected = " name    n      when\n a           5  2026-11-23 17:40\n longer  12345  -\n\
                        (there are more: --limit)";
        assert_eq!(
            listing(&page, &columns, "nothing"),
            expected.replace(" n      when", "     n  when")
        );
        assert_eq!(
            listing(&json!({"items": []}), &columns, "nothing"),
            "nothing"
        );
    }

    #[test]
    fn a_cut_flow_says_what_remained() {
        let item = json!({
            "lacking": 3, "evaluated": 100, "failed": {"fuel": 1}, "passed": 9,
            "rejected": [{"reason": "faint", "summary": "too faint", "alerts": 90, "remaining": 9}],
            "withheld": {"gate": 2},
        });
        let shown = cut_flow(&item);
        for line in [
            "lacking a field       3",
            "evaluated           100        100",
            "faint                90          9  too faint",
            "withheld: gate        2",
        ] {
            assert!(shown.contains(line), "{line:?} in\n{shown}");
        }
    }
}
