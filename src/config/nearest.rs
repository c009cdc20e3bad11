//! What somebody who wrote a word most likely meant.

/// What is most like a word, if anything is: a third of its letters may be other ones. Case and `-` for `_` make no difference.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let (word, mut others) = (plain(word), known.clone());
    let near = known.map(|known| (distance(&word, &plain(known)), known));
    let allowed = word.chars().count().div_ceil(3);
    let near = near.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance);
    // Else one that is a part of the other: `max_size` for `size`.
    let is_part = |part: &str, whole: &str| part.len() > 3 && whole.split('_').any(|word| word == part);
    near.map(|near| near.1)
        .or_else(|| others.find(|known| is_part(&plain(known), &word) || is_part(&word, &plain(known))))
}

/// The words that are most like one, however far they are; the nearest first.
pub(super) fn nearest_of_all<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let word = plain(word);
    let mut near: Vec<_> = known.map(|known| (distance(&word, &plain(known)), known)).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(most).map(|(_, known)| known).collect()
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// Letters that must be added, left out, changed or swapped with their neighbour to make one word of the other (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut fresh = vec![line + 1];
        for (column, with) in other.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&row, column) + usize::from(letter != with);
            let added = at(&fresh, column) + 1;
            let left_out = at(&row, column + 1) + 1;
            let is_swapped = column > 0
                && line > 0
                && other.get(column - 1) == Some(letter)
                && one.get(line - 1) == Some(with);
            let swapped = if is_swapped { at(&before, column - 1) + 1 } else { usize::MAX };
            fresh.push(changed.min(added).min(left_out).min(swapped));
        }
        before = std::mem::replace(&mut row, fresh);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_if_there_is_one() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!((distance("tpl", "tlp"), distance("ab", "ba"), distance("abc", "abc")), (1, 1, 0));
        let known = ["brokers", "topics", "format", "tlp", "home_net"];
        assert_eq!(nearest("topic", known.into_iter()), Some("topics"));
        assert_eq!(nearest("Broker", known.into_iter()), Some("brokers"));
        assert_eq!(nearest("home-net", known.into_iter()), Some("home_net"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(nearest_of_all("colour", known.into_iter().chain(known), 2), ["format", "tlp"]);
        assert_eq!(nearest("message_format", known.into_iter()), Some("format"));
    }
}
