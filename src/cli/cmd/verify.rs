//! `verify`: reads every output again and compares it with the ledger.

use super::code;
use super::machine::{self, Form};
use super::opened::Given;
use super::print::{err, out};
use super::refusal::Refusal;
use crate::job::told;
use crate::shown::Show;

/// Prints what is not as it was written.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub(super) fn verify(given: &Given, form: Form) -> Result<u8, Refusal> {
    let (verified, trains, name, output) = match given {
        Given::Job(job) => (job.verify()?, job.trains(), job.name(), job.output()),
        Given::Output(output) => (output.verify()?, output.trains()?, output.name(), output.folder()),
    };
    if let Form::Json(command) = form {
        let (found, exit) = told::verified((name, output), trains, &verified);
        return Ok(machine::tell(command, found, exit));
    }
    if verified.problems.is_empty() {
        return Ok(out(&format!("{} files verified, all as written\n", verified.files)));
    }
    verified.problems.iter().for_each(|(path, problem)| err(&format!("{}: {problem}\n", path.shown())));
    err(&format!("{} of {} files are not as written\n", verified.problems.len(), verified.files));
    err(if trains {
        "the next run writes model, curve and history again, whatever stands there; sheets of epochs that are over are not \
         made again\n"
    } else {
        "missing ones are made again by the next run; those that changed are kept: restore or remove them, or run with \
         --replace-edited\n"
    });
    Ok(code::FAILURE)
}
