//! Which shard a process is, as the engine that started it tells in the environment.

mod table;

#[cfg(test)]
mod tests;

use crate::run::shard::{MOST_SHARDS, Shard, ShardBy, ShardError};
use std::fmt::Write as _;
use table::{ENGINES, Engine, First, Inside};

/// Variable with the number of shards, for engines that don't tell it.
const COUNT: &str = "SAFELIGHT_SHARDS";
/// Variable with the number of the first task, for engines that let the user choose it and don't tell.
const FIRST: &str = "SAFELIGHT_SHARD_FIRST";

/// What can be read of the environment.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The shard that a text names: `3/16`, `auto`, or `auto/16`.
///
/// # Errors
/// As [`Shard::parse`] and [`detect`].
pub(super) fn asked(text: &str, by: ShardBy, env: Environment<'_>) -> Result<Shard, ShardError> {
    let Some(rest) = text.strip_prefix("auto") else { return Shard::parse(text, by) };
    let count = match rest.strip_prefix('/') {
        None if rest.is_empty() => None,
        // Any number of shards has a first one.
        Some(count) => Some(Shard::parse(&format!("1/{count}"), by)?.count().into()),
        None => return Err(ShardError::Form(text.to_string())),
    };
    detect(env, count, by).map(|(shard, _)| shard)
}

/// The shard that the engine's variables say, and the engine's name. `count` is what the user says, as in `auto/16`.
///
/// One engine may run inside another. Tasks of HyperQueue are its own whatever its workers run in; the ranks of
/// `mpirun` stand above those of the `srun` that started its daemons; an engine with one task divides nothing. If two
/// are left that say different things, neither is believed.
///
/// # Errors
/// When no engine is known, or one doesn't tell all that is needed, or numbers contradict each other; the text says
/// what to write.
fn detect(
    env: Environment<'_>,
    count: Option<u64>,
    by: ShardBy,
) -> Result<(Shard, &'static str), ShardError> {
    let env: Environment<'_> = &|name| env(name).filter(|text| !text.is_empty());
    let seen: Vec<&Engine> = ENGINES.iter().filter(|engine| is_task(engine, env)).collect();
    let inherited = |engine: &Engine| {
        seen.iter().any(|other| {
            other.index != engine.index
                && match other.inside {
                    Inside::Any => true,
                    Inside::Of(outer) => outer.contains(&engine.index),
                }
        })
    };
    let mut said: Vec<(&Engine, Result<Shard, String>)> =
        seen.iter().filter(|e| !inherited(e)).map(|e| (*e, read(e, env, count, by))).collect();
    if said.iter().any(|(engine, _)| !is_single(engine, env)) {
        said.retain(|(engine, _)| !is_single(engine, env));
    }
    match said.as_slice() {
        [] => Err(ShardError::Unknown(unseen(env))),
        [(engine, Ok(shard)), others @ ..] if others.iter().all(|(_, other)| other.as_ref() == Ok(shard)) => {
            Ok((*shard, engine.name))
        }
        [(engine, Err(problem))] => {
            Err(ShardError::Unknown(format!("{}: {problem}; {}", engine.name, engine.advice)))
        }
        several => Err(ShardError::Unknown(differing(several))),
    }
}

/// Whether this process is a task of the engine.
fn is_task(engine: &Engine, env: Environment<'_>) -> bool {
    env(engine.index).is_some_and(|text| !engine.alone.contains(&text.as_str()))
        && engine.besides.is_none_or(|name| env(name).is_some())
}

/// Whether the engine says that there is no other task.
fn is_single(engine: &Engine, env: Environment<'_>) -> bool {
    engine.count.iter().find_map(|name| env(name)).is_some_and(|text| text == "1")
}

/// The shard by one engine's variables.
fn read(engine: &Engine, env: Environment<'_>, given: Option<u64>, by: ShardBy) -> Result<Shard, String> {
    let told = |name: &str| env(name).map(|text| number(name, &text)).transpose();
    let needed = |name: &str| told(name)?.ok_or_else(|| format!("{name} is not set"));
    let optional = |name: Option<&str>| name.map_or(Ok(None), told);

    let index = needed(engine.index)?;
    let step = optional(engine.step)?.unwrap_or(1);
    if step == 0 {
        return Err(format!("{} is 0", engine.step.unwrap_or_default()));
    }
    let chosen = told(FIRST)?;
    let first = match engine.first {
        First::At(usual) => chosen.unwrap_or(usual),
        First::Told(name) => {
            let first = needed(name)?;
            if chosen.is_some_and(|chosen| chosen != first) {
                return Err(format!("{FIRST} and {name} contradict each other"));
            }
            first
        }
    };

    let mut counts: Vec<(String, u64)> = Vec::new();
    counts.extend(given.map(|n| (format!("`--shard auto/{n}`"), n)));
    counts.extend(told(COUNT)?.map(|n| (COUNT.to_string(), n)));
    if let Some(name) = engine.count.iter().find(|name| env(name).is_some()) {
        counts.push((name.to_string(), needed(name)?));
    }
    if let (Some(name), Some(last)) = (engine.last, optional(engine.last)?) {
        let tasks = last.checked_sub(first).map(|span| span / step + 1);
        let tasks = tasks.ok_or_else(|| format!("{name} is {last}, less than the first, {first}"))?;
        counts.push((format!("{name}, from {first} in steps of {step},"), tasks));
    }
    let count = agreed(&counts, engine)?;

    let place = index.checked_sub(first).filter(|place| place % step == 0).ok_or_else(|| {
        let steps = if step == 1 { String::new() } else { format!(" in steps of {step}") };
        format!("{} is {index}, and numbers are taken to start at {first}{steps}", engine.index)
    })? / step;
    Shard::new(place + 1, count, by).map_err(|_| match count {
        0 => "no number of shards can be 0".to_string(),
        _ if count > u64::from(MOST_SHARDS) => {
            format!("{count} shards are too many: there are at most {MOST_SHARDS}")
        }
        _ => format!("{} is {index}, which makes it number {} of {count}", engine.index, place + 1),
    })
}

/// The count that all who say one agree on.
fn agreed(counts: &[(String, u64)], engine: &Engine) -> Result<u64, String> {
    match counts {
        [] => Err(format!("{} says which task this is, but nothing says how many there are", engine.index)),
        [(_, count), others @ ..] if others.iter().all(|(_, other)| other == count) => Ok(*count),
        several => {
            let all: Vec<String> = several.iter().map(|(who, count)| format!("{who} says {count}")).collect();
            Err(format!("the number of tasks is contradictory: {}", all.join(", ")))
        }
    }
}

/// A number without sign or blanks.
fn number(name: &str, text: &str) -> Result<u64, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // Far below where adding 1 could overflow.
    let read = if digits { text.parse().ok().filter(|&n: &u64| n <= u64::from(u32::MAX)) } else { None };
    read.ok_or_else(|| format!("{name} is `{text}`, which is no number of a task"))
}

/// The message when several engines say different things.
fn differing(said: &[(&Engine, Result<Shard, String>)]) -> String {
    let mut text = "several engines number this process, and not alike:".to_string();
    for (engine, shard) in said {
        match shard {
            Ok(shard) => write!(text, " {} says {shard};", engine.name).ok(),
            Err(problem) => write!(text, " {}: {problem};", engine.name).ok(),
        };
    }
    text + " write the shard as `--shard 3/16`"
}

/// The message when there is no engine.
fn unseen(env: Environment<'_>) -> String {
    let mut names: Vec<&str> = ENGINES.iter().map(|e| e.name.split(" (").next().unwrap_or(e.name)).collect();
    names.dedup();
    let hint = if env("SLURM_JOB_ID").is_some() {
        "; this is a Slurm job without tasks: submit it with `--array=1-16`, or start the command by `srun`"
    } else {
        ""
    };
    format!(
        "no engine has numbered this process (known are {}): write the shard as `--shard 3/16`{hint}",
        names.join(", ")
    )
}
