//! Circles between files: which file needs which, and the rounds that this makes.

use super::paths::{Named, Source};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Modules by path, such as `store::names`, with what they name.
pub struct Tree {
    files: BTreeMap<String, Vec<Named>>,
}

impl Tree {
    /// Of modules with their sources; those for tests, and what is in them, are left out.
    pub fn new<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let (mut files, mut tests) = (BTreeMap::new(), BTreeSet::new());
        for (module, text) in sources {
            let (source, own) = Source::new(text).without_tests();
            tests.extend(own.iter().map(|name| join(module, name)));
            files.insert(module.to_string(), source.paths());
        }
        let is_test =
            |module: &str| tests.iter().any(|t| module == t || module.starts_with(&format!("{t}::")));
        files.retain(|module, _| !is_test(module));
        Tree { files }
    }

    /// A path from the crate's root, as `module` means it; none for what is not of this crate.
    fn absolute(&self, module: &str, words: &[String]) -> Option<Vec<String>> {
        let mut from: Vec<String> =
            module.split("::").map(String::from).filter(|word| !word.is_empty()).collect();
        let up = words.iter().take_while(|word| ["self", "super"].contains(&word.as_str())).count();
        let rest = match words.first()?.as_str() {
            "crate" | "safelight" => {
                from.clear();
                &words[1..]
            }
            "self" | "super" => {
                let supers = words[..up].iter().filter(|word| *word == "super").count();
                from.truncate(from.len().saturating_sub(supers));
                &words[up..]
            }
            child if self.files.contains_key(&join(module, child)) => words,
            _ => return None,
        };
        from.extend(rest.iter().cloned());
        Some(from)
    }

    /// The file that holds what stands at `path`: where a module gives on what another holds, that other.
    fn holder(&self, path: &[String], steps: usize) -> Option<&str> {
        let (len, (module, named)) = (0..=path.len())
            .rev()
            .find_map(|len| Some((len, self.files.get_key_value(&path[..len].join("::"))?)))?;
        let given_on = path.get(len).filter(|_| steps < 8).and_then(|item| {
            let given = named.iter().find(|n| n.public && n.name.as_ref() == Some(item))?;
            let from = self.absolute(module, &given.words)?;
            self.holder(&[&from[..], &path[len + 1..]].concat(), steps + 1)
        });
        given_on.or(Some(module))
    }

    /// What each file needs, with a path that says so.
    fn needs(&self) -> BTreeMap<&str, BTreeMap<&str, String>> {
        let of = |module: &String, named: &[Named]| {
            let need = |named: &Named| {
                let holder = self.holder(&self.absolute(module, &named.words)?, 0)?;
                (holder != module && !holder.is_empty()).then(|| (holder, named.words.join("::")))
            };
            named.iter().filter_map(need).collect()
        };
        self.files.iter().map(|(module, named)| (module.as_str(), of(module, named))).collect()
    }

    /// The shortest rounds: one for each file that needs itself by way of others, save where it lies on a round already.
    pub fn circles(&self) -> Vec<String> {
        let needs = self.needs();
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for start in needs.keys() {
            if !seen.contains(start)
                && let Some(round) = round(&needs, start)
            {
                seen.extend(round.iter().copied());
                let arrow =
                    |pair: &[&str]| format!("{} -> {} ({})", pair[0], pair[1], needs[pair[0]][pair[1]]);
                found.push(round.windows(2).map(arrow).collect::<Vec<_>>().join(", "));
            }
        }
        found
    }
}

/// The shortest way from a file back to itself.
fn round<'a>(needs: &BTreeMap<&'a str, BTreeMap<&'a str, String>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in needs.get(file)?.keys() {
            if *next == start {
                let mut way = vec![start, file];
                while let Some(before) =
                    came_from.get(way[way.len() - 1]).filter(|_| way[way.len() - 1] != start)
                {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_string() } else { format!("{module}::{name}") }
}
