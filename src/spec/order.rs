//! Rules about the order of steps: nothing whose result is lost, no two sinks in one folder.

use super::args::StepSpec;
use super::diagnostic::{Report, Span};
use super::param::{Descriptor, Role};
use super::suggest::quoted;
use crate::shown::Show;

/// Reports steps that cannot stand where they stand. `section` is where `steps` stands.
pub(super) fn check(
    steps: &[StepSpec],
    section: Span,
    registry: &[&'static Descriptor],
    report: &mut Report,
) {
    let takes_row = |role: Role| matches!(role, Role::WritePairs | Role::WriteRow);
    let is_sink = |role: Role| role == Role::WriteImage || takes_row(role);
    let names_of = |wanted: &dyn Fn(Role) -> bool| {
        quoted(registry.iter().filter(|known| wanted(known.role)).map(|known| known.name))
    };
    let last = |wanted: &dyn Fn(Role) -> bool| steps.iter().rposition(|step| wanted(step.descriptor.role));
    let last_sink = last(&is_sink);
    let last_row = last(&takes_row);
    if last_sink.is_none() {
        let help = format!("end the steps with one of {}", names_of(&is_sink));
        report.error(section, "no step writes anything", help);
    }
    for (index, step) in steps.iter().enumerate() {
        let name = step.descriptor.name;
        match step.descriptor.role {
            Role::Columns if last_row.is_some_and(|last| index > last) => {
                let help = "move it before the step that writes the row".to_owned();
                report.error(
                    step.span,
                    format!("the columns of `{name}` would be lost: no row is written after it"),
                    help,
                );
            }
            Role::Columns if last_row.is_none() && last_sink.is_some() => {
                let help = format!("add one of {} after it", names_of(&takes_row));
                report.error(
                    step.span,
                    format!("the columns of `{name}` would be lost: no row is written after it"),
                    help,
                );
            }
            Role::Many if steps.iter().take(index).any(|s| s.descriptor.role == Role::Many) => {
                let help = "take one of them, or write the patches first and corrupt them in a second job"
                    .to_owned();
                report.error(
                    step.span,
                    format!("`{name}` comes after a step that already makes several samples"),
                    help,
                );
            }
            Role::Image | Role::Many if last_sink.is_some_and(|last| index > last) => {
                let help = "move it before the step that writes, or remove it".to_owned();
                report.error(step.span, format!("`{name}` has no effect: nothing is written after it"), help);
            }
            Role::Image
                if last_sink.is_some()
                    && !steps.iter().skip(index + 1).any(|later| uses_picture(later.descriptor.role)) =>
            {
                let help = "remove it, or add a step after it that writes or measures the picture".to_owned();
                report.error(
                    step.span,
                    format!("`{name}` has no effect: no step after it uses the picture"),
                    help,
                );
            }
            role if is_sink(role) => same_folder(steps, index, report),
            _ => {}
        }
    }
}

/// Whether a step makes something of the picture other than a picture: what it writes, measures or cuts.
fn uses_picture(role: Role) -> bool {
    match role {
        Role::Many | Role::Columns | Role::WriteImage | Role::WritePairs => true,
        Role::Image | Role::WriteRow => false,
    }
}

/// Reports a sink that writes into the folder of an earlier one of the same name.
fn same_folder(steps: &[StepSpec], index: usize, report: &mut Report) {
    let Some(step) = steps.get(index) else { return };
    let Some(folder) = step.args.path("folder") else { return };
    let earlier = steps.iter().take(index).position(|other| {
        other.descriptor.name == step.descriptor.name && other.args.path("folder") == Some(folder)
    });
    if let Some(earlier) = earlier {
        let message = format!(
            "`{}` writes into folder `{}`, as step {} does",
            step.descriptor.name,
            folder.shown(),
            earlier + 1
        );
        report.error(step.args.span_of("folder"), message, "give each its own `folder`".to_owned());
    }
}
