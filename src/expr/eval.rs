//! The value of a checked expression.
//!
//! A picture may lack a value, such as an ISO number; that is null. A comparison with null does not hold, arithmetic with
//! null is null, and where yes or no is wanted null is no; only `== null` and `!= null` ask for it. `!=` is the opposite of `==`, so
//! that null is unequal to all else.

use crate::columns::Value;
use regex::Regex;
use std::cmp::Ordering;

/// A checked part of an expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value),
    /// A name, by its place in the scope.
    Name(usize),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    /// Condition, value if it holds, value if not.
    If(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Arithmetic(Operator, Box<[Node; 2]>),
    In(Box<Node>, Vec<Node>),
    Call(fn(&[Value]) -> Value, Vec<Node>),
    Matches(Box<Node>, Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Whether a part holds.
pub(super) fn truth(node: &Node, names: &dyn Fn(usize) -> Value) -> bool {
    matches!(value(node, names), Value::Bool(true))
}

/// The value of a part.
pub(super) fn value(node: &Node, names: &dyn Fn(usize) -> Value) -> Value {
    let two = |pair: &[Node; 2]| (value(&pair[0], names), value(&pair[1], names));
    match node {
        Node::Constant(value) => value.clone(),
        Node::Name(name) => names(*name),
        Node::Not(inner) => Value::Bool(!truth(inner, names)),
        Node::And(pair) => Value::Bool(pair.iter().all(|part| truth(part, names))),
        Node::Or(pair) => Value::Bool(pair.iter().any(|part| truth(part, names))),
        Node::If(parts) => value(&parts[if truth(&parts[0], names) { 1 } else { 2 }], names),
        Node::Compare(comparison, pair) => {
            let (a, b) = two(pair);
            Value::Bool(compares(*comparison, &a, &b))
        }
        Node::Arithmetic(operator, pair) => {
            let (a, b) = two(pair);
            calculate(*operator, &a, &b)
        }
        Node::In(inner, list) => {
            let inner = value(inner, names);
            let found = inner != Value::Null
                && list.iter().any(|part| compares(Comparison::Equal, &inner, &value(part, names)));
            Value::Bool(found)
        }
        Node::Call(function, args) => {
            let args: Vec<Value> = args.iter().map(|arg| value(arg, names)).collect();
            // Functions are of what there is.
            if args.contains(&Value::Null) { Value::Null } else { function(&args) }
        }
        Node::Matches(inner, pattern) => match value(inner, names) {
            Value::Text(text) => Value::Bool(pattern.is_match(&text)),
            _ => Value::Null,
        },
    }
}

/// A number as a float.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn compares(comparison: Comparison, a: &Value, b: &Value) -> bool {
    let order = match (a, b) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) | (_, Value::Null) => return comparison == Comparison::Unequal,
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a, _), Value::Timestamp(b, _)) => Some(a.cmp(b)),
        (a, b) => float(a).zip(float(b)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    let null = *a == Value::Null;
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Unequal => order != Some(Ordering::Equal),
        _ if null => false,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::More => order == Some(Ordering::Greater),
        Comparison::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// Whole numbers give whole numbers, as in CEL; what has no result is null.
fn calculate(operator: Operator, a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => {
            let result = match operator {
                Operator::Add => a.checked_add(*b),
                Operator::Subtract => a.checked_sub(*b),
                Operator::Multiply => a.checked_mul(*b),
                Operator::Divide => a.checked_div(*b),
                Operator::Remainder => a.checked_rem(*b),
            };
            result.map_or(Value::Null, Value::Int)
        }
        (Value::Text(a), Value::Text(b)) if operator == Operator::Add => Value::Text(format!("{a}{b}")),
        (a, b) => match float(a).zip(float(b)) {
            Some((a, b)) => {
                let result = match operator {
                    Operator::Add => a + b,
                    Operator::Subtract => a - b,
                    Operator::Multiply => a * b,
                    Operator::Divide => a / b,
                    Operator::Remainder => a % b,
                };
                if result.is_nan() { Value::Null } else { Value::Float(result) }
            }
            None => Value::Null,
        },
    }
}
