//! What is kept of an open flow beside the table of flows, whose budget pays for it.

/// Memory that a value holds elsewhere.
pub trait Held {
    /// Bytes that it holds beyond its own size, about: what a table's budget is charged.
    fn held_bytes(&self) -> usize;
}

/// A number holds nothing.
impl Held for u32 {
    fn held_bytes(&self) -> usize {
        0
    }
}
