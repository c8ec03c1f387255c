//! What a model's metadata says of how its weights came about.

use super::checkpoint::State;
use super::event::Figure;
use super::settings::{Data, Start, TrainPlan};
use crate::shown::Show;

/// How the weights came about, for the model's metadata.
pub(super) fn recipe(plan: &TrainPlan, state: &State) -> String {
    let start = match &plan.start {
        Start::Random => String::new(),
        Start::Model { path, hash, .. } => {
            format!(", from {} ({})", path.file_name().unwrap_or_default().shown(), &hash[..16])
        }
    };
    let agree = plan.agree.map(|a| {
        let (weight, temperature, crop) = (a.weight, a.temperature, 100.0 * a.crop);
        format!(" + {weight} NT-Xent (temperature {temperature}, views of {crop}% or more)")
    });
    let agree = agree.unwrap_or_default();
    let inputs = match &plan.data {
        Data::Pictures { inputs, .. } if inputs.len() > 1 => {
            let texts: Vec<_> =
                inputs.iter().map(|m| format!("{} (weight {})", m.name(), m.weight)).collect();
            format!(", inputs {}", texts.join(" and "))
        }
        _ => String::new(),
    };
    format!(
        "safelight {}, job {}, {} loss{}{agree}, {}{}{}, rate {} ({}, {} steps of warm-up), batch {}, best of {} epochs, {} \
         updates, seed {}{start}{inputs}",
        env!("CARGO_PKG_VERSION"),
        plan.name,
        plan.loss.name(),
        if plan.late_loss == plan.loss {
            String::new()
        } else {
            format!(" (from epoch {} on {})", plan.late + 1, plan.late_loss.name())
        },
        plan.method.name(),
        if plan.average > 0.0 { format!(", weights averaged by {}", plan.average) } else { String::new() },
        if plan.decay > 0.0 { format!(", decay {}", plan.decay) } else { String::new() },
        plan.rate,
        plan.schedule.name(),
        plan.warmup,
        plan.batch,
        state.progress.history.len(),
        state.adam.updates,
        plan.seed,
    )
}

pub(super) fn score(figure: &Figure) -> String {
    let baseline = figure.baseline.as_ref().map(|(name, v)| format!(" ({name} {v:.5})")).unwrap_or_default();
    format!("{} {:.5}{baseline}", figure.name, figure.value)
}
