//! Text to syntax, by the parser of the crate `cel`.
//!
//! That parser recurses, and a stack that overflows can't be caught: length and nesting are bounded before it, and it runs
//! on a thread with a large stack of its own.

use super::kinds::Mistake;
use cel::common::ast::{Expr, LiteralValue, SourceInfo};
use cel::{Env, IdedExpr, ParseErrors};
use std::fmt::Write as _;
use std::ops::Range;

/// Bytes of an expression at most.
const LONGEST: usize = 4096;
/// Brackets inside each other at most.
const DEEPEST: usize = 32;
/// Levels of syntax at most; a chain of operators such as `a + b + c` has one for each.
const LEVELS: usize = 256;
/// Far more than an expression of that length and depth takes.
const STACK: usize = 64 << 20;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Syntax {
    /// The bytes that stand for it: a name, a literal, an operator.
    pub(super) at: Range<usize>,
    pub(super) form: Form,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Name(String),
    List(Vec<Syntax>),
    /// A function, a method of `target`, or an operator by the name that CEL gives it, such as `_&&_`.
    Call {
        name: String,
        target: Option<Box<Syntax>>,
        args: Vec<Syntax>,
    },
    /// What CEL has and this language has not.
    Foreign(&'static str),
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Syntax, Mistake> {
    let whole = |message: &str, help: &str| Mistake {
        at: 0..text.len(),
        message: message.to_owned(),
        help: help.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(whole("the expression is empty", EXAMPLE));
    }
    if text.len() > LONGEST {
        return Err(whole(&format!("the expression is longer than {LONGEST} bytes"), "shorten it"));
    }
    if depth(text) > DEEPEST {
        return Err(whole("the expression is nested too deeply", "leave brackets out that it does not need"));
    }
    let owned = text.to_owned();
    let run = std::thread::Builder::new().name("worker-expression".into()).stack_size(STACK);
    let result = run.spawn(move || read(&owned)).map(std::thread::JoinHandle::join);
    result.ok().and_then(Result::ok).unwrap_or_else(|| Err(whole("the expression can't be read", EXAMPLE)))
}

/// Help for expressions that can't be read.
const EXAMPLE: &str = "write for example `noise_sigma > 2.5 && format == \"jpeg\"`";

/// Brackets open at the deepest place; those in texts count too.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn read(text: &str) -> Result<Syntax, Mistake> {
    let parser = Env::default().with_optional_support(false).parser();
    let parser = parser.max_recursion_depth(DEEPEST as u16 + 8);
    let (tree, info) = parser.parse_with_source_info(text).map_err(|errors| first(text, &errors))?;
    Reader { text, info: &info }.syntax(&tree, 0).ok_or_else(|| Mistake {
        at: 0..text.len(),
        message: "the expression has too many parts".to_owned(),
        help: "split it over several steps".to_owned(),
    })
}

/// The first mistake of grammar. What the parser expects in its place is a list of all that may stand there, which helps
/// nobody.
fn first(text: &str, errors: &ParseErrors) -> Mistake {
    let (line, column) = errors.errors.first().map_or((1, 1), |error| error.pos);
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let at = start + rest.char_indices().nth(column - 1).map_or(rest.trim_end().len(), |(at, _)| at);
    let word: &str = text.get(at..).unwrap_or_default();
    let word: &str = word
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(word, |end| word.get(..end.max(1)).unwrap_or_default());
    let deep = errors.errors.iter().any(|error| error.msg.to_ascii_lowercase().contains("recursion"));
    let before = text.get(..at).unwrap_or_default().trim_end();
    let (message, help) = match word {
        _ if deep => ("the expression is nested too deeply".to_owned(), "split it over several steps"),
        _ if text.get(at..).unwrap_or_default().trim().is_empty() => {
            ("the expression ends too early".to_owned(), EXAMPLE)
        }
        "" => ("the expression ends too early".to_owned(), EXAMPLE),
        "and" => ("`and` is no operator".to_owned(), "write `&&`"),
        "or" => ("`or` is no operator".to_owned(), "write `||`"),
        "=" => ("`=` compares nothing".to_owned(), "write `==`"),
        _ if before.ends_with("not") => ("`not` is no operator".to_owned(), "write `!`"),
        _ if before.ends_with('=') && !before.ends_with("==") => {
            ("`=` compares nothing".to_owned(), "write `==`")
        }
        word => (format!("the expression can't be read at `{word}`"), EXAMPLE),
    };
    Mistake { at: at..at + word.len(), message, help: help.to_owned() }
}

struct Reader<'a> {
    text: &'a str,
    info: &'a SourceInfo,
}

impl Reader<'_> {
    /// `None` where there are too many levels.
    fn syntax(&self, of: &IdedExpr, level: usize) -> Option<Syntax> {
        if level > LEVELS {
            return None;
        }
        let all = |parts: &[IdedExpr]| -> Option<Vec<Syntax>> {
            parts.iter().map(|part| self.syntax(part, level + 1)).collect()
        };
        let mut at = self.place(of.id);
        let form = match &of.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Null => Form::Null,
                LiteralValue::Boolean(value) => Form::Bool(*value.inner()),
                LiteralValue::Int(value) => Form::Int(*value.inner()),
                LiteralValue::UInt(value) => {
                    i64::try_from(*value.inner()).map_or(Form::Foreign("so large a number"), Form::Int)
                }
                LiteralValue::Double(value) => Form::Float(*value.inner()),
                LiteralValue::String(value) => Form::Text(value.inner().to_string()),
                LiteralValue::Bytes(_) => Form::Foreign("bytes"),
            },
            Expr::Ident(name) => Form::Name(name.clone()),
            Expr::List(list) => Form::List(all(&list.elements)?),
            Expr::Call(call) => {
                let target = call.target.as_ref().map(|target| self.syntax(target, level + 1));
                let target =
                    target.map_or(Some(None), |target| target.map(|target| Some(Box::new(target))))?;
                at = self.called(&call.func_name, at);
                Form::Call { name: call.func_name.clone(), target, args: all(&call.args)? }
            }
            Expr::Select(select) => {
                at = at.start..(at.end + select.field.len()).min(self.text.len());
                Form::Foreign("a field of a value")
            }
            Expr::Map(_) | Expr::Struct(_) => Form::Foreign("a map"),
            Expr::Comprehension(_) | Expr::Unspecified => Form::Foreign("this"),
        };
        Some(Syntax { at, form })
    }

    fn place(&self, id: u64) -> Range<usize> {
        let last = self.text.len();
        match self.info.offset_for(id) {
            Some((start, stop)) => {
                let start = usize::try_from(start).unwrap_or(0).min(last);
                let end = usize::try_from(stop).unwrap_or(0).saturating_add(1).clamp(start, last);
                start..end
            }
            None => 0..last,
        }
    }

    /// Of a function's call, the parser tells where its bracket stands.
    fn called(&self, name: &str, at: Range<usize>) -> Range<usize> {
        let before = self.text.get(..at.start).unwrap_or_default();
        match before.trim_end().strip_suffix(name) {
            Some(rest) if self.text.get(at.clone()) == Some("(") => rest.len()..rest.len() + name.len(),
            _ => at,
        }
    }
}

impl Syntax {
    /// The same for all spellings of one expression: every operator with brackets around it.
    pub(super) fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let list = |parts: &[Syntax], out: &mut String| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                part.write(out);
            }
        };
        // Writing to a text does not fail.
        match &self.form {
            Form::Null => out.push_str("null"),
            Form::Bool(value) => drop(write!(out, "{value}")),
            Form::Int(value) => drop(write!(out, "{value}")),
            Form::Float(value) => drop(write!(out, "{value:?}")),
            Form::Text(text) => drop(write!(out, "{text:?}")),
            Form::Name(name) => out.push_str(name),
            Form::Foreign(what) => out.push_str(what),
            Form::List(parts) => {
                out.push('[');
                list(parts, out);
                out.push(']');
            }
            Form::Call { name, target, args } => {
                if let Some(target) = target {
                    target.write(out);
                    out.push('.');
                }
                out.push_str(name);
                out.push('(');
                list(args, out);
                out.push(')');
            }
        }
    }
}
