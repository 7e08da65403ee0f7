//! `skysieve openapi`: the HTTP interface as a document, without a running host.
//!
//! In: nothing. Out: OpenAPI 3.1 as JSON, as `docs/openapi.json` holds it. Never: what a configuration
//! changes.

use std::io::Write;
use std::process::ExitCode;

/// Print it.
///
/// # Errors
/// When standard output is closed.
pub fn run() -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(crate::api::document_text().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
