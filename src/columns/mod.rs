//! Typed columns of the table and their values, with the compact form the ledger keeps them in.

pub(crate) mod csv;
pub(crate) mod parquet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use std::borrow::Cow;

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
    /// A time in microseconds.
    Timestamp(Zone),
    /// A float32 vector of fixed length.
    Vector(usize),
    /// A float16 vector of fixed length.
    HalfVector(usize),
    /// An encoded picture: a struct of `bytes` and `path`, which is empty, as Hugging Face keeps pictures.
    Image,
    /// Numbers of other rows and how far they are, nearest first: a struct of the lists `ids` and `distances`.
    Neighbours,
}

/// What the times of a column count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// 1970-01-01 00:00 by a clock whose zone is not stated.
    Local,
    /// 1970-01-01 00:00 UTC.
    Utc,
}

impl ColumnType {
    /// Whether it holds vectors, of either precision.
    pub fn is_vector(self) -> bool {
        matches!(self, ColumnType::Vector(_) | ColumnType::HalfVector(_))
    }

    /// Name for people and fingerprints.
    pub fn name(self) -> String {
        match self {
            ColumnType::Bool => "bool".into(),
            ColumnType::Int => "int64".into(),
            ColumnType::Float => "float64".into(),
            ColumnType::Text => "text".into(),
            ColumnType::Timestamp(Zone::Local) => "timestamp[us]".into(),
            ColumnType::Timestamp(Zone::Utc) => "timestamp[us, UTC]".into(),
            ColumnType::Vector(n) => format!("float32[{n}]"),
            ColumnType::HalfVector(n) => format!("float16[{n}]"),
            ColumnType::Image => "image".into(),
            ColumnType::Neighbours => "neighbours".into(),
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
    /// What it holds, for people; may be empty.
    pub about: Cow<'static, str>,
}

impl Column {
    /// A column of `kind` called `name`.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Column {
        Column { name: name.into(), kind, about: Cow::Borrowed("") }
    }

    /// The same with what it holds.
    #[must_use]
    pub fn about(self, about: impl Into<Cow<'static, str>>) -> Column {
        Column { about: about.into(), ..self }
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
    /// Microseconds from the beginning of 1970, within the years 1 to 9999.
    Timestamp(i64, Zone),
    /// Vector, all finite; in a column of half precision every number is one that it can hold.
    Vector(Vec<f32>),
    /// The bytes of a picture's file.
    Image(Vec<u8>),
    /// Numbers of rows, and as many distances, nearest first.
    Neighbours(Vec<i64>, Vec<f64>),
}

impl Value {
    /// As a cell of a CSV file; empty for no value, ISO 8601 for a time, a JSON list for a vector or the numbers of
    /// neighbours, a `data:` address for a picture.
    pub fn text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => f.to_string(),
            Value::Text(t) => t.clone(),
            Value::Timestamp(t, zone) => iso_8601(*t, *zone),
            Value::Vector(v) => format!("{v:?}"),
            Value::Image(bytes) => format!("data:{};base64,{}", media_type(bytes), STANDARD.encode(bytes)),
            Value::Neighbours(ids, _) => format!("{ids:?}"),
        }
    }
}

fn media_type(bytes: &[u8]) -> &'static str {
    let known: [(&[u8], _); 3] =
        [(b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp")];
    known.iter().find(|(start, _)| bytes.starts_with(start)).map_or("application/octet-stream", |k| k.1)
}

/// Such as `2024-02-29T23:59:58.120000`, with `Z` behind it for UTC; without a fraction of 0.
fn iso_8601(microseconds: i64, zone: Zone) -> String {
    let (seconds, fraction) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's `civil_from_days`.
    let of_era = (days + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * (days + 719_468).div_euclid(146_097) + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    let zone = if zone == Zone::Utc { "Z" } else { "" };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
}

/// Values of one row, or of some columns of it.
pub(crate) type Row = Vec<Value>;

/// Appends the values in the ledger's binary form.
pub(crate) fn encode(values: &[Value]) -> Vec<u8> {
    let long = |value: &Value| match value {
        Value::Vector(v) => 4 * v.len(),
        Value::Text(text) => text.len(),
        _ => 0,
    };
    let mut out = Vec::with_capacity(values.iter().map(|value| 9 + long(value)).sum());
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
            Value::Timestamp(t, zone) => {
                out.push(if *zone == Zone::Utc { 7 } else { 6 });
                out.extend(t.to_le_bytes());
            }
            Value::Vector(v) => {
                out.push(5);
                out.extend((v.len() as u32).to_le_bytes());
                // A slice of arrays is one of bytes, without a step for each number.
                let start = out.len();
                out.resize(start + 4 * v.len(), 0);
                for (to, x) in out[start..].as_chunks_mut().0.iter_mut().zip(v) {
                    *to = x.to_le_bytes();
                }
            }
            Value::Image(bytes) => {
                out.push(8);
                out.extend((bytes.len() as u32).to_le_bytes());
                out.extend(bytes);
            }
            Value::Neighbours(ids, distances) => {
                out.push(9);
                out.extend((ids.len() as u32).to_le_bytes());
                ids.iter().for_each(|id| out.extend(id.to_le_bytes()));
                out.extend((distances.len() as u32).to_le_bytes());
                distances.iter().for_each(|d| out.extend(d.to_bits().to_le_bytes()));
            }
        }
    }
    out
}

/// Reads what [`encode`] wrote; `None` when the bytes are damaged.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Value>> {
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
            6 => Value::Timestamp(i64::from_le_bytes(take(&mut bytes)?), Zone::Local),
            7 => Value::Timestamp(i64::from_le_bytes(take(&mut bytes)?), Zone::Utc),
            8 => Value::Image(take_slice(&mut bytes, 1)?.to_vec()),
            9 => {
                let (ids, _) = take_slice(&mut bytes, 8)?.as_chunks::<8>();
                let (distances, _) = take_slice(&mut bytes, 8)?.as_chunks::<8>();
                Value::Neighbours(
                    ids.iter().map(|id| i64::from_le_bytes(*id)).collect(),
                    distances.iter().map(|d| f64::from_le_bytes(*d)).collect(),
                )
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
            Value::Timestamp(-1, Zone::Local),
            Value::Timestamp(i64::MAX, Zone::Utc),
            Value::Vector(vec![1.5, -0.0, f32::MIN_POSITIVE]),
            Value::Image(b"\xff\xd8".to_vec()),
            Value::Neighbours(vec![3, -1], vec![0.1, f64::MAX]),
        ];
        assert_eq!(decode(&encode(&values)), Some(values));
    }

    #[test]
    fn times_are_written_as_iso_8601() {
        let text = |seconds: i64, zone| Value::Timestamp(seconds * 1_000_000, zone).text();
        assert_eq!(text(0, Zone::Local), "1970-01-01T00:00:00");
        assert_eq!(text(-1, Zone::Utc), "1969-12-31T23:59:59Z");
        assert_eq!(text(1_709_251_198, Zone::Utc), "2024-02-29T23:59:58Z");
        assert_eq!(text(951_782_400, Zone::Local), "2000-02-29T00:00:00");
        assert_eq!(text(-62_135_596_800, Zone::Local), "0001-01-01T00:00:00");
        assert_eq!(text(253_402_300_799, Zone::Local), "9999-12-31T23:59:59");
        assert_eq!(Value::Timestamp(-999_880, Zone::Local).text(), "1969-12-31T23:59:59.000120");
    }

    #[test]
    fn pictures_are_written_as_addresses() {
        let text = |bytes: &[u8]| Value::Image(bytes.to_vec()).text();
        assert_eq!(text(b"\xff\xd8\xff"), "data:image/jpeg;base64,/9j/");
        assert_eq!(text(b"foob"), "data:application/octet-stream;base64,Zm9vYg==");
        assert_eq!(text(b"fooba"), "data:application/octet-stream;base64,Zm9vYmE=");
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
