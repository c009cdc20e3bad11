//! HPACK (RFC 7541): blocks of header fields to the few fields that matter here.
//!
//! Each block changes the table by which later blocks are read, so all must be read, in order, and none can be after one
//! that could not be. Fields that do not matter take part with their lengths alone.

mod huffman;
mod table;

use crate::cursor::{Cursor, Short};
use table::{Entry, Table};

pub(super) use table::Field;

/// Largest dynamic table that is followed, in octets as section 4.1 counts them. The first is 4,096; browsers allow their
/// servers 65,536. A sender who claims more is not read any further: it is memory that he fills.
pub(super) const MAX_TABLE_SIZE: usize = 65_536;

/// Why a block could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HpackError {
    /// It ended inside a field.
    Short,
    /// An integer beyond 2^28: no length or index is.
    Integer,
    /// An index of nothing.
    Index,
    /// Not the code of appendix B.
    Huffman,
    /// A table larger than [`MAX_TABLE_SIZE`].
    TableSize,
}

impl From<Short> for HpackError {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

/// Reads the blocks of one direction.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    table: Table,
}

impl Decoder {
    /// Reads a whole block; `visit` is called with each field that matters, in order.
    pub(super) fn read(
        &mut self,
        block: &[u8],
        visit: &mut dyn FnMut(Field, &[u8]),
    ) -> Result<(), HpackError> {
        let mut block = Cursor::new(block);
        let mut text = Vec::new();
        while let Ok(first) = block.u8() {
            match first {
                0x80.. => {
                    let index = integer(first, 7, &mut block)?;
                    let (field, value) = self.table.field(index).ok_or(HpackError::Index)?;
                    if field != Field::Other {
                        visit(field, value);
                    }
                }
                0x40..=0x7f => {
                    let (name, value) = self.literal(first, 6, &mut block, &mut text)?;
                    if name.field != Field::Other {
                        visit(name.field, value);
                    }
                    self.table.insert(Entry::new(name.field, name.len, value));
                }
                0x20..=0x3f => {
                    let size = integer(first, 5, &mut block)?;
                    if size > MAX_TABLE_SIZE {
                        return Err(HpackError::TableSize);
                    }
                    self.table.resize(size);
                }
                // Without indexing, and never to be indexed.
                0x00..=0x1f => {
                    let (name, value) = self.literal(first, 4, &mut block, &mut text)?;
                    if name.field != Field::Other {
                        visit(name.field, value);
                    }
                }
            }
        }
        Ok(())
    }

    /// A field whose value (and perhaps name) is written out (section 6.2).
    fn literal<'t, 'b: 't>(
        &self,
        first: u8,
        prefix: u8,
        block: &mut Cursor<'b>,
        text: &'t mut Vec<u8>,
    ) -> Result<(Name, &'t [u8]), HpackError> {
        let name = match integer(first, prefix, block)? {
            0 => {
                let name = string(block, text)?;
                Name { field: Field::of(name), len: name.len() }
            }
            index => {
                let (field, len) = self.table.name(index).ok_or(HpackError::Index)?;
                Name { field, len }
            }
        };
        Ok((name, string(block, text)?))
    }
}

struct Name {
    field: Field,
    len: usize,
}

/// An integer whose first bits are the last `prefix` bits of `first` (section 5.1).
fn integer(first: u8, prefix: u8, block: &mut Cursor<'_>) -> Result<usize, HpackError> {
    const MAX_SHIFT: u32 = 21;
    let most = (1_usize << prefix) - 1;
    let mut value = usize::from(first) & most;
    if value < most {
        return Ok(value);
    }
    for shift in (0..=MAX_SHIFT).step_by(7) {
        let byte = block.u8()?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(HpackError::Integer)
}

/// A string (section 5.2), in `text` where it was coded.
fn string<'t, 'b: 't>(block: &mut Cursor<'b>, text: &'t mut Vec<u8>) -> Result<&'t [u8], HpackError> {
    let first = block.u8()?;
    let length = integer(first, 7, block)?;
    let bytes = block.take(length)?;
    if first & 0x80 == 0 {
        return Ok(bytes);
    }
    text.clear();
    if huffman::decode(bytes, text) { Ok(text) } else { Err(HpackError::Huffman) }
}

#[cfg(test)]
mod tests;
