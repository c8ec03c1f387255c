//! Names and types of an expression, checked before anything runs; what passes is compiled.

use super::eval::{Comparison, Node, Operator};
use super::functions::{FUNCTIONS, Function, time};
use super::kinds::{Mistake, Name, Type, Wanted};
use super::parse::{Form, Syntax};
use crate::columns::Value;
use crate::spec::suggest;
use regex::Regex;

/// Checks an expression; gives what is to be evaluated, and the places of the names it uses.
pub(super) fn check(
    syntax: &Syntax,
    scope: &[Name],
    wanted: Wanted,
) -> Result<(Node, Vec<usize>), Vec<Mistake>> {
    let mut checker = Checker { scope, mistakes: Vec::new(), names: Vec::new() };
    let (node, found) = checker.part(syntax);
    let (fits, what, help) = match wanted {
        Wanted::Condition => {
            (found.fits(Type::Bool), "true or false", "compare it with something, such as `> 2.5`")
        }
        Wanted::Number => (
            found.is_number() || found == Type::Unknown,
            "a number",
            "such as `clamp(noise_sigma / 10, 0, 1)`",
        ),
    };
    if !fits {
        checker.mistake(syntax, format!("{what} is wanted here, and this is {}", found.name()), help);
    }
    checker.names.sort_unstable();
    checker.names.dedup();
    if checker.mistakes.is_empty() { Ok((node, checker.names)) } else { Err(checker.mistakes) }
}

struct Checker<'a> {
    scope: &'a [Name],
    mistakes: Vec<Mistake>,
    names: Vec<usize>,
}

const NOTHING: (Node, Type) = (Node::Constant(Value::Null), Type::Unknown);

impl Checker<'_> {
    fn mistake(&mut self, at: &Syntax, message: impl Into<String>, help: impl Into<String>) -> (Node, Type) {
        self.mistakes.push(Mistake { at: at.at.clone(), message: message.into(), help: help.into() });
        NOTHING
    }

    fn part(&mut self, syntax: &Syntax) -> (Node, Type) {
        let constant = |value, kind| (Node::Constant(value), kind);
        match &syntax.form {
            Form::Null => constant(Value::Null, Type::Null),
            Form::Bool(value) => constant(Value::Bool(*value), Type::Bool),
            Form::Int(value) => constant(Value::Int(*value), Type::Int),
            Form::Float(value) => constant(Value::Float(*value), Type::Float),
            Form::Text(text) => constant(Value::Text(text.clone()), Type::Text),
            Form::Name(name) => self.name(syntax, name),
            Form::List(_) => self.mistake(
                syntax,
                "a list stands only behind `in`",
                "such as `format in [\"jpeg\", \"webp\"]`",
            ),
            Form::Foreign(what) => self.mistake(
                syntax,
                format!("{what} has no place in an expression"),
                "use names, numbers, texts and functions",
            ),
            Form::Call { name, target, args } => self.call(syntax, name, target.as_deref(), args),
        }
    }

    fn name(&mut self, syntax: &Syntax, name: &str) -> (Node, Type) {
        let Some(at) = self.scope.iter().rposition(|known| known.name == name) else {
            if FUNCTIONS.iter().any(|function| function.name == name) {
                return self.mistake(syntax, format!("`{name}` is a function"), format!("write `{name}(…)`"));
            }
            let known = self.scope.iter().map(|known| known.name.as_str());
            let help = suggest::help(name, known, "what is known here, and measured before, is");
            return self.mistake(syntax, format!("unknown name `{name}`"), help);
        };
        match Type::of(self.scope[at].kind) {
            Some(kind) => {
                self.names.push(at);
                (Node::Name(at), kind)
            }
            None => self.mistake(
                syntax,
                format!("`{name}` is a vector, which no expression takes"),
                "leave it out",
            ),
        }
    }

    fn call(
        &mut self,
        syntax: &Syntax,
        name: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
    ) -> (Node, Type) {
        let comparison = match name {
            "_==_" => Some(Comparison::Equal),
            "_!=_" => Some(Comparison::Unequal),
            "_<_" => Some(Comparison::Less),
            "_<=_" => Some(Comparison::AtMost),
            "_>_" => Some(Comparison::More),
            "_>=_" => Some(Comparison::AtLeast),
            _ => None,
        };
        let operator = match name {
            "_+_" => Some(Operator::Add),
            "_-_" => Some(Operator::Subtract),
            "_*_" => Some(Operator::Multiply),
            "_/_" => Some(Operator::Divide),
            "_%_" => Some(Operator::Remainder),
            _ => None,
        };
        match (name, target, args) {
            ("_&&_" | "_||_", None, [a, b]) => {
                let pair = Box::new([self.truth(a), self.truth(b)]);
                (if name == "_&&_" { Node::And(pair) } else { Node::Or(pair) }, Type::Bool)
            }
            ("!_", None, [inner]) => (Node::Not(Box::new(self.truth(inner))), Type::Bool),
            ("-_", None, [inner]) => {
                let zero = Node::Constant(Value::Int(0));
                let (inner, kind) = self.number(inner);
                (Node::Arithmetic(Operator::Subtract, Box::new([zero, inner])), kind)
            }
            ("_?_:_", None, [condition, yes, no]) => self.choice(syntax, [condition, yes, no]),
            ("@in", None, [inner, list]) => self.is_in(inner, list),
            ("has", None, [of @ Syntax { form: Form::Name(_), .. }]) => {
                let (of, _) = self.part(of);
                let pair = Box::new([of, Node::Constant(Value::Null)]);
                (Node::Compare(Comparison::Unequal, pair), Type::Bool)
            }
            ("timestamp", None, [Syntax { form: Form::Text(text), at }]) => match time(text) {
                Some(time) => (Node::Constant(time), Type::Time),
                None => {
                    let at = Syntax { at: at.clone(), form: Form::Null };
                    self.mistake(
                        &at,
                        format!("`{text}` is no time"),
                        "write for example `2020-02-29T12:00:00Z`",
                    )
                }
            },
            ("matches", Some(target), [pattern]) => self.matches(target, pattern),
            (_, None, [a, b]) if let Some(comparison) = comparison => {
                self.compare(syntax, comparison, [a, b])
            }
            (_, None, [a, b]) if let Some(operator) = operator => self.calculate(operator, [a, b]),
            _ => self.function(syntax, name, target, args),
        }
    }

    fn truth(&mut self, of: &Syntax) -> Node {
        self.typed(of, Type::Bool, "compare it with something, such as `> 2.5`")
    }

    /// A part that has to be of a type.
    fn typed(&mut self, of: &Syntax, wanted: Type, help: &str) -> Node {
        let (node, kind) = self.part(of);
        if !kind.fits(wanted) {
            self.mistake(of, format!("{} is wanted here, and this is {}", wanted.name(), kind.name()), help);
        }
        node
    }

    fn number(&mut self, of: &Syntax) -> (Node, Type) {
        let (node, kind) = self.part(of);
        if !kind.is_number() && kind != Type::Unknown {
            self.mistake(of, format!("a number is wanted here, and this is {}", kind.name()), "use a number");
            return (node, Type::Unknown);
        }
        (node, kind)
    }

    fn choice(&mut self, syntax: &Syntax, [condition, yes, no]: [&Syntax; 3]) -> (Node, Type) {
        let condition = self.truth(condition);
        let ((yes, first), (no, second)) = (self.part(yes), self.part(no));
        let kind = match (first, second) {
            (Type::Null, other) | (other, Type::Null) => other,
            (Type::Int, Type::Float) | (Type::Float, Type::Int) => Type::Float,
            (a, b) if a.fits(b) => {
                if a == Type::Unknown {
                    b
                } else {
                    a
                }
            }
            (a, b) => {
                let message = format!("one of these is {} and the other {}", a.name(), b.name());
                return self.mistake(syntax, message, "give both the same type");
            }
        };
        (Node::If(Box::new([condition, yes, no])), kind)
    }

    fn compare(&mut self, syntax: &Syntax, comparison: Comparison, [a, b]: [&Syntax; 2]) -> (Node, Type) {
        let ((a, first), (b, second)) = (self.part(a), self.part(b));
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        let nothing = first == Type::Null || second == Type::Null;
        if nothing && !equality {
            self.mistake(syntax, "nothing is larger or smaller than null", "ask with `== null` or `!= null`");
        } else if !nothing && !first.fits(second) {
            let message = format!("{} can't be compared with {}", first.name(), second.name());
            let help = if first == Type::Text || second == Type::Text {
                "texts stand in quotes, numbers without"
            } else {
                "compare like with like"
            };
            self.mistake(syntax, message, help);
        } else if first == Type::Bool && second == Type::Bool && !equality {
            self.mistake(syntax, "true and false have no order", "use `==`, `!=`, `&&` or `||`");
        }
        (Node::Compare(comparison, Box::new([a, b])), Type::Bool)
    }

    fn calculate(&mut self, operator: Operator, [a, b]: [&Syntax; 2]) -> (Node, Type) {
        let ((first, kind), (second, other)) = (self.part(a), self.part(b));
        if operator == Operator::Add && kind == Type::Text && other == Type::Text {
            return (Node::Arithmetic(operator, Box::new([first, second])), Type::Text);
        }
        for (of, kind) in [(a, kind), (b, other)] {
            if !kind.is_number() && kind != Type::Unknown {
                self.mistake(of, format!("{} can't be calculated with", kind.name()), "use numbers");
                return NOTHING;
            }
        }
        let kind = if (kind, other) == (Type::Int, Type::Int) { Type::Int } else { Type::Float };
        (Node::Arithmetic(operator, Box::new([first, second])), kind)
    }

    fn is_in(&mut self, inner: &Syntax, list: &Syntax) -> (Node, Type) {
        let (node, kind) = self.part(inner);
        let Form::List(parts) = &list.form else {
            return self.mistake(
                list,
                "a list is wanted behind `in`",
                "such as `format in [\"jpeg\", \"webp\"]`",
            );
        };
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            let (node, other) = self.part(part);
            if !kind.fits(other) {
                self.mistake(
                    part,
                    format!("{} can't be compared with {}", kind.name(), other.name()),
                    "compare like with like",
                );
            }
            all.push(node);
        }
        (Node::In(Box::new(node), all), Type::Bool)
    }

    fn matches(&mut self, target: &Syntax, pattern: &Syntax) -> (Node, Type) {
        let node = self.typed(target, Type::Text, "use a text such as `path`");
        let Form::Text(text) = &pattern.form else {
            return self.mistake(
                pattern,
                "a pattern stands in quotes",
                "such as `path.matches(\"^scans/[0-9]+/\")`",
            );
        };
        match Regex::new(text) {
            Ok(regex) => (Node::Matches(Box::new(node), regex), Type::Bool),
            Err(_) => self.mistake(
                pattern,
                format!("`{text}` is no regular expression"),
                "see the syntax of the crate `regex`",
            ),
        }
    }

    fn function(
        &mut self,
        syntax: &Syntax,
        name: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
    ) -> (Node, Type) {
        let parts: Vec<&Syntax> = target.into_iter().chain(args).collect();
        let known: Option<&Function> = FUNCTIONS.iter().find(|function| function.name == name);
        let Some(function) = known else {
            let special = ["matches", "has", "timestamp"];
            if special.contains(&name) {
                let example = match name {
                    "has" => "`has(iso)`",
                    "matches" => "`path.matches(\"^scans/\")`",
                    _ => "`timestamp(\"2020-02-29T12:00:00Z\")`",
                };
                return self.mistake(
                    syntax,
                    format!("`{name}` is not called so"),
                    format!("write for example {example}"),
                );
            }
            let names = FUNCTIONS.iter().map(|function| function.name).chain(special);
            let help = suggest::help(name, names, "there are");
            let shown = name.trim_matches('_');
            return self.mistake(syntax, format!("unknown function `{shown}`"), help);
        };
        let (least, method) = (function.params.len(), function.method);
        if method != target.is_some() || parts.len() < least || (parts.len() > least && !function.more) {
            let shown: Vec<&str> = function.params.iter().map(|kind| kind.name()).collect();
            let help = match (method, shown.split_first()) {
                (true, Some((first, rest))) => {
                    format!("it is called on {first}: `….{name}(…)`, with {} more", rest.len())
                }
                _ => format!("it takes {}{}", shown.len(), if function.more { " or more" } else { "" }),
            };
            return self.mistake(syntax, format!("`{name}` is not called so"), help);
        }
        let mut nodes = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            let wanted = function.params[at.min(least - 1)];
            let (node, kind) = self.part(part);
            if !kind.fits(wanted) {
                self.mistake(
                    part,
                    format!("`{name}` wants {} here, and this is {}", wanted.name(), kind.name()),
                    "use that",
                );
            }
            nodes.push(node);
        }
        (Node::Call(function.apply, nodes), function.result)
    }
}
