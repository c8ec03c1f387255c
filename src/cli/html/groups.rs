//! Groups of pictures that are the same, or nearly, as `explore` found them.

use super::rows::Rows;
use std::collections::{BTreeMap, HashSet};

/// Groups of a class that are shown, and members of a group.
pub(super) const SHOWN: (usize, usize) = (14, 6);

/// Pictures that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// `identical`, `near` or `similar`.
    pub class: &'static str,
    /// Rows, the keeper first.
    pub rows: Vec<usize>,
    /// The row that is suggested to be kept.
    pub keeper: Option<usize>,
}

impl Group {
    /// The members that are shown.
    pub(super) fn shown(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().copied().take(SHOWN.1)
    }
}

/// The rows of all groups that are shown, in their order.
pub(super) fn shown(groups: &[Group]) -> Vec<usize> {
    let mut rows = Vec::new();
    for class in ["identical", "near", "similar"] {
        let of_class = groups.iter().filter(|group| group.class == class).take(SHOWN.0);
        rows.extend(of_class.flat_map(Group::shown));
    }
    rows
}

/// All groups: the surest class first, of each the largest first. A group of one class that is the same set as one of a
/// surer class is that one.
pub(super) fn groups(rows: &Rows) -> Vec<Group> {
    let keeper = rows.category("keeper");
    let keeps = |row: usize| keeper.and_then(|k| k.text(row)) == Some("true");
    let mut found: Vec<Group> = Vec::new();
    // Groups nest, and are named by their first row: of one name and one size, they are the same.
    let mut known: HashSet<(i64, usize)> = HashSet::new();
    for (class, column) in
        [("identical", "identical_group"), ("near", "near_group"), ("similar", "similar_group")]
    {
        let Some(column) = rows.number(column) else { continue };
        let mut sets: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (row, group) in column.iter().enumerate().filter(|(_, group)| group.is_finite()) {
            sets.entry(*group as i64).or_default().push(row);
        }
        let mut new: Vec<Group> = Vec::new();
        for (name, mut rows) in sets.into_iter().filter(|(_, rows)| rows.len() > 1) {
            if !known.insert((name, rows.len())) {
                continue;
            }
            let keeper = rows.iter().copied().find(|row| keeps(*row));
            // Of a group of look-alikes, several may be keepers, each of its own.
            let keeper = keeper.filter(|_| class != "similar");
            rows.sort_by_key(|row| (Some(*row) != keeper, *row));
            new.push(Group { class, rows, keeper });
        }
        new.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
        found.extend(new);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::html::rows::{Category, Numbers};

    #[test]
    fn groups_nest_and_have_a_keeper() {
        let nan = f64::NAN;
        let keeper = Category {
            name: "keeper".into(),
            labels: vec!["false".into(), "true".into()],
            values: vec![Some(0), Some(1), Some(0), None, None, Some(1), Some(0)],
        };
        let numbers = [
            ("identical_group", vec![0.0, 0.0, nan, nan, nan, 5.0, 5.0]),
            ("near_group", vec![0.0, 0.0, 0.0, nan, nan, 5.0, 5.0]),
            ("similar_group", vec![0.0, 0.0, 0.0, 0.0, nan, 5.0, 5.0]),
        ];
        let numbers =
            numbers.map(|(name, values)| Numbers { name: name.into(), values, times: false }).into();
        let rows = Rows { numbers, categories: vec![keeper], ..Rows::default() };
        let found = groups(&rows);
        let told: Vec<_> = found.iter().map(|g| (g.class, &g.rows[..], g.keeper)).collect();
        assert_eq!(
            told,
            [
                ("identical", &[1, 0][..], Some(1)),
                ("identical", &[5, 6], Some(5)),
                ("near", &[1, 0, 2], Some(1)),
                ("similar", &[0, 1, 2, 3], None),
            ]
        );
        assert_eq!(groups(&Rows::default()), []);
    }
}
