//! Values that are allowed and hardly meant, such as a memory limit of 2048 bytes: warnings, not mistakes.

use super::args::{Args, StepSpec, Value};
use super::diagnostic::Report;
use super::node::shown;
use super::units::{ByteSize, Failures};

/// Less memory than the program itself takes.
const LITTLE_MEMORY: u64 = 64 << 20;
/// Fewer pixels than any image worth a run has.
const FEW_PIXELS: u64 = 10_000;
/// A quality of an encoder, out of 100, that nobody wants to look at.
const POOR_QUALITY: i64 = 10;
/// A learning rate of Adam from which nothing is learned.
const HIGH_RATE: f64 = 0.1;

/// Warns of doubtful values of a pipeline without mistakes.
pub(super) fn check(
    (top, inputs): (&Args, &[&Args]),
    limits: &Args,
    steps: &[StepSpec],
    train: Option<&StepSpec>,
    report: &mut Report,
) {
    controls(top, report);
    inputs.iter().for_each(|input| patterns(input, report));
    bytes(limits, "memory", LITTLE_MEMORY, report);
    if let Some(pixels) = limits.pixels("pixels").filter(|pixels| *pixels < FEW_PIXELS) {
        let message = format!("`pixels` is {pixels} pixels: every image with more of them fails");
        let help = format!("write for example `pixels: {pixels}MP`");
        report.warn(limits.span_of("pixels"), message, help);
    }
    if train.is_none() {
        failures(limits, report);
    }
    for step in steps {
        controls(&step.args, report);
        quality(step, report);
    }
    if let Some(train) = train {
        let args = &train.args;
        controls(args, report);
        bytes(args, "keep", 1 << 20, report);
        if let Some(rate) = args.float("rate").filter(|rate| *rate > HIGH_RATE) {
            let message =
                format!("a learning rate of {rate} is so high that training hardly ever gets better");
            report.warn(args.span_of("rate"), message, "write for example `rate: 0.001`".to_owned());
        }
        if let Some(share) = args.float("validation").filter(|share| *share > 0.5) {
            let message = format!("{:.0}% are held out, and only the rest is learned from", share * 100.0);
            report.warn(args.span_of("validation"), message, "write for example `validation: 5%`".to_owned());
        }
    }
}

/// Warns of a size that lacks its unit.
fn bytes(args: &Args, name: &str, least: u64, report: &mut Report) {
    if let Some(ByteSize::Exact(size)) = args.bytes(name)
        && size < least
    {
        let message = format!("`{name}` is {size} bytes, in which no image fits");
        let help = if size < 1 << 20 { format!("`{name}: {size}MiB`") } else { format!("`{name}: 4GiB`") };
        report.warn(args.span_of(name), message, format!("write for example {help}"));
    }
}

/// Warns where nothing stops a run that goes wrong. Who writes 100% means it.
fn failures(limits: &Args, report: &mut Report) {
    if !limits.is_given("max_failures") && limits.failures("max_failures") == Some(Failures::Share(1.0)) {
        let message = "a run goes on even if every image fails: `max_failures` is not given";
        let help = "write for example `limits: {max_failures: 5%}`, or `100%` if that is meant".to_owned();
        report.warn(limits.span_of("max_failures"), message, help);
    }
}

fn quality(step: &StepSpec, report: &mut Report) {
    let args = &step.args;
    if let Some(quality) = args.int("quality").filter(|quality| *quality < POOR_QUALITY) {
        let message = format!("`quality: {quality}` is out of 100: next to nothing of a picture is left");
        report.warn(args.span_of("quality"), message, "write for example `quality: 92`".to_owned());
    }
}

/// Warns of words that look like folders.
fn patterns(input: &Args, report: &mut Report) {
    controls(input, report);
    let reads_hidden = input.bool("hidden").unwrap_or(false);
    for item in input.list("include").unwrap_or_default().iter().filter(|_| !reads_hidden) {
        let Some(text) = item.value.text() else { continue };
        if text.split('/').any(|name| name.starts_with('.')) {
            let message =
                format!("{} matches nothing: names that begin with a dot are left out", shown(text));
            report.warn(item.span, message, "add `hidden: true` to `input`".to_owned());
        }
    }
    for name in ["include", "exclude"] {
        for item in input.list(name).unwrap_or_default() {
            let Some(text) = item.value.text() else { continue };
            if !text.contains(['*', '?', '[', '{', '.']) {
                let message = format!("{} matches only a file that is called so", shown(text));
                report.warn(
                    item.span,
                    message,
                    format!("what is in a folder of that name is `\"{text}/**\"`"),
                );
            }
        }
    }
}

/// Warns of paths with control characters, which escapes in double quotes make.
fn controls(args: &Args, report: &mut Report) {
    for (name, arg) in args.iter() {
        let text = match &arg.value {
            Value::Path(path) => path.to_string_lossy(),
            Value::Text(text) => text.into(),
            _ => continue,
        };
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            let message = format!("`{name}` holds the control character `{}`", c.escape_default());
            let help = "`\\` begins an escape inside double quotes: write single quotes, or paths with `/`";
            report.warn(arg.span, message, help.to_owned());
        }
    }
}
