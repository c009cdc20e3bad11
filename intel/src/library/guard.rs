//! When what a source delivers looks wrong: it comes back empty, shrinks by half, grows tenfold. Such a delivery is held.

/// The limits of the guard. What is counted are the entries of the source before and after, whether they came whole or as changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// Sources smaller than this may shrink and grow as they like up to it: 3 becoming 1 says nothing. A whole list that comes empty is
    /// held all the same: that is what a broken server delivers.
    pub floor: u64,
    /// Held when less than this share of the entries would remain. Zero: never.
    pub least_share: f64,
    /// Held when there would be more than so many times the entries. Zero: never.
    pub most_times: f64,
}

/// As the issue of threat intelligence wants it: by half, tenfold.
impl Default for Guard {
    fn default() -> Self {
        Self { floor: 50, least_share: 0.5, most_times: 10.0 }
    }
}

impl Guard {
    /// Whether a delivery that turns `was` entries into `would_be` is to be held. The first delivery of a source never is.
    pub(super) fn holds(&self, was: u64, would_be: u64, is_whole: bool) -> bool {
        let is_empty = is_whole && would_be == 0 && self.least_share > 0.0;
        let shrinks = was >= self.floor && (would_be as f64) < was as f64 * self.least_share;
        let grows = self.most_times > 0.0 && would_be as f64 > was.max(self.floor) as f64 * self.most_times;
        was > 0 && (is_empty || shrinks || grows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_looks_wrong() {
        let guard = Guard::default();
        for (was, would_be) in [(1, 0), (50, 24), (100, 0), (100, 49), (100, 1001), (3, 501)] {
            assert!(guard.holds(was, would_be, true), "{was} {would_be}");
        }
        for (was, would_be) in [(0, 0), (0, 1_000_000), (3, 1), (49, 1), (50, 25), (100, 1000), (3, 500)] {
            assert!(!guard.holds(was, would_be, true), "{was} {would_be}");
        }
        assert!(!guard.holds(3, 0, false), "the last of three was deleted by name");
        assert!(guard.holds(100, 0, false));
        let off = Guard { floor: 0, least_share: 0.0, most_times: 0.0 };
        assert!(!off.holds(100, 0, true) && !off.holds(1, 1_000_000, true));
    }
}
