//! What the page says, in words: the data of its template and of its scripts.

use super::facts::Facts;
use super::numbers::{bytes, count, counted, duration, figure, moment, path, round};
use super::samples::{Sample, Samples, Shown};
use super::{failed, measured, timed};
use serde_json::{Value, json};

/// The data of the template.
pub(super) fn data(facts: &Facts<'_>) -> Value {
    let Facts { subject, tally, .. } = facts;
    let (samples_title, samples_about) = samples_words(facts.samples);
    let samples: Vec<Value> = facts.samples.samples.iter().map(figure_of).collect();
    let (failures, notes, duplicates) =
        (failed::section(tally), failed::notes(tally), measured::duplicates(facts));
    let (distributions, spreads) = (measured::charts(facts), measured::spreads(facts));
    let map =
        facts.points.map(|points| json!({"about": measured::map_about(facts.rows.paths.len(), points)}));
    let time = timed::time(facts);
    let all = tally.failed + tally.acknowledged;
    let sections = [
        (!samples.is_empty(), "samples", samples_title, None),
        (!failures.is_null(), "failures", "Failures", (all > 0).then(|| count(all as u64))),
        (!notes.is_null(), "notes", "Refused and lost", None),
        (!distributions.is_empty(), "distributions", "Measurements", None),
        (map.is_some(), "map-section", "Map", None),
        (!duplicates.is_null(), "duplicates", "Duplicates", Some(count(facts.groups.len() as u64))),
        (facts.training.is_some(), "training", "Training", None),
        (!time.is_null(), "time", "Time", None),
        (true, "about", "What ran", None),
    ];
    let sections = sections.into_iter().filter(|(there, ..)| *there);
    let sections: Vec<Value> =
        sections.map(|(_, id, title, count)| json!({"id": id, "title": title, "count": count})).collect();
    json!({
        "name": crate::shown::text(subject.name),
        "kicker": kicker(facts),
        "sections": sections,
        "lead": lead(facts),
        "figures": headline(facts),
        "warnings": facts.warnings,
        "samples": samples,
        "samples_title": samples_title,
        "samples_about": samples_about,
        "failures": failures,
        "notes": notes,
        "distributions": distributions,
        "distributions_about": measured::about(facts),
        "spreads": spreads,
        "map": map,
        "duplicates": duplicates,
        "training": facts.training,
        "time": time,
        "facts": timed::what_ran(facts),
        "pipeline": timed::pipeline(facts),
        "footer": format!("Written by safelight {}. This folder needs no network and can be mailed as it is.", env!("CARGO_PKG_VERSION")),
    })
}

fn kicker(facts: &Facts<'_>) -> String {
    let run = facts.subject.run;
    let what = if facts.subject.trains { "Training" } else { "Run" };
    match (run.started(), run.summed("seconds")) {
        (Some(started), Some(seconds)) => format!("{what} of {}, {}", moment(started), duration(seconds)),
        (Some(started), None) => format!("{what} of {}", moment(started)),
        _ => format!("{what} of a safelight pipeline"),
    }
}

fn lead(facts: &Facts<'_>) -> String {
    let tally = facts.tally;
    if facts.subject.trains {
        let run = facts.subject.run;
        return match (run.summed("epochs"), run.summed("steps")) {
            (Some(epochs), Some(steps)) => {
                format!(
                    "Trained for {} and {}.",
                    counted(epochs as usize, "epoch"),
                    counted(steps as usize, "step")
                )
            }
            _ => "A training, with what it has learned so far.".into(),
        };
    }
    let all = tally.done + tally.failed + tally.acknowledged;
    let mut text = match (all, tally.failed) {
        (0, _) => "No picture was found.".into(),
        (1, 0) if tally.done == 1 => "The one picture is done.".into(),
        (_, 0) if tally.done == all => format!("All {} pictures are done.", count(all as u64)),
        (_, failed) => {
            let failed =
                if failed > 0 { format!(", {} failed", count(failed as u64)) } else { String::new() };
            format!("{} of {} are done{failed}.", count(tally.done as u64), counted(all, "picture"))
        }
    };
    if tally.acknowledged > 0 {
        text.push_str(&format!(" {} acknowledged.", counted(tally.acknowledged, "failure")));
    }
    if tally.vanished > 0 {
        text.push_str(&format!(" {} not seen by the last run.", were(tally.vanished)));
    }
    text
}

fn were(number: usize) -> String {
    format!("{} {}", count(number as u64), if number == 1 { "was" } else { "were" })
}

/// The figures at the top.
fn headline(facts: &Facts<'_>) -> Vec<Value> {
    let (tally, run) = (facts.tally, facts.subject.run);
    let mut found = Vec::new();
    let mut add = |label: &str, value: String, unit: &str, tone: Option<&str>| {
        found.push(json!({"label": label, "value": value, "unit": unit, "tone": tone}));
    };
    if facts.subject.trains {
        if let Some(seconds) = run.summed("seconds") {
            add("Took", duration(seconds), "", None);
        }
        return found;
    }
    add("Done", count(tally.done as u64), "", None);
    let tone = (tally.failed > 0).then_some("bad");
    add("Failed", count(tally.failed as u64), "", tone);
    if tally.unchanged > 0 {
        add("Left as they were", count(tally.unchanged as u64), "", None);
    }
    if tally.outputs.0 > 0 {
        add("Files", count(tally.outputs.0 as u64), &bytes(tally.outputs.1), None);
    }
    match (run.summed("seconds"), run.summed("pixels"), run.summed("done")) {
        (Some(seconds), Some(pixels), Some(done)) if seconds > 0.0 && done > 0.0 => {
            add("Speed", figure(round(pixels / 1e6 / seconds)), "megapixels a second", None);
        }
        _ if tally.seconds > 0.0 => add("Work", duration(tally.seconds), "", None),
        _ => {}
    }
    if !facts.rows.paths.is_empty() {
        add("Rows", count(facts.rows.paths.len() as u64), "in the table", None);
    }
    found
}

fn samples_words(samples: &Samples) -> (&'static str, String) {
    let mut parts = Vec::new();
    if let Some((name, more)) = &samples.measure {
        let (worst, best) = if *more { ("lowest", "highest") } else { ("highest", "lowest") };
        parts.push(format!("worst and best by {name} ({worst} and {best})"));
    }
    match &samples.change {
        Some(name) => parts.push(format!("most changed by {name}")),
        None => {
            parts.push("most changed by the difference of the pictures, of some that were looked at".into())
        }
    }
    parts.push("and some by chance".into());
    let about = format!("Chosen as {}. Large pictures are shown where they changed most.", parts.join(", "));
    ("Before and after", about)
}

fn label(sample: &Sample) -> String {
    let names: Vec<&str> = sample.why.iter().map(|why| why.name()).collect();
    let text = names.join(", ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn figure_of(sample: &Sample) -> Value {
    let path = path(&sample.path);
    let side = |shown: &Option<Shown>| shown.as_ref().map(|s| json!({"file": s.file}));
    json!({"label": label(sample), "path": path, "remarks": sample.remarks,
           "width": sample.size.0, "height": sample.size.1,
           "before": side(&sample.before), "after": side(&sample.after),
           "before_alt": format!("{path}, before"), "after_alt": format!("{path}, after")})
}

/// The samples for the viewer.
pub(super) fn samples(samples: &Samples) -> Value {
    samples.samples.iter().map(figure_of).collect()
}
