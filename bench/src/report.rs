//! What was measured: a table for people, a document for programs.
//!
//! In: figures with their units, ratios. Out: a table on standard output, and `bench.json`. Never:
//! a judgement whether a figure is good.

use std::path::Path;

use anyhow::Result;
use comfy_table::Table;
use serde_json::{Map, Value, json};

/// All figures of one run.
#[derive(Default)]
pub struct Report {
    figures: Map<String, Value>,
    ratios: Map<String, Value>,
    details: Map<String, Value>,
}

impl Report {
    /// Add a figure.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str) {
        self.figures
            .insert(name.to_owned(), json!({"value": value, "unit": unit}));
    }

    /// Add what is more than one value; it stands in the document alone.
    pub fn detail(&mut self, name: &str, value: Value) {
        self.details.insert(name.to_owned(), value);
    }

    /// Add the ratio of two figures that are there: `above / below`.
    pub fn ratio(&mut self, name: &str, above: &str, below: &str) {
        if let (Some(above), Some(below)) = (self.value(above), self.value(below)) {
            self.ratios.insert(name.to_owned(), json!(above / below));
        }
    }

    /// A figure's value.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.get(name)?["value"].as_f64()
    }

    /// Print the table and write the document.
    ///
    /// # Errors
    /// When the document cannot be written.
    pub fn publish(&self, path: &Path) -> Result<()> {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["figure", "value", "unit"]);
        for (name, figure) in &self.figures {
            let unit = figure["unit"].as_str().unwrap_or_default();
            table.add_row([name.as_str(), &digits(&figure["value"]), unit]);
        }
        for (name, ratio) in &self.ratios {
            table.add_row([name.as_str(), &digits(ratio), "ratio"]);
        }
        println!("{table}");
        let mut document = json!({"figures": self.figures, "ratios": self.ratios});
        if !self.details.is_empty() {
            document["details"] = Value::Object(self.details.clone());
        }
        std::fs::write(path, serde_json::to_vec_pretty(&document)?)?;
        println!("written to {}", path.display());
        Ok(())
    }
}

/// Three significant digits.
fn digits(value: &Value) -> String {
    let value = value.as_f64().unwrap_or(f64::NAN);
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_ratio_needs_both_its_figures() {
        let mut report = Report::default();
        report.figure("a", 3.0, "ns");
        report.ratio("a_over_b", "a", "b");
        assert!(report.ratios.is_empty());
        report.figure("b", 2.0, "ns");
        report.ratio("a_over_b", "a", "b");
        assert!((report.ratios["a_over_b"].as_f64().unwrap() - 1.5).abs() < 1e-12);
    }
}
