//! The command line: arguments, commands and reporters. Nothing else prints.

mod args;
mod cmd;
mod report;

pub use args::Cli;
pub use cmd::execute;
