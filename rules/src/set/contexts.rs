//! Who says what of which indicator.

use super::blobs::{Blobs, MAX_OFFSET};
use super::bytes::{Section, record, set_word, word};
use super::said;
use super::values::IndicatorId;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use weir_model::Context;
use weir_model::indicator::Warning;

/// Contexts and warnings of all indicators. Most have one context and no warning.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts<B> {
    /// For each indicator, 4 bytes: where the record of its only context begins; or [`SEVERAL`] and the number of a link; or [`NONE`].
    pub(super) first: B,
    /// For each indicator, 4 bytes: the line of its only context, 0 for none. Ends with the last that has one.
    pub(super) lines: B,
    /// Links of 12 bytes: where a record begins, its line, the number of the next link or [`NONE`]. Links lead forward only.
    pub(super) links: B,
    /// The records, and the texts in them.
    pub(super) blobs: B,
    /// Indicators with warnings, ascending: 4 bytes for the indicator, 4 for where the record begins.
    pub(super) warned: B,
}

const NONE: u32 = u32::MAX;
const SEVERAL: u32 = MAX_OFFSET + 1;

/// One source's word on one indicator: most say the same of many, only the line differs.
#[derive(Clone, Copy, Debug)]
struct Link {
    blob: u32,
    line: u32,
    next: u32,
}

impl<B: Deref<Target = [u8]>> Contexts<B> {
    /// In the order added.
    pub(super) fn of(&self, id: IndicatorId) -> impl Iterator<Item = Context> {
        self.links_of(id).filter_map(|(_, link)| {
            let context = said::context(&self.blobs, link.blob)?;
            Some(Context { line: Some(link.line).filter(|line| *line > 0), ..context })
        })
    }

    pub(super) fn warnings(&self, id: IndicatorId) -> Option<Arc<[Warning]>> {
        let (warned, _) = self.warned.as_chunks::<8>();
        let position = warned.binary_search_by_key(&id.0, |entry| word(entry, 0).unwrap_or(0)).ok()?;
        said::warnings(&self.blobs, word(warned.get(position)?, 1)?)
    }

    /// The contexts of an indicator and, if it has several, the numbers of their links.
    fn links_of(&self, id: IndicatorId) -> impl Iterator<Item = (Option<u32>, Link)> {
        let first = word(&self.first, id.0 as usize).unwrap_or(NONE);
        let line = || word(&self.lines, id.0 as usize).unwrap_or(0);
        let only = (first <= MAX_OFFSET).then(|| (None, Link { blob: first, line: line(), next: NONE }));
        let mut next = if first > MAX_OFFSET { first & !SEVERAL } else { NONE };
        let several = std::iter::from_fn(move || {
            let number = next;
            let link = self.link(number)?;
            next = if link.next > number { link.next } else { NONE };
            Some((Some(number), link))
        });
        only.into_iter().chain(several)
    }

    fn link(&self, number: u32) -> Option<Link> {
        let link: [u8; 12] = record(&self.links, number as usize)?;
        Some(Link { blob: word(&link, 0)?, line: word(&link, 1)?, next: word(&link, 2)? })
    }
}

/// Contexts that are being gathered.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    contexts: Contexts<Vec<u8>>,
    blobs: Blobs,
    warned: BTreeMap<IndicatorId, u32>,
    /// The context that came last: in most lists the next one is the same but for its line.
    last: Option<(Context, u32)>,
}

impl Gathering {
    /// Makes a place for the next indicator.
    pub(super) fn push(&mut self) {
        self.contexts.first.extend(NONE.to_le_bytes());
    }

    /// Adds a context to an indicator unless it has it already (then the first line stays) or has `limit` of them.
    /// Says whether the indicator now has it.
    pub(super) fn add(&mut self, id: IndicatorId, mut context: Context, limit: usize) -> bool {
        let line = context.line.take().unwrap_or(0);
        self.store(context).is_some_and(|blob| self.attach(id, blob, line, limit))
    }

    pub(super) fn set_warnings(&mut self, id: IndicatorId, warnings: &[Warning]) {
        if let Some(blob) = said::store_warnings(&mut self.blobs, warnings) {
            self.warned.insert(id, blob);
        }
    }

    pub(super) fn finish(self) -> Contexts<Section> {
        // What only building needs goes first.
        let Self { contexts, blobs, warned, last: _ } = self;
        let blobs = blobs.into_bytes();
        let warned = warned.into_iter().flat_map(|(id, blob)| [id.0, blob]).flat_map(u32::to_le_bytes);
        Contexts {
            first: contexts.first.into(),
            lines: contexts.lines.into(),
            links: contexts.links.into(),
            blobs: blobs.into(),
            warned: warned.collect::<Vec<u8>>().into(),
        }
    }

    fn store(&mut self, context: Context) -> Option<u32> {
        if let Some((last, blob)) = &self.last
            && *last == context
        {
            return Some(*blob);
        }
        let blob = said::store_context(&mut self.blobs, &context)?;
        self.last = Some((context, blob));
        Some(blob)
    }

    fn attach(&mut self, id: IndicatorId, blob: u32, line: u32, limit: usize) -> bool {
        let (mut last, mut count) = (None, 0);
        for (number, link) in self.contexts.links_of(id) {
            if link.blob == blob {
                return true;
            }
            (last, count) = (Some((number, link)), count + 1);
        }
        if count >= limit {
            return false;
        }
        match last {
            None => {
                set_word(&mut self.contexts.first, id.0 as usize, blob);
                self.set_line(id, line);
                true
            }
            Some((number, link)) => self.chain(id, (number, link), Link { blob, line, next: NONE }),
        }
    }

    /// Puts a context behind the last one of an indicator, which becomes a link if it was the only one.
    fn chain(&mut self, id: IndicatorId, last: (Option<u32>, Link), link: Link) -> bool {
        let (number, last) = last;
        let links = u32::try_from(self.contexts.links.len() / 12).ok();
        let Some(end) = links.filter(|links| *links < MAX_OFFSET - 2) else { return false };
        let (last_number, next) = match number {
            Some(number) => (number, end),
            None => (end, end + 1),
        };
        if number.is_none() {
            self.push_link(last);
            set_word(&mut self.contexts.first, id.0 as usize, SEVERAL | end);
        }
        set_word(&mut self.contexts.links, last_number as usize * 3 + 2, next);
        self.push_link(link);
        true
    }

    fn push_link(&mut self, link: Link) {
        self.contexts.links.extend([link.blob, link.line, link.next].into_iter().flat_map(u32::to_le_bytes));
    }

    fn set_line(&mut self, id: IndicatorId, line: u32) {
        if line > 0 {
            let needed = (id.0 as usize + 1) * 4;
            if self.contexts.lines.len() < needed {
                self.contexts.lines.resize(needed, 0);
            }
            set_word(&mut self.contexts.lines, id.0 as usize, line);
        }
    }
}
