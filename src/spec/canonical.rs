//! The canonical text of parameters: equal for equal settings, however they are written, and nothing else.
//!
//! `{name=value,...}` in the order of the names, without what equals its default. Numbers stand in one form, text in
//! double quotes with `\` before `"` and `\`, spans as `low..high`, lists in brackets, steps as their name and their
//! parameters.

use std::fmt::Write as _;

use super::args::{Args, StepSpec, Value};
use super::check::default_of;
use super::diagnostic::Span;
use super::param::Param;
use super::units::{ByteSize, Failures};
use crate::shown;
use std::os::unix::ffi::OsStrExt;

impl Args {
    /// The canonical text of these parameters, of those that `kept` says.
    pub fn canonical(&self, kept: &dyn Fn(&Param) -> bool) -> String {
        let mut out = String::new();
        args(self, kept, &mut out);
        out
    }
}

impl StepSpec {
    /// The canonical text of this step: its name and the parameters that `kept` says.
    pub fn canonical(&self, kept: &dyn Fn(&Param) -> bool) -> String {
        let mut out = String::new();
        step(self, kept, &mut out);
        out
    }
}

/// The name, with the version of its results where there was an earlier one, and the parameters.
fn step(of: &StepSpec, kept: &dyn Fn(&Param) -> bool, out: &mut String) {
    out.push_str(of.descriptor.name);
    if of.descriptor.version != 1 {
        let _ = write!(out, "/{}", of.descriptor.version);
    }
    args(&of.args, kept, out);
}

fn args(of: &Args, kept: &dyn Fn(&Param) -> bool, out: &mut String) {
    let mut set: Vec<(&str, String)> = of
        .params()
        .filter(|(param, _)| kept(param) && !of.is_default(param))
        .map(|(param, arg)| (param.name, written(&arg.value)))
        .collect();
    set.sort_unstable();
    let texts: Vec<String> = set.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
    let _ = write!(out, "{{{}}}", texts.join(","));
}

impl Args {
    /// Whether a parameter has the value that it has where it is not given.
    pub fn is_default(&self, param: &Param) -> bool {
        let Some(arg) = self.of(param) else { return true };
        let default = || default_of(param).ok().flatten();
        arg.span == Span::DEFAULT || default().is_some_and(|default| written(&default) == written(&arg.value))
    }
}

impl Args {
    /// Steps below these parameters whose results are not of their first version, as `name/version`.
    pub(crate) fn renewed(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.params().for_each(|(_, arg)| renewed(&arg.value, &mut found));
        found
    }
}

fn renewed(of: &Value, found: &mut Vec<String>) {
    match of {
        Value::List(items) => items.iter().for_each(|item| renewed(&item.value, found)),
        Value::Map(args) => found.extend(args.renewed()),
        Value::Steps(steps) => {
            for step in steps {
                if step.descriptor.version != 1 {
                    found.push(format!("{}/{}", step.descriptor.name, step.descriptor.version));
                }
                found.extend(step.args.renewed());
            }
        }
        _ => {}
    }
}

fn written(of: &Value) -> String {
    let mut out = String::new();
    value(of, &mut out);
    out
}

fn value(of: &Value, out: &mut String) {
    match of {
        Value::Bool(value) => drop(write!(out, "{value}")),
        Value::Int(value) => drop(write!(out, "{value}")),
        Value::Float(value) => float(*value, out),
        Value::Text(text) => quoted(text, out),
        Value::Path(path) => quoted(&shown::data(path.as_os_str().as_bytes()), out),
        Value::Bytes(ByteSize::Auto) => out.push_str("auto"),
        Value::Bytes(ByteSize::Exact(count)) | Value::Pixels(count) => drop(write!(out, "{count}")),
        Value::Failures(Failures::Count(count)) => drop(write!(out, "{count}")),
        Value::Failures(Failures::Share(share)) => {
            out.push_str("share ");
            float(*share, out);
        }
        Value::Span(low, high) => {
            value(low, out);
            out.push_str("..");
            value(high, out);
        }
        Value::List(items) => list(items.iter(), |item, out| value(&item.value, out), out),
        Value::Steps(steps) => list(steps.iter(), |of, out| step(of, &|_| true, out), out),
        Value::Map(map) => args(map, &|_| true, out),
        Value::Named(entries) => {
            let mut sorted: Vec<_> = entries.iter().map(|(name, arg)| (name, &arg.value)).collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            let entry = |(name, of): (&String, &Value), out: &mut String| {
                quoted(name, out);
                out.push('=');
                value(of, out);
            };
            list(sorted.into_iter(), entry, out);
        }
    }
}

fn list<T>(items: impl Iterator<Item = T>, mut each: impl FnMut(T, &mut String), out: &mut String) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

/// The shortest digits that give the number back, as Rust writes them; whole numbers without a point.
fn float(value: f64, out: &mut String) {
    // -0 is 0.
    let _ = write!(out, "{}", value + 0.0);
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
