//! The warninglists that are shipped, so that what everybody meets does not ring on the first day.

use std::sync::Arc;
use weir_model::Warninglist;
use weir_model::warninglist::Comparison;

const SHIPPED: &str = include_str!("../../sets/warninglists.txt");

/// The lists that are shipped: a selection of MISP's, see rules/sets/README.md.
pub fn builtin_lists() -> Vec<Warninglist> {
    let mut lists: Vec<Warninglist> = Vec::new();
    for line in SHIPPED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(head) = line.strip_prefix("= ") {
            lists.extend(begun(head));
        } else if let Some(list) = lists.last_mut() {
            list.entries.push(line.into());
        }
    }
    lists
}

/// A list without entries, from its key, comparison, types and name between tabulators.
fn begun(head: &str) -> Option<Warninglist> {
    let mut cells = head.split('\t');
    let mut cell = || cells.next();
    Some(Warninglist {
        key: cell()?.into(),
        comparison: Comparison::parse(cell()?)?,
        attributes: cell()?.split(',').map(Arc::from).collect(),
        name: cell()?.into(),
        entries: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::{Action, Actions};

    #[test]
    fn every_shipped_list_is_whole_and_in_the_table() {
        let (lists, actions) = (builtin_lists(), Actions::shipped());
        assert_eq!(SHIPPED.lines().filter(|line| line.starts_with("= ")).count(), lists.len());
        assert!(lists.len() > 20, "{}", lists.len());
        for list in lists {
            assert!(!list.entries.is_empty(), "{}", list.key);
            assert_ne!(actions.of(&list.key, &list.name), Action::None, "{}", list.key);
        }
        assert!(SHIPPED.len() < 200_000);
    }
}
