//! A share of a job's items, for one of several machines.

use std::fmt;

/// A share of a job's items: number `index` (from 0) of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
    by: ShardBy,
}

/// What makes shards equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShardBy {
    /// Each item's shard follows from the hash of its path alone: about as many items in each.
    #[default]
    Path,
    /// Cut so that each has about as many bytes of input.
    Size,
}

/// Why something is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It isn't written as one.
    #[error("`{0}` is no shard: write its number, counted from 1, and how many there are, as in `3/16`")]
    Form(String),
    /// The number is not among those that there are.
    #[error("there is no shard {number} of {count}: shards are counted from 1")]
    Range {
        /// As it was given.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// The engine that started this process was not recognised, or does not tell all that is needed.
    #[error("{0}")]
    Unknown(String),
}

/// Shards of a job at most.
pub const MOST_SHARDS: u32 = 10_000;

impl Shard {
    /// The `number`-th of `count`, counted from 1.
    ///
    /// # Errors
    /// When there is no such shard, or are too many.
    pub fn new(number: u64, count: u64, by: ShardBy) -> Result<Shard, ShardError> {
        let range = ShardError::Range { number, count };
        if number == 0 || number > count || count > u64::from(MOST_SHARDS) {
            return Err(range);
        }
        let (Ok(number), Ok(count)) = (u32::try_from(number), u32::try_from(count)) else {
            return Err(range);
        };
        Ok(Shard { index: number - 1, count, by })
    }

    /// Reads `3/16`.
    ///
    /// # Errors
    /// When it is no such text, or there is no such shard.
    pub fn parse(text: &str, by: ShardBy) -> Result<Shard, ShardError> {
        let digits =
            |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u64>().ok()).flatten();
        let parts = text.split_once('/').and_then(|(number, count)| Some((digits(number)?, digits(count)?)));
        let (number, count) = parts.ok_or_else(|| ShardError::Form(text.to_string()))?;
        Shard::new(number, count, by)
    }

    /// Its number, counted from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// What makes them equal.
    pub fn by(self) -> ShardBy {
        self.by
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", u64::from(self.index) + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        let shard = Shard::parse("3/16", ShardBy::Path).unwrap();
        assert_eq!((shard.index(), shard.count(), shard.to_string()), (2, 16, "3/16".to_string()));
        for text in ["0/16", "17/16", "1/0", "1/10001", "1/99999999999999999999"] {
            assert!(Shard::parse(text, ShardBy::Path).is_err(), "{text}");
        }
        for text in ["", "3", "/", "3/", "/3", "-1/3", "+1/3", "1/3/4", "a/3", "1/ 3"] {
            assert!(matches!(Shard::parse(text, ShardBy::Path), Err(ShardError::Form(_))), "{text}");
        }
    }
}
