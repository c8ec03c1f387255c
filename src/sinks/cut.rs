//! Where a sequence is cut into parts: after what says so itself, so that a change elsewhere moves no boundary.

/// How large parts are to be, in rows or bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Mean distance of the places that say so.
    pub(super) every: u64,
    /// No part ends before it holds as much.
    pub(super) least: u64,
}

impl Cut {
    /// Whether a part ends after this member, of the size `own` and the content or name that `hash` tells: with a chance
    /// of `own / every`. The part holds `held` with it.
    pub(super) fn ends_after(self, hash: &[u8; 32], own: u64, held: u64) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = *hash;
        let says_so = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % self.every < own;
        says_so && held >= self.least
    }
}

#[cfg(test)]
mod tests {
    use super::Cut;

    fn hash(n: u32) -> [u8; 32] {
        *blake3::hash(&n.to_le_bytes()).as_bytes()
    }

    #[test]
    fn places_follow_from_the_hash_and_are_as_far_apart_as_asked() {
        let cut = Cut { every: 100, least: 0 };
        for own in [1, 7] {
            let ends = (0..100_000).filter(|n| cut.ends_after(&hash(*n), own, own)).count();
            assert!((900..1100).contains(&(ends / own as usize)), "{own}: {ends}");
        }
        // The first eight bytes, little-endian.
        let mut at_one = [255; 32];
        at_one[..8].copy_from_slice(&101u64.to_le_bytes());
        assert!(!cut.ends_after(&at_one, 1, 1) && cut.ends_after(&at_one, 2, 2));
    }

    #[test]
    fn no_part_is_smaller_than_the_least_and_the_large_end_their_part() {
        let cut = Cut { every: 100, least: 25 };
        assert!((0..1000).all(|n| !cut.ends_after(&hash(n), 24, 24)));
        assert!((0..1000).all(|n| cut.ends_after(&hash(n), 100, 100)));
    }
}
