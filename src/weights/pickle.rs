//! A pickle machine for state dicts: it makes tensors and plain containers, and refuses, by name, whatever else a
//! pickle asks for. Nothing is imported or called.
//!
//! All objects lie in one list and are known by their place in it, so that neither nesting nor circles cost stack.

use super::error::{WeightsError, damaged};
use super::globals::{self, Outcome};
use super::objects::{Made, Object, Value};
use std::collections::HashMap;

/// Longest pickle, in bytes; one of a state dict takes about a hundred for each tensor.
const LONGEST: usize = 32 << 20;
/// Most arguments of a call.
const ARGUMENTS: usize = 16;

/// Runs the pickle that `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> Result<Made, WeightsError> {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let mut machine = Machine { bytes, spare: LONGEST, ..Machine::default() };
    loop {
        let at = machine.at;
        let code = machine.byte()?;
        if code == b'.' {
            let root = machine.pop()?;
            return Ok(Made { objects: machine.objects, root, length: machine.at });
        }
        machine.step(code, at)?;
    }
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    /// Heights of the stack where marks are.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    objects: Vec<Object>,
    /// Entries that calls may still copy.
    spare: usize,
}

impl<'a> Machine<'a> {
    fn step(&mut self, code: u8, at: usize) -> Result<(), WeightsError> {
        match code {
            0x80 => drop(self.take(1)?), // PROTO
            0x95 => drop(self.take(8)?), // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(mark) if *mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = *self.top()?;
                self.stack.push(top);
            }
            // Numbers, truths and None.
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Plain),
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Plain);
            }
            b'I' | b'L' => {
                let line = self.line()?;
                let number = line.trim_end_matches('L').parse().map_or(Value::Plain, Value::Int);
                self.stack.push(number);
            }
            b'F' => {
                self.line()?;
                self.stack.push(Value::Plain);
            }
            // Texts and bytes.
            b'X' | b'T' | b'B' => self.text(4)?,
            0x8c | b'U' | b'C' => self.text(1)?,
            0x8d | 0x8e | 0x96 => self.text(8)?,
            b'V' | b'S' => {
                let line = self.line()?.trim_matches(['\'', '"']).to_owned();
                self.object(Object::Text(line));
            }
            // Containers.
            b')' | b']' | 0x8f => self.object(Object::Row(vec![])),
            b'}' => self.object(Object::Dict(vec![])),
            b't' | b'l' | 0x91 => {
                let items = self.since_mark()?;
                self.object(Object::Row(items));
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or_else(short)?;
                let items = self.stack.split_off(from);
                self.object(Object::Row(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b'd' => {
                let items = self.since_mark()?;
                self.object(Object::Dict(pairs(&items)?));
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![(key, value)])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(pairs(&items)?)?;
            }
            // Memo.
            b'q' => self.put_numbered(1)?,
            b'r' => self.put_numbered(4)?,
            0x94 => {
                let top = *self.top()?;
                self.memo.insert(self.memo.len() as u64, top);
            }
            b'h' => self.get_numbered(1)?,
            b'j' => self.get_numbered(4)?,
            b'p' | b'g' => {
                let number = self.line()?.parse().map_err(|_| damaged("a pickle names no object"))?;
                if code == b'p' { self.put(number)? } else { self.get(number)? }
            }
            // What would import and call.
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.global(&name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let name = format!("{}.{}", self.words(module)?, self.words(name)?);
                self.global(&name)?;
            }
            b'R' => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.call(callee, arguments)?;
            }
            b'b' => {
                let state = self.pop()?;
                let target = *self.top()?;
                self.build(target, state)?;
            }
            0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.call(class, arguments)?;
            }
            b'i' => return Err(WeightsError::Forbidden(format!("{}.{}", self.line()?, self.line()?))),
            b'Q' => {
                let id = self.pop()?;
                let named = globals::storage(&self.objects, id)?;
                self.object(Object::Storage(named));
            }
            _ => {
                let name = operation(code);
                return Err(WeightsError::Forbidden(format!("pickle operation {name} at byte {at}")));
            }
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WeightsError> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(short)?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        self.take(N)?.try_into().map_err(|_| short())
    }

    fn byte(&mut self) -> Result<u8, WeightsError> {
        self.array::<1>().map(|b| b[0])
    }

    /// A number of up to 8 bytes, little-endian.
    fn number(&mut self, bytes: usize) -> Result<u64, WeightsError> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn line(&mut self) -> Result<&'a str, WeightsError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| *b == b'\n').ok_or_else(short)?;
        let line = self.take(length + 1)?;
        std::str::from_utf8(&line[..length]).map_err(|_| damaged("a line of a pickle is no text"))
    }

    fn int(&mut self, bytes: usize) -> Result<(), WeightsError> {
        let number = self.number(bytes)?;
        self.stack.push(Value::Int(number.cast_signed()));
        Ok(())
    }

    /// A number of any length; those beyond 8 bytes are of no use.
    fn long(&mut self, bytes: usize) -> Result<(), WeightsError> {
        let length = self.number(bytes)? as usize;
        let digits = self.take(length)?;
        let value = if length <= 8 {
            let negative = digits.last().is_some_and(|b| *b >= 0x80);
            let mut all = [if negative { 0xFF } else { 0 }; 8];
            all[..length].copy_from_slice(digits);
            Value::Int(i64::from_le_bytes(all))
        } else {
            self.objects.push(Object::Text(digits.iter().map(|b| format!("{b:02x}")).collect()));
            Value::Object(self.objects.len() - 1)
        };
        self.stack.push(value);
        Ok(())
    }

    fn text(&mut self, bytes: usize) -> Result<(), WeightsError> {
        let length = self.number(bytes)?;
        let text = self.take(usize::try_from(length).map_err(|_| short())?)?;
        self.object(Object::Text(String::from_utf8_lossy(text).into_owned()));
        Ok(())
    }

    fn object(&mut self, object: Object) {
        self.objects.push(object);
        self.stack.push(Value::Object(self.objects.len() - 1));
    }

    /// What lies above the last mark may be used up, not more.
    fn pop(&mut self) -> Result<Value, WeightsError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(short());
        }
        self.stack.pop().ok_or_else(short)
    }

    fn top(&mut self) -> Result<&Value, WeightsError> {
        self.stack.last().ok_or_else(short)
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, WeightsError> {
        let mark = self.marks.pop().ok_or_else(short)?;
        if mark > self.stack.len() {
            return Err(short());
        }
        Ok(self.stack.split_off(mark))
    }

    fn append(&mut self, items: Vec<Value>) -> Result<(), WeightsError> {
        let top = *self.top()?;
        match top {
            Value::Object(at) => match self.objects.get_mut(at) {
                Some(Object::Row(row)) => row.extend(items),
                _ => return Err(damaged("a pickle adds to what is no list")),
            },
            Value::Plain => {}
            _ => return Err(damaged("a pickle adds to what is no list")),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<(Value, Value)>) -> Result<(), WeightsError> {
        let top = *self.top()?;
        match top {
            Value::Object(at) => match self.objects.get_mut(at) {
                Some(Object::Dict(dict)) => dict.extend(items),
                _ => return Err(damaged("a pickle sets keys of what is no dictionary")),
            },
            Value::Plain => {}
            _ => return Err(damaged("a pickle sets keys of what is no dictionary")),
        }
        Ok(())
    }

    fn put_numbered(&mut self, bytes: usize) -> Result<(), WeightsError> {
        let number = self.number(bytes)?;
        self.put(number)
    }

    fn put(&mut self, number: u64) -> Result<(), WeightsError> {
        let top = *self.top()?;
        self.memo.insert(number, top);
        Ok(())
    }

    fn get_numbered(&mut self, bytes: usize) -> Result<(), WeightsError> {
        let number = self.number(bytes)?;
        self.get(number)
    }

    fn get(&mut self, number: u64) -> Result<(), WeightsError> {
        let value = self.memo.get(&number).ok_or_else(|| damaged("a pickle names no object"))?;
        self.stack.push(*value);
        Ok(())
    }

    fn words(&self, value: Value) -> Result<&str, WeightsError> {
        match value {
            Value::Object(at) => match self.objects.get(at) {
                Some(Object::Text(text)) => Ok(text),
                _ => Err(damaged("a pickle asks for something without a name")),
            },
            _ => Err(damaged("a pickle asks for something without a name")),
        }
    }

    fn global(&mut self, name: &str) -> Result<(), WeightsError> {
        match globals::known(name) {
            Some(known) => self.stack.push(Value::Known(known)),
            None if self.is_whole_object() => return Err(WeightsError::Object(name.into())),
            None => return Err(WeightsError::Forbidden(name.into())),
        }
        Ok(())
    }

    /// Whether the class just named is that of the whole file's object: made without arguments (`torch.save(model)`), or
    /// told as a module's class with its source (in old files).
    fn is_whole_object(&self) -> bool {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        loop {
            rest = match rest {
                [b'q', _, more @ ..] | [b'r', _, _, _, _, more @ ..] | [0x94, more @ ..] => more,
                _ => break,
            };
        }
        let module = self.stack.first().is_some_and(|v| self.words(*v).is_ok_and(|text| text == "module"));
        (rest.starts_with(&[b')', 0x81]) && self.stack.is_empty()) || module
    }

    fn call(&mut self, callee: Value, arguments: Value) -> Result<(), WeightsError> {
        let Value::Known(known) = callee else { return Err(damaged("a pickle calls what is no function")) };
        let none = || damaged("a pickle calls without arguments");
        let Value::Object(at) = arguments else { return Err(none()) };
        let Some(Object::Row(row)) = self.objects.get(at) else { return Err(none()) };
        let row = row.get(..ARGUMENTS).unwrap_or(row).to_vec();
        match globals::call(&self.objects, known, &row)? {
            Outcome::Value(value) => self.stack.push(value),
            Outcome::Object(object) => {
                let copied = if let Object::Dict(entries) = &object { entries.len() } else { 0 };
                self.spare = self.spare.checked_sub(copied).ok_or_else(short)?;
                self.object(object);
            }
        }
        Ok(())
    }

    /// Attributes of an object: of use for none.
    fn build(&mut self, target: Value, _: Value) -> Result<(), WeightsError> {
        match target {
            Value::Plain => Ok(()),
            Value::Object(at) => match self.objects.get(at) {
                Some(Object::Dict(_) | Object::Tensor { .. }) => Ok(()),
                _ => Err(WeightsError::Forbidden("pickle operation BUILD on a plain value".into())),
            },
            _ => Err(WeightsError::Forbidden("pickle operation BUILD on a function".into())),
        }
    }
}

fn short() -> WeightsError {
    damaged("its pickle is cut off or malformed")
}

fn pairs(items: &[Value]) -> Result<Vec<(Value, Value)>, WeightsError> {
    let (pairs, rest) = items.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err(damaged("a pickle sets a key without a value")),
    }
}

/// The name of an operation that isn't carried out.
fn operation(code: u8) -> String {
    match code {
        b'o' => "OBJ".into(),
        b'P' => "PERSID".into(),
        0x82..=0x84 => "EXT".into(),
        0x92 => "NEWOBJ_EX".into(),
        0x97 => "NEXT_BUFFER".into(),
        0x98 => "READONLY_BUFFER".into(),
        _ => format!("{code:#04x}"),
    }
}
