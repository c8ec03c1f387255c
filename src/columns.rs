//! Typed columns of the table and their values, with the compact form the ledger keeps them in.

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `true` or `false`.
    Bool,
    /// 64-bit signed whole number.
    Int,
    /// 64-bit float.
    Float,
    /// UTF-8 text.
    Text,
    /// A float32 vector of fixed length.
    Vector(usize),
}

impl ColumnType {
    /// Name for people and fingerprints.
    pub fn name(self) -> String {
        match self {
            ColumnType::Bool => "bool".into(),
            ColumnType::Int => "int64".into(),
            ColumnType::Float => "float64".into(),
            ColumnType::Text => "text".into(),
            ColumnType::Vector(n) => format!("float32[{n}]"),
        }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Name in the table.
    pub name: String,
    /// Type.
    pub kind: ColumnType,
}

impl Column {
    /// A column of `kind` called `name`.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Column {
        Column { name: name.into(), kind }
    }
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value; never for vectors.
    Null,
    /// Boolean.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Float, finite.
    Float(f64),
    /// Text.
    Text(String),
    /// Vector, all finite.
    Vector(Vec<f32>),
}

impl Value {
    /// As a cell of a CSV file; empty for no value, a JSON list for a vector.
    pub fn text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => f.to_string(),
            Value::Text(t) => t.clone(),
            Value::Vector(v) => format!("{v:?}"),
        }
    }
}

/// Values of one row, or of some columns of it.
pub type Row = Vec<Value>;

/// Appends the values in the ledger's binary form.
pub fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        match value {
            Value::Null => out.push(0),
            Value::Bool(b) => out.extend([1, u8::from(*b)]),
            Value::Int(i) => {
                out.push(2);
                out.extend(i.to_le_bytes());
            }
            Value::Float(f) => {
                out.push(3);
                out.extend(f.to_bits().to_le_bytes());
            }
            Value::Text(t) => {
                out.push(4);
                out.extend((t.len() as u32).to_le_bytes());
                out.extend(t.as_bytes());
            }
            Value::Vector(v) => {
                out.push(5);
                out.extend((v.len() as u32).to_le_bytes());
                for x in v {
                    out.extend(x.to_bits().to_le_bytes());
                }
            }
        }
    }
    out
}

/// Reads what [`encode`] wrote; `None` when the bytes are damaged.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while let Some((&tag, rest)) = bytes.split_first() {
        bytes = rest;
        values.push(match tag {
            0 => Value::Null,
            1 => Value::Bool(take::<1>(&mut bytes)?[0] != 0),
            2 => Value::Int(i64::from_le_bytes(take(&mut bytes)?)),
            3 => Value::Float(f64::from_bits(u64::from_le_bytes(take(&mut bytes)?))),
            4 => {
                let text = take_slice(&mut bytes, 1)?;
                Value::Text(std::str::from_utf8(text).ok()?.to_string())
            }
            5 => {
                let floats = take_slice(&mut bytes, 4)?;
                let (chunks, _) = floats.as_chunks::<4>();
                Value::Vector(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
            }
            _ => return None,
        });
    }
    Some(values)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_slice<'a>(bytes: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(bytes)?) as usize;
    let (head, rest) = bytes.split_at_checked(length.checked_mul(width)?)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_bit_for_bit() {
        let values = vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(-7),
            Value::Float(0.1 + 0.2),
            Value::Text("naïve\n".into()),
            Value::Vector(vec![1.5, -0.0, f32::MIN_POSITIVE]),
        ];
        assert_eq!(decode(&encode(&values)), Some(values));
    }

    #[test]
    fn damaged_bytes_are_noticed() {
        let bytes = encode(&[Value::Text("abc".into()), Value::Vector(vec![1.0; 4])]);
        for cut in 1..bytes.len() {
            if cut != 8 {
                assert_eq!(decode(&bytes[..cut]), None, "{cut}");
            }
        }
    }
}
