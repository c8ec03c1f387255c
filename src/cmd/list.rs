//! `list`: the steps with their parameters.

use super::{err, out};
use crate::cli::ListArgs;
use crate::spec::{Descriptor, Fallback};
use crate::steps;

/// Prints one step or all.
pub fn list(args: &ListArgs) -> u8 {
    let all = steps::descriptors();
    let Some(name) = &args.step else {
        let text: Vec<String> = all.iter().map(|d| describe(d)).collect();
        return out(&text.join("\n"));
    };
    match all.iter().find(|d| d.name == name) {
        Some(descriptor) => out(&describe(descriptor)),
        None => {
            let names: Vec<_> = all.iter().map(|d| d.name).collect();
            err(&format!("error: there is no step `{name}`; there are {}\n", names.join(", ")));
            2
        }
    }
}

fn describe(step: &Descriptor) -> String {
    let mut text = format!("{}\n    {}\n    {}\n", step.name, step.doc, step.example);
    for param in step.params {
        let default = match param.fallback {
            Fallback::Required => "required".to_string(),
            Fallback::Yaml(value) => format!("default {value}"),
            Fallback::Unset => "optional".to_string(),
        };
        text.push_str(&format!("      {:<12} {} ({default})\n", param.name, param.doc));
    }
    text
}
