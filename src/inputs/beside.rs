//! What lies in an input's folder and is no input, counted.

use super::litter::Litter;
use std::collections::BTreeMap;
use std::path::Path;

/// Endings that are named; the rest are summed up.
const NAMED: usize = 6;

/// Longer words after a dot are hardly endings.
const LONGEST: usize = 10;

/// Files of a folder that are no inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Files that no pattern of `include` matches, by the ending of their names in small letters; empty for those
    /// without one.
    pub left_out: BTreeMap<String, usize>,
    /// Files that a pattern of `exclude` matches.
    pub excluded: usize,
    /// Files and folders that systems leave behind; what is in such a folder is not counted.
    pub system: usize,
    /// Files and folders whose names begin with a dot, likewise.
    pub hidden: usize,
}

impl Beside {
    /// Counts a file that the patterns leave out.
    pub fn leave_out(&mut self, file: &Path) {
        *self.left_out.entry(plain_ending(file)).or_insert(0) += 1;
    }

    /// Counts a file or folder that is passed over.
    pub fn pass(&mut self, litter: Litter) {
        match litter {
            Litter::System => self.system += 1,
            Litter::Hidden => self.hidden += 1,
        }
    }

    /// In words, a line each: what the patterns leave out by ending, the most first, and what is passed over.
    pub fn lines(&self) -> Vec<String> {
        let files = |n: usize| if n == 1 { "1 file".to_string() } else { format!("{n} files") };
        let mut lines = Vec::new();
        if !self.left_out.is_empty() {
            let all: usize = self.left_out.values().sum();
            lines.push(format!("{} left out: {}", files(all), self.endings()));
        }
        if self.excluded > 0 {
            lines.push(format!("{} left out by input.exclude", files(self.excluded)));
        }
        match self.system {
            0 => {}
            1 => lines.push("1 system file skipped".into()),
            n => lines.push(format!("{n} system files skipped")),
        }
        if self.hidden > 0 {
            let noun = if self.hidden == 1 { "file or folder" } else { "files and folders" };
            lines.push(format!("{} hidden {noun} skipped (input.hidden: true reads them)", self.hidden));
        }
        lines
    }

    fn endings(&self) -> String {
        let mut by_count: Vec<(&String, usize)> = self.left_out.iter().map(|(e, n)| (e, *n)).collect();
        by_count.sort_by_key(|(ending, n)| (std::cmp::Reverse(*n), ending.is_empty(), *ending));
        let rest: usize = by_count.iter().skip(NAMED).map(|(_, n)| n).sum();
        let named = by_count.iter().take(NAMED).map(|(ending, n)| match ending.as_str() {
            "" => format!("{n} without an ending"),
            ending => format!("{n} .{ending}"),
        });
        let text = named.collect::<Vec<_>>().join(", ");
        if rest > 0 { format!("{text} and {rest} others") } else { text }
    }
}

/// What the ending of a name is counted under.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The ending that a file is counted under. What no program would take for one, such as the words behind a full stop or the
/// numbers of a series, is none: an archive may hold a million of these.
fn plain_ending(file: &Path) -> String {
    let text = ending(file);
    let plain = text.len() <= LONGEST && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let number = text.len() > 3 && text.bytes().all(|b| b.is_ascii_digit());
    if plain && !number { text } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(names: &[(&str, usize)]) -> Beside {
        let mut beside = Beside::default();
        for (name, count) in names {
            (0..*count).for_each(|_| beside.leave_out(Path::new(name)));
        }
        beside
    }

    #[test]
    fn endings_are_told_with_the_most_first() {
        let found = beside(&[("a.psd", 23), ("b/c.HEIC", 100), ("c.jp2", 60), ("c.heic", 20)]);
        assert_eq!(found.lines(), ["203 files left out: 120 .heic, 60 .jp2, 23 .psd"]);
        let names = ["README", "x.a", "x.b", "x.c", "x.d", "x.e", "x.f", "x.g", "x. and so on", "IM.000017"];
        let found = beside(&names.map(|name| (name, 1)));
        let text = "10 files left out: 3 without an ending, 1 .a, 1 .b, 1 .c, 1 .d, 1 .e and 2 others";
        assert_eq!(found.lines(), [text]);
        assert_eq!(beside(&[("a.7z", 1)]).lines(), ["1 file left out: 1 .7z"]);
    }

    #[test]
    fn what_is_passed_over_is_counted_apart() {
        assert!(Beside::default().lines().is_empty());
        let mut found = Beside { excluded: 2, ..Beside::default() };
        found.pass(Litter::Hidden);
        found.pass(Litter::System);
        let lines = [
            "2 files left out by input.exclude",
            "1 system file skipped",
            "1 hidden file or folder skipped (input.hidden: true reads them)",
        ];
        assert_eq!(found.lines(), lines);
        found.pass(Litter::System);
        assert_eq!(found.lines()[1], "2 system files skipped");
    }
}
