//! The range of numbers that a network expects its pictures in.

/// How samples in \[0, 1\] are presented to a network, and its output read back.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Range {
    /// \[0, 1\].
    Unit,
    /// \[0, 255\].
    Byte,
    /// `(v - mean) / std` on \[0, 1\] samples; one value for all channels, or one per channel.
    MeanStd {
        /// Means, on the \[0, 1\] scale.
        mean: Vec<f32>,
        /// Standard deviations, on the \[0, 1\] scale; never 0.
        std: Vec<f32>,
    },
}

/// How the range became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RangeOrigin {
    /// Asked for by the caller.
    Given,
    /// From the model's metadata.
    Metadata,
    /// From the graph or from trial runs.
    Inferred,
    /// Assumed: nothing told.
    Assumed,
}

/// Numbers that are no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RangeError {
    /// Neither one number nor one a channel.
    #[error("range: {what} has {found} values, the model has {channels} channels")]
    Count {
        /// Mean or std.
        what: &'static str,
        /// Its numbers.
        found: usize,
        /// The model's channels.
        channels: usize,
    },
    /// NaN or infinity, as mean or std.
    #[error("range: {0} must be finite")]
    NotFinite(&'static str),
    /// A range beside that of whole numbers.
    #[error(
        "range: its input takes whole numbers, whose range is that of their type; leave the range, mean and std out"
    )]
    Typed,
    /// A standard deviation of 0.
    #[error("range: std must not be 0")]
    NoSpread,
}

impl Range {
    /// \[-1, 1\].
    pub fn signed() -> Range {
        Range::MeanStd { mean: vec![0.5], std: vec![0.5] }
    }

    /// Factor and offset from \[0, 1\] to the model's scale for channel `c`.
    pub(super) fn affine(&self, c: usize) -> (f32, f32) {
        let pick = |v: &[f32]| v.get(c).or(v.first()).copied();
        match self {
            Range::Unit => (1.0, 0.0),
            Range::Byte => (255.0, 0.0),
            Range::MeanStd { mean, std } => {
                let (m, s) = (pick(mean).unwrap_or(0.0), pick(std).unwrap_or(1.0));
                (1.0 / s, -m / s)
            }
        }
    }

    /// Whether the numbers make sense for `channels` channels; else what is wrong.
    pub(super) fn check(&self, channels: usize) -> Result<(), RangeError> {
        let Range::MeanStd { mean, std } = self else { return Ok(()) };
        for (what, v) in [("mean", mean), ("std", std)] {
            if v.len() != 1 && v.len() != channels {
                return Err(RangeError::Count { what, found: v.len(), channels });
            }
            if v.iter().any(|x| !x.is_finite()) {
                return Err(RangeError::NotFinite(what));
            }
        }
        if std.iter().any(|s| s.abs() < 1e-6) {
            return Err(RangeError::NoSpread);
        }
        Ok(())
    }

    /// Reads a metadata value: `0-1`, `unit`, `0-255`, `byte`, `-1-1`, `signed`, or
    /// `mean=a,b,c;std=d,e,f`. Brackets, commas and blanks between two bounds are accepted.
    pub(super) fn parse(text: &str) -> Option<Range> {
        let t: String = text.to_lowercase().chars().filter(|c| !" []()".contains(*c)).collect();
        match t.as_str() {
            "0-1" | "0,1" | "0..1" | "unit" | "0.0,1.0" | "1" => return Some(Range::Unit),
            "0-255" | "0,255" | "0..255" | "byte" | "255" => return Some(Range::Byte),
            "-1-1" | "-1,1" | "-1..1" | "signed" | "-1.0,1.0" => return Some(Range::signed()),
            _ => {}
        }
        let (mean, std) = t.split_once(';')?;
        let list = |s: &str, key: &str| -> Option<Vec<f32>> {
            s.strip_prefix(key)?.strip_prefix('=')?.split(',').map(|v| v.parse().ok()).collect()
        };
        Some(Range::MeanStd { mean: list(mean, "mean")?, std: list(std, "std")? })
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Range::Unit => f.write_str("[0, 1]"),
            Range::Byte => f.write_str("[0, 255]"),
            range if *range == Range::signed() => f.write_str("[-1, 1]"),
            Range::MeanStd { mean, std } => write!(f, "mean {mean:?}, std {std:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_spellings() {
        assert_eq!(Range::parse("[0, 1]"), Some(Range::Unit));
        assert_eq!(Range::parse("0-255"), Some(Range::Byte));
        assert_eq!(Range::parse("[-1,1]"), Some(Range::signed()));
        let imagenet = Range::parse("mean=0.485,0.456,0.406; std=0.229,0.224,0.225");
        assert_eq!(
            imagenet,
            Some(Range::MeanStd { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225] })
        );
        assert_eq!(Range::parse("about one"), None);
    }

    #[test]
    fn rejects_useless_numbers() {
        assert!(Range::MeanStd { mean: vec![0.5], std: vec![0.0] }.check(3).is_err());
        assert!(Range::MeanStd { mean: vec![0.5, 0.5], std: vec![1.0] }.check(3).is_err());
        assert!(Range::signed().check(3).is_ok());
    }
}
