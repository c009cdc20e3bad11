//! Reading all rows of a question page by page, from a server at which rows come and go meanwhile.
//!
//! MISP counts rows from the beginning. When one goes away in front, all behind it move up, and the row at the beginning of the next
//! page is never seen. Pages therefore overlap: MISP knows only `page` and `limit`, so later pages are a little smaller, which lets each
//! begin inside the one before. If a page has nothing in common with a full one before it, rows were passed over, and reading begins
//! anew.

use crate::{SyncError, SyncErrorKind};
use std::collections::HashSet;
use uuid::Uuid;

/// Most rows that one question may have. Adversary: a server whose pages never end. A large instance has some ten million attributes.
pub(super) const MAX_ROWS: u64 = 25_000_000;
/// How often a question is read from the beginning before it is given up until the next time.
const MAX_ATTEMPTS: usize = 4;

/// One page, as MISP wants it named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    pub(super) number: u64,
    /// Rows in it.
    pub(super) limit: u64,
}

/// Fetches page after page, of at most `largest` rows, until there is nothing else; tells whether rows were seen to go away meanwhile.
/// `fetch` takes the rows of a page in and returns their identifiers; it meets many rows twice.
pub(super) fn read_all(
    largest: u64,
    fetch: &mut dyn FnMut(Page) -> Result<Vec<Uuid>, SyncError>,
) -> Result<bool, SyncError> {
    for attempt in 0..MAX_ATTEMPTS {
        if read_through(largest, fetch)? {
            return Ok(attempt > 0);
        }
    }
    let text =
        "pages shifted while they were read, again and again: so much is being deleted; next time then";
    Err(SyncError::new(SyncErrorKind::Server, text))
}

/// Whether it was read without passing anything over.
fn read_through(
    largest: u64,
    fetch: &mut dyn FnMut(Page) -> Result<Vec<Uuid>, SyncError>,
) -> Result<bool, SyncError> {
    let mut page = Page { number: 1, limit: largest };
    let mut before = HashSet::new();
    let mut was_full = false;
    let mut rows = 0;
    loop {
        let ids = fetch(page)?;
        let count = ids.len() as u64;
        rows += count;
        check(page, count, rows)?;
        let repeated = ids.iter().filter(|id| before.contains(*id)).count() as u64;
        if was_full && repeated == 0 {
            return Ok(false);
        }
        let is_full = count == page.limit;
        if repeated == count {
            return if is_full { Err(the_same_again(page)) } else { Ok(true) };
        }
        before = ids.into_iter().collect();
        was_full = is_full;
        page = page.following(largest)?;
    }
}

fn check(page: Page, count: u64, rows: u64) -> Result<(), SyncError> {
    if count > page.limit {
        let text = format!("page {} has {count} rows, {} were asked for", page.number, page.limit);
        return Err(SyncError::new(SyncErrorKind::Malformed, text));
    }
    if rows > MAX_ROWS {
        let text = format!("more than {MAX_ROWS} attributes in one answer: too many, or pages without end");
        return Err(SyncError::new(SyncErrorKind::TooLarge, text));
    }
    Ok(())
}

fn the_same_again(page: Page) -> SyncError {
    let text = format!("page {} is the same as the one before: the server does not turn pages", page.number);
    SyncError::new(SyncErrorKind::Malformed, text)
}

impl Page {
    /// The page, of at most `largest` rows, that begins with the last rows of this one and reaches farthest.
    fn following(self, largest: u64) -> Result<Self, SyncError> {
        let end = self.number * self.limit;
        // `pages` of the new size lie before it; at least one row before `end` belongs to it.
        let fewest = (end - 1).div_ceil(largest).max(1);
        let candidates =
            (fewest..fewest + 8).map(|pages| Self { number: pages + 1, limit: (end - 1) / pages });
        let farthest = candidates.max_by_key(|page| page.number * page.limit);
        farthest.filter(|page| page.number * page.limit > end).ok_or_else(|| {
            let text = format!("there are too many attributes for pages of {largest}: raise `page_size`");
            SyncError::new(SyncErrorKind::Settings, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Uuid], page: Page) -> Vec<Uuid> {
        let skipped = ((page.number - 1) * page.limit) as usize;
        rows.iter().skip(skipped).take(page.limit as usize).copied().collect()
    }

    fn ids(count: u128) -> Vec<Uuid> {
        (1..=count).map(Uuid::from_u128).collect()
    }

    /// All rows, at each size of pages and number of rows.
    #[test]
    fn everything_is_read() {
        for largest in [10, 17, 100] {
            for count in [0, 1, 9, 10, 11, 18, 19, 40, 55, 99] {
                let rows = ids(count);
                let mut seen = HashSet::new();
                let shifted = read_all(largest, &mut |page| {
                    assert!(page.limit <= largest);
                    let ids = of(&rows, page);
                    seen.extend(ids.iter().copied());
                    Ok(ids)
                })
                .unwrap();
                assert_eq!((seen.len(), shifted), (rows.len(), false), "{count} rows in pages of {largest}");
            }
        }
    }

    #[test]
    fn each_page_begins_in_the_one_before() {
        let mut page = Page { number: 1, limit: 5000 };
        for _ in 0..2000 {
            let next = page.following(5000).unwrap();
            let (end, begin) = (page.number * page.limit, (next.number - 1) * next.limit);
            assert!(begin < end && begin >= (page.number - 1) * page.limit, "{page:?} {next:?}");
            assert!(next.number * next.limit > end && next.limit <= 5000, "{page:?} {next:?}");
            page = next;
        }
        assert!(page.number * page.limit > 5_000_000);
    }

    /// Rows go away in front while pages are turned: what was passed over is read after all.
    #[test]
    fn pages_that_shift_are_noticed() {
        let mut rows = ids(60);
        let mut seen = HashSet::new();
        let mut asked = 0;
        let shifted = read_all(10, &mut |page| {
            let ids = of(&rows, page);
            seen.extend(ids.iter().copied());
            asked += 1;
            if asked == 2 {
                rows.drain(..7);
            }
            Ok(ids)
        })
        .unwrap();
        assert!(shifted);
        assert!(rows.iter().all(|id| seen.contains(id)));
    }

    #[test]
    fn servers_that_never_end_are_left() {
        let kind = |fetch: &mut dyn FnMut(Page) -> Vec<Uuid>| {
            read_all(10, &mut |page| Ok(fetch(page))).unwrap_err().kind
        };
        assert_eq!(kind(&mut |page| of(&ids(100), Page { number: 1, ..page })), SyncErrorKind::Malformed);
        assert_eq!(kind(&mut |_| ids(50)), SyncErrorKind::Malformed);
        let mut next = 0;
        assert_eq!(
            kind(&mut |page| {
                next += 1000;
                (next..next + u128::from(page.limit)).map(Uuid::from_u128).collect()
            }),
            SyncErrorKind::Server
        );
    }
}
