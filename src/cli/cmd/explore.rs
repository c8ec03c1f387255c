//! `explore`: compares the vectors of a table, all with all.

use super::code;
use super::machine::tell;
use super::print::out;
use super::refusal::Refusal;
use crate::cli::args::{DistanceArg, ExploreArgs};
use crate::explore::Settings;
use crate::job::told::path;
use crate::job::{ExploredTable, explore_folder, explore_output};
use crate::shown::Show;
use crate::store::FAULT_VARIABLE;
use crate::vectors::Distance;
use serde_json::json;

/// Writes the file and tells where it is.
///
/// # Errors
/// When the table can't be read or the file not be written.
pub(super) fn explore(args: &ExploreArgs) -> Result<u8, Refusal> {
    let settings = Settings {
        column: args.column.clone(),
        neighbours: usize::from(args.neighbours),
        distance: match args.distance {
            DistanceArg::Cosine => Distance::Cosine,
            DistanceArg::Euclidean => Distance::Euclidean,
        },
        components: usize::from(args.components),
        clusters: args.clusters.map(usize::from),
        seed: args.seed,
    };
    let fault = std::env::var(FAULT_VARIABLE).ok();
    let explored = match &args.to {
        Some(to) => explore_folder(&args.table, to, &settings, fault.as_deref())?,
        None => explore_output(&args.table, &settings, fault.as_deref())?,
    };
    if args.json {
        let ExploredTable { file, rows, known } = &explored;
        let file = path(file);
        let told = json!({"file": file, "rows": rows, "known": known, "unchanged": known.is_none()});
        return Ok(tell("explore", told, code::OK));
    }
    Ok(out(&text(&explored)))
}

fn text(explored: &ExploredTable) -> String {
    let ExploredTable { file, rows, known } = explored;
    let how = match known {
        None => "as it was".to_string(),
        Some(0) => "all compared".to_string(),
        Some(known) => format!("{known} known from the last time"),
    };
    format!("{}: {rows} rows, {how}\n", file.shown())
}
