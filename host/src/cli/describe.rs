//! `skysieve describe`: what a filter's file declares.
//!
//! In: a .wasm file. Out: a page for people, or one JSON object. Never: a judgement of alerts; that
//! is `replay`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::filters::local_uploader;
use crate::evaluate::{Description, Parameter};
use crate::upload::StreamSamples;

/// Print what a filter declares: fields, parameters, reasons, annotations
#[derive(Debug, clap::Args)]
pub struct DescribeArgs {
    /// The filter as cargo leaves it, target/wasm32-unknown-unknown/release/NAME.wasm, or a component
    pub file: PathBuf,
    /// One JSON object on standard output and nothing else
    #[arg(long)]
    pub json: bool,
}

/// What is known of a file without an alert.
#[derive(Debug, Serialize)]
struct Described {
    /// As it was given.
    file: String,
    /// Size of the file [bytes].
    bytes: usize,
    /// Of the file, hexadecimal.
    sha256: String,
    #[serde(flatten)]
    description: Description,
}

/// Checks, compiles and asks the filter as an upload would.
///
/// # Errors
/// When the file cannot be read, or an upload of it would be refused.
pub fn run(arguments: &DescribeArgs) -> anyhow::Result<ExitCode> {
    let described = describe(&arguments.file)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&described)?);
    } else {
        print!("{}", page(&described)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(file: &Path) -> anyhow::Result<Described> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let accepted = local_uploader(folder.path())?.accept(&bytes, &StreamSamples::default())?;
    Ok(Described {
        file: file.display().to_string(),
        bytes: bytes.len(),
        sha256: accepted.sha256,
        description: accepted.description,
    })
}

fn page(described: &Described) -> Result<String, std::fmt::Error> {
    let description = &described.description;
    let mut page = String::new();
    writeln!(page, "{}", description.title)?;
    writeln!(
        page,
        "{}, {} bytes, sha256 {}",
        described.file, described.bytes, described.sha256
    )?;
    writeln!(page, "built with {}", description.built_with)?;
    let fields = description.fields.iter().map(|field| {
        let required = if field.required {
            "required"
        } else {
            "may be null"
        };
        vec![
            field.paths.join(" or "),
            field.element.as_str().to_owned(),
            required.to_owned(),
        ]
    });
    section(&mut page, "Fields", fields)?;
    let parameters = description.parameters.iter().map(parameter);
    section(&mut page, "Parameters", parameters)?;
    let reasons = description.reasons.iter().enumerate();
    let reasons = reasons.map(|(index, reason)| {
        vec![
            (index + 1).to_string(),
            reason.name.clone(),
            reason.summary.clone(),
        ]
    });
    section(
        &mut page,
        "Reasons to reject, in the order of the cuts",
        reasons,
    )?;
    let annotations = description.annotations.iter().map(|kind| {
        vec![
            kind.name.clone(),
            kind.element.as_str().to_owned(),
            kind.unit.clone(),
            kind.summary.clone(),
        ]
    });
    section(&mut page, "Annotations", annotations)?;
    Ok(page)
}

fn parameter(parameter: &Parameter) -> Vec<String> {
    let default = format!("= {}", parameter.default);
    vec![
        parameter.name.clone(),
        default,
        parameter.allowed(),
        parameter.summary.clone(),
    ]
}

/// A heading and lines in columns; nothing where there are none.
fn section(
    page: &mut String,
    title: &str,
    lines: impl Iterator<Item = Vec<String>>,
) -> std::fmt::Result {
    let lines: Vec<Vec<String>> = lines.collect();
    let Some(columns) = lines.first().map(Vec::len) else {
        return Ok(());
    };
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    writeln!(page, "\n{title}")?;
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        writeln!(
            page,
            "  {}",
            cells.collect::<Vec<_>>().join("  ").trim_end()
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_says_everything_in_columns() {
        let description = serde_json::json!({
            "title": "Bright", "built_with": "skysieve-sdk 0.1.0",
            "fields": [{"paths": ["a.mag", "b"], "element": "float32", "required": true}],
            "parameters": [{"name": "limit", "type": "float64", "unit": "mag", "summary": "Faintest.",
                "default": 18.5, "minimum": 10.0, "maximum": null, "choices": []}],
            "reasons": [{"name": "faint", "summary": "fainter than the limit"}],
            "annotations": []});
        let described = Described {
            file: "bright.wasm".to_owned(),
            bytes: 7,
            sha256: "ab".to_owned(),
            description: serde_json::from_value(description).unwrap(),
        };
        let expected = "Bright\nbright.wasm, 7 bytes, sha256 ab\nbuilt with skysieve-sdk 0.1.0\n\n\
            Fields\n  a.mag or b  float32  required\n\n\
            Parameters\n  limit  = 18.5  a finite number from 10.0 [mag]  Faintest.\n\n\
            Reasons to reject, in the order of the cuts\n  1  faint  fainter than the limit\n";
        assert_eq!(page(&described).unwrap(), expected);
    }
}
