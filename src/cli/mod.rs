//! The command line: arguments, commands and reporters. Nothing else prints.

mod args;
mod cmd;
mod html;
mod report;

pub use args::Cli;
pub use cmd::execute;
