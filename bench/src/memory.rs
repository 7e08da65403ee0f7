//! What one further filter costs in memory.
//!
//! In: the benchmark filter. Out: resident bytes per filter, of many copies that differ by a byte
//! and are compiled, mapped and run each for itself. Never: the compiler's memory; loading happens
//! in a process of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use skysieve::evaluate::{ParameterValue, Program, Sandbox, Settings, Vouched, compile};

use crate::evaluate::{Batch, FAINTEST_MAG, component};
use crate::report::Report;

/// Copies that are loaded beside the first.
const COPIES: u32 = 100;
/// Alerts that each copy judges, so that it has really run.
const ROWS: usize = 256;

/// Compile the copies, have a process of its own load them, report.
///
/// # Errors
/// When a copy does not compile or load.
pub fn run(module: &[u8], packets: &Path, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for copy in 0..=COPIES {
        let component = with_section(component(module)?, copy);
        std::fs::write(
            folder.path().join(format!("{copy:03}.cwasm")),
            compile(&component)?,
        )?;
    }
    let output = Command::new(std::env::current_exe()?)
        .arg("--packets")
        .arg(packets)
        .arg("--load")
        .arg(folder.path())
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "loading copies: {complaint}");
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    report.figure("memory_per_filter_bytes", bytes, "bytes");
    Ok(())
}

/// In the process of its own: load the first, then the others; print resident bytes per other.
///
/// # Errors
/// When a copy does not load.
pub fn load(folder: &Path, packets: &[Vec<u8>]) -> Result<()> {
    let sandbox = Sandbox::new(&Settings::default())?;
    let batch = Batch::of(packets, ROWS)?;
    let parameters = [ParameterValue::Float64(FAINTEST_MAG)];
    let load = |copy: u32| -> Result<Program> {
        let file = folder.join(format!("{copy:03}.cwasm"));
        let program = sandbox.load_file(&Vouched::from_our_compiler(file))?;
        drop(program.evaluate(&batch.columns, &batch.rows, &parameters));
        Ok(program)
    };
    let first = load(0)?;
    let before = resident_bytes()?;
    let others: Vec<Program> = (1..=COPIES).map(load).collect::<Result<_>>()?;
    let after = resident_bytes()?;
    drop((first, others));
    println!("{}", after.saturating_sub(before) / u64::from(COPIES));
    Ok(())
}

/// A custom section makes another file of it; it changes nothing else.
fn with_section(mut component: Vec<u8>, copy: u32) -> Vec<u8> {
    component.extend([0, 9, 4]);
    component.extend(b"copy");
    component.extend(copy.to_le_bytes());
    component
}

/// Resident pages of this process, files included (proc_pid_status(5), `VmRSS`).
fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("no VmRSS")?;
    let kilobytes: u64 = line
        .split_whitespace()
        .nth(1)
        .context("no VmRSS")?
        .parse()?;
    Ok(kilobytes * 1024)
}
