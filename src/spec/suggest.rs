//! "Did you mean": the nearest of a set of known names.

use strsim::damerau_levenshtein;

/// Names longer than this are not compared: no known name is near it, and the distance is quadratic.
const MAX_CHARS: usize = 64;

/// The known name nearest to `given`, if it is near enough to be what was meant. Case and `-`/`_`
/// count as equal; of equally near names the first wins.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = fold(given);
    let chars = given.chars().count();
    if chars == 0 || chars > MAX_CHARS {
        return None;
    }
    known
        .into_iter()
        .map(|name| (damerau_levenshtein(&given, &fold(name)), name))
        .filter(|(distance, name)| *distance <= 1 + chars / 4 && *distance < name.chars().count().min(chars))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A help line: the nearest name, or else everything there is.
pub(crate) fn help<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    otherwise: &str,
) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("{otherwise}: {}", quoted(known)),
    }
}

/// `a`, `b`, `c` with backticks.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_leaves_strangers() {
        let known = ["restore", "resize", "write", "table", "follow_symlinks"];
        assert_eq!(nearest("restroe", known), Some("restore"));
        assert_eq!(nearest("Write", known), Some("write"));
        assert_eq!(nearest("follow-symlinks", known), Some("follow_symlinks"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
        assert_eq!(help("banana", ["a", "b"], "there are"), "there are: `a`, `b`");
    }
}
