//! The nearest neighbours of rows.

/// For each row its nearest others, nearest first; of equally near ones the earlier row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Neighbours of a row.
    pub k: usize,
    /// Rows, `[n][k]`; `u32::MAX` behind the last where there are fewer.
    pub ids: Vec<u32>,
    /// Their distances, `[n][k]`, at least 0; infinite behind the last.
    pub distances: Vec<f32>,
}

/// What stands behind the last neighbour.
pub(crate) const NOBODY: u32 = u32::MAX;

impl Neighbours {
    /// None yet, for `n` rows.
    pub fn none(n: usize, k: usize) -> Neighbours {
        Neighbours { k, ids: vec![NOBODY; n * k], distances: vec![f32::INFINITY; n * k] }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.ids.len() / self.k.max(1)
    }

    /// Neighbours of a row with their distances.
    pub fn of(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone + '_ {
        let range = row * self.k..(row + 1) * self.k;
        let ids = self.ids.get(range.clone()).unwrap_or_default();
        let distances = self.distances.get(range).unwrap_or_default();
        let all = ids.iter().copied().zip(distances.iter().copied());
        all.take_while(|(id, _)| *id != NOBODY)
    }
}
