//! `similar`: rows of a table that are like a picture.

use super::code;
use super::machine::tell;
use super::print::out;
use super::refusal::Refusal;
use crate::cli::args::SimilarArgs;
use crate::job::{Job, JobError, Pipeline, Question, Similar, Subject, home, similar as answer};
use crate::plan::absolute;
use serde_json::json;

/// Prints the nearest rows.
///
/// # Errors
/// When the table can't be read, the row is not in it, or the picture's vector can't be made.
pub(super) fn similar(args: &SimilarArgs) -> Result<u8, Refusal> {
    let question = Question {
        table: absolute(&args.table),
        column: args.column.clone(),
        neighbours: usize::from(args.neighbours),
        pipeline: args.pipeline.as_deref().map(absolute),
    };
    let subject = match (&args.picture, &args.row) {
        (Some(picture), _) => Subject::Picture(absolute(picture)),
        (None, Some(row)) => Subject::Row(row.clone()),
        (None, None) => {
            return Err(Refusal::Usage("give a picture, or a row of the table with --row".into()));
        }
    };
    // Models are named as the pipeline's working directory sees them.
    if let (None, Some(home)) = (&question.pipeline, home(&question.table)) {
        std::env::set_current_dir(home).ok();
    }
    let load = |pipeline: Pipeline<'_>| {
        let job = match pipeline {
            Pipeline::File(file) => Job::load(file, &[]),
            Pipeline::Text(text, file) => Job::parse(text, file, &[]),
        };
        job.map(Job::into_plan).map_err(|mistakes| JobError::Pipeline(Box::new(mistakes)))
    };
    let found = answer(&question, &subject, load)?;
    if args.json {
        let nearest = found.nearest.iter().map(|near| {
            json!({"path": near.path, "distance": near.distance, "class": near.class, "reason": near.reason})
        });
        let nearest: Vec<_> = nearest.collect();
        let told =
            json!({"column": found.column, "rows": found.rows, "known": found.known, "nearest": nearest});
        return Ok(tell("similar", told, code::OK));
    }
    Ok(out(&text(&found)))
}

fn text(found: &Similar) -> String {
    let known = if found.known { "; the picture is one of them" } else { "" };
    let mut text = format!("column {}, {} rows{known}\n", found.column, found.rows);
    for near in &found.nearest {
        let class = match (near.class, near.reason) {
            (Some(class), Some(reason)) => format!("{class}: {reason}"),
            (class, _) => class.unwrap_or_default().to_string(),
        };
        text.push_str(format!("{:.6}  {}  {class}", near.distance, near.path).trim_end());
        text.push('\n');
    }
    text
}
