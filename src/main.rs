//! The `safelight` program: parses, calls, maps to an exit code.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    safelight::nn::Door::install();
    ExitCode::from(safelight::cli::execute(&safelight::cli::Cli::parse()))
}
