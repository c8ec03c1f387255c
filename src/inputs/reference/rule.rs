//! What references are called, by what their pictures are called.

/// Why two patterns are no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleError {
    /// More stars in the second.
    #[error("`to` has {to} `*` and `from` only {from}: each stands for the text of one in `from`")]
    Stars {
        /// In the first.
        from: usize,
        /// In the second.
        to: usize,
    },
    /// Two stars side by side.
    #[error("`**` says no more than `*`, which takes any text, `/` too")]
    Double,
}

/// Two patterns over paths without their endings, in which each `*` is any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What stands before, between and behind the stars.
    from: Vec<Vec<u8>>,
    to: Vec<Vec<u8>>,
}

impl Rule {
    /// The rule that what matches `from` has a reference called `to`.
    ///
    /// # Errors
    /// When there are not stars enough in `from`.
    pub(crate) fn new(from: &str, to: &str) -> Result<Rule, RuleError> {
        let parts = |pattern: &str| pattern.split('*').map(|part| part.as_bytes().to_vec()).collect();
        let rule = Rule { from: parts(from), to: parts(to) };
        let (from, to) = (rule.from.len() - 1, rule.to.len() - 1);
        let between = |parts: &[Vec<u8>]| parts.iter().skip(1).rev().skip(1).any(Vec::is_empty);
        if between(&rule.from) || between(&rule.to) {
            return Err(RuleError::Double);
        }
        if to > from { Err(RuleError::Stars { from, to }) } else { Ok(rule) }
    }

    /// The reference's path for a picture's, both without ending; none where it does not match. Of several stars, the
    /// earlier take as little as can be.
    pub(crate) fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (first, rest) = self.from.split_first()?;
        let Some((last, middle)) = rest.split_last() else {
            return (path == first).then(|| self.to.concat());
        };
        let mut left = path.strip_prefix(first.as_slice())?.strip_suffix(last.as_slice())?;
        let mut stars = Vec::new();
        for part in middle {
            let at = left.windows(part.len()).position(|window| window == part)?;
            stars.push(&left[..at]);
            left = &left[at + part.len()..];
        }
        stars.push(left);
        let mut made = Vec::new();
        for (at, part) in self.to.iter().enumerate() {
            made.extend_from_slice(part);
            if at + 1 < self.to.len() {
                made.extend_from_slice(stars.get(at)?);
            }
        }
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_the_same_text() {
        let apply = |from: &str, to: &str, path: &str| {
            let made = Rule::new(from, to).unwrap().apply(path.as_bytes());
            made.map(|made| String::from_utf8(made).unwrap())
        };
        for (from, to, path, wanted) in [
            ("*", "*", "a/b", Some("a/b")),
            ("*_x2", "*", "a/baby_x2", Some("a/baby")),
            ("*_x2", "*", "a/baby_x3", None),
            ("*_LR", "*_HR", "img_001_SRF_2_LR", Some("img_001_SRF_2_HR")),
            ("noisy/*", "clean/*", "noisy/a/b", Some("clean/a/b")),
            ("*/LR/*_x*", "*/HR/*", "s/LR/a_x_x4", Some("s/HR/a")),
            ("*_*", "*", "a_b_c", Some("a")),
            ("*", "one", "a/b", Some("one")),
            ("a", "b", "a", Some("b")),
            ("a", "b", "ab", None),
            ("ab*ba", "*", "aba", None),
            ("*-*", "*", "none", None),
        ] {
            assert_eq!(apply(from, to, path).as_deref(), wanted, "{from} {to} {path}");
        }
        assert_eq!(Rule::new("*", "*/*"), Err(RuleError::Stars { from: 1, to: 2 }));
        assert_eq!(Rule::new("a**", "*"), Err(RuleError::Double));
    }
}
