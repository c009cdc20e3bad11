//! The ledger: at every boundary of the way, what went in and what came out. The books must balance to zero.

/// The books of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub boundaries: Vec<Boundary>,
}

/// One boundary: what went in, and every place where it can have gone.
#[derive(Debug)]
pub(crate) struct Boundary {
    /// What is counted, as `frames` or `hits`.
    pub unit: &'static str,
    /// What went in.
    pub entered: Entry,
    /// Where it went.
    pub left: Vec<Entry>,
}

/// A name and a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub count: u64,
}

impl Entry {
    pub(crate) fn new(name: impl Into<String>, count: u64) -> Self {
        Self { name: name.into(), count }
    }
}

impl Boundary {
    /// What went in less what came out: zero, or something was lost (or counted twice) unseen.
    pub(crate) fn difference(&self) -> i128 {
        let left: i128 = self.left.iter().map(|entry| i128::from(entry.count)).sum();
        i128::from(self.entered.count) - left
    }
}

impl Ledger {
    /// Adds a boundary.
    pub(crate) fn add(&mut self, unit: &'static str, entered: Entry, left: impl IntoIterator<Item = Entry>) {
        self.boundaries.push(Boundary { unit, entered, left: left.into_iter().collect() });
    }

    /// Whether every boundary balances.
    pub(crate) fn is_balanced(&self) -> bool {
        self.boundaries.iter().all(|boundary| boundary.difference() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_frame_unbalances_the_books() {
        let mut ledger = Ledger::default();
        ledger.add("frames", Entry::new("seen", 10), [Entry::new("filtered", 3), Entry::new("decoded", 7)]);
        assert!(ledger.is_balanced());
        ledger.add("frames", Entry::new("decoded", 7), [Entry::new("flows", 6)]);
        assert!(!ledger.is_balanced());
        assert_eq!(ledger.boundaries.last().unwrap().difference(), 1);
    }
}
