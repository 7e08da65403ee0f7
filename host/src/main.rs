//! The `skysieve` program: parse the command line, call one function.

use std::process::ExitCode;

fn main() -> ExitCode {
    skysieve::cli::main()
}
