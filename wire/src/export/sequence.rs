//! Loss by sequence numbers: what an exporter numbered, and what of it came.
//!
//! NetFlow v5 and v7 number flows, v9 and sFlow datagrams, IPFIX data records; each with the number *before* its own units, but
//! v9 and sFlow, whose number is that of the datagram. Here a message announces the units `[number, number + units)`.
//! Arithmetic is modulo 2^32.

/// Messages whose numbers are remembered, to tell a repeated message from one that came late.
const REMEMBERED: usize = 32;
/// Holes that are remembered, so that a late message is no longer counted as lost. A hole that is pushed out stays lost.
const HOLES: usize = 16;
/// How far a message may be behind, in messages of its own size, before it is a new beginning.
const WINDOW_MESSAGES: u32 = 64;
/// How far, at least, in units: IPFIX messages may hold one record or hundreds.
const WINDOW_UNITS: u32 = 4_096;
/// So many different messages, one behind the other, with numbers that were used before: the exporter counts anew. IPFIX has no
/// uptime that would tell.
const AGAIN: u8 = 3;
/// A jump ahead by more than this is a new beginning, not a loss: a forged number must not count a billion lost.
const JUMP_UNITS: u32 = 1 << 20;

/// What sequence numbers tell: `announced = received + unread + lost - repeated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceStats {
    /// Units (flows, datagrams, records) that exporters numbered.
    pub announced: u64,
    /// Units that came.
    pub received: u64,
    /// IPFIX records that could not be counted because their template was not known, and has not come since.
    pub unread: u64,
    /// Units that did not come.
    pub lost: u64,
    /// Units whose numbers had been there before.
    pub repeated: u64,
    /// Messages that came after a later one, and were no loss.
    pub reordered: u64,
    /// Times that an exporter began to count anew, or jumped.
    pub restarts: u64,
}

impl SequenceStats {
    /// Whether the equation holds.
    pub const fn balances(&self) -> bool {
        self.announced + self.repeated == self.received + self.unread + self.lost
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.announced += other.announced;
        self.received += other.received;
        self.unread += other.unread;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.restarts += other.restarts;
    }
}

/// Where the numbers of one domain stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    next: Option<u32>,
    /// The last message held records that could not be counted: what is between is theirs, or lost.
    uncounted: bool,
    /// Units counted as unread, as long as what waited for a template can still become read.
    unread: u32,
    /// Units that were read late, and before it was known from the next number that they had not been counted.
    late: u32,
    recent: [Seen; REMEMBERED],
    recent_at: usize,
    holes: [Hole; HOLES],
    hole_at: usize,
    /// Where the last message ended whose numbers were used before, and how many such followed one another.
    again: (u32, u8),
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    known: bool,
    number: u32,
    digest: u64,
    units: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Hole {
    start: u32,
    units: u32,
}

/// What a number turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Continuity {
    /// As expected, or with a hole, or late.
    Continues,
    /// A new beginning.
    Restarted,
}

impl Sequence {
    /// Whether this very message was there before: its units are counted as repeated. If not, it is remembered.
    pub(super) fn is_repeat(&mut self, number: u32, digest: u64, stats: &mut SequenceStats) -> bool {
        let mut known = self.recent.iter().filter(|seen| seen.known);
        if let Some(seen) = known.find(|seen| seen.number == number && seen.digest == digest) {
            stats.received += u64::from(seen.units);
            stats.repeated += u64::from(seen.units);
            return true;
        }
        self.recent_at = (self.recent_at + 1) % REMEMBERED;
        if let Some(slot) = self.recent.get_mut(self.recent_at) {
            *slot = Seen { known: true, number, digest, units: 0 };
        }
        false
    }

    /// Whether a number is before what is expected.
    pub(super) fn is_behind(&self, number: u32) -> bool {
        self.next.is_some_and(|next| number.wrapping_sub(next).cast_signed() < 0)
    }

    /// A message with so many units. `uncounted`: it held more, of which it is not known how many.
    pub(super) fn note(
        &mut self,
        number: u32,
        units: u32,
        uncounted: bool,
        stats: &mut SequenceStats,
    ) -> Continuity {
        if let Some(seen) = self.recent.get_mut(self.recent_at) {
            seen.units = units;
        }
        let Some(next) = self.next else {
            self.begin(number, units, uncounted, stats);
            return Continuity::Continues;
        };
        let ahead = number.wrapping_sub(next);
        let behind = next.wrapping_sub(number);
        if ahead <= JUMP_UNITS {
            self.forward(number, ahead, units, uncounted, stats);
            return Continuity::Continues;
        }
        if behind <= units.max(1).saturating_mul(WINDOW_MESSAGES).max(WINDOW_UNITS) && behind <= JUMP_UNITS {
            if self.fills_hole(number, units, stats) {
                return Continuity::Continues;
            }
            if !self.counts_anew(number, units) {
                stats.received += u64::from(units);
                stats.repeated += u64::from(units);
                return Continuity::Continues;
            }
        }
        stats.restarts += 1;
        self.begin(number, units, uncounted, stats);
        Continuity::Restarted
    }

    /// So many units of earlier messages were read after all, when their template came.
    pub(super) fn read_late(&mut self, units: u32, stats: &mut SequenceStats) {
        let known = units.min(self.unread);
        self.unread -= known;
        stats.unread = stats.unread.saturating_sub(u64::from(known));
        stats.received += u64::from(known);
        self.late = self.late.saturating_add(units - known);
    }

    /// The exporter says that it began anew (its uptime went back).
    pub(super) fn restart(&mut self, stats: &mut SequenceStats) {
        if self.next.take().is_some() {
            stats.restarts += 1;
        }
        self.holes = [Hole::default(); HOLES];
        self.uncounted = false;
        (self.unread, self.late) = (0, 0);
    }

    fn begin(&mut self, number: u32, units: u32, uncounted: bool, stats: &mut SequenceStats) {
        stats.announced += u64::from(units);
        stats.received += u64::from(units);
        self.holes = [Hole::default(); HOLES];
        self.again = (0, 0);
        self.uncounted = uncounted;
        (self.unread, self.late) = (0, 0);
        self.next = Some(number.wrapping_add(units));
    }

    fn forward(&mut self, number: u32, gap: u32, units: u32, uncounted: bool, stats: &mut SequenceStats) {
        stats.announced += u64::from(gap) + u64::from(units);
        stats.received += u64::from(units);
        if gap > 0 {
            if self.uncounted {
                self.miss_unread(gap, stats);
            } else {
                stats.lost += u64::from(gap);
                self.remember(Hole { start: number.wrapping_sub(gap), units: gap });
            }
        }
        if !uncounted {
            self.late = 0;
        }
        self.uncounted = uncounted;
        self.next = Some(number.wrapping_add(units));
    }

    /// Units that came and were not read, but for those that were read late.
    fn miss_unread(&mut self, units: u32, stats: &mut SequenceStats) {
        let late = units.min(self.late);
        self.late -= late;
        stats.received += u64::from(late);
        stats.unread += u64::from(units - late);
        self.unread = self.unread.saturating_add(units - late);
    }

    /// A late message: what it holds is lost no longer.
    fn fills_hole(&mut self, number: u32, units: u32, stats: &mut SequenceStats) -> bool {
        let fits = |hole: &&mut Hole| {
            let offset = number.wrapping_sub(hole.start);
            hole.units > 0 && offset < hole.units && units <= hole.units - offset
        };
        let Some(hole) = self.holes.iter_mut().find(fits) else { return false };
        let before = number.wrapping_sub(hole.start);
        let after = Hole { start: number.wrapping_add(units), units: hole.units - before - units };
        hole.units = before;
        stats.received += u64::from(units);
        stats.lost = stats.lost.saturating_sub(u64::from(units));
        stats.reordered += 1;
        if after.units > 0 {
            self.remember(after);
        }
        true
    }

    /// Whether a message whose numbers were used before is one of several in their own order.
    fn counts_anew(&mut self, number: u32, units: u32) -> bool {
        let (end, messages) = self.again;
        if units > 0 {
            let messages = if number == end { messages.saturating_add(1) } else { 1 };
            self.again = (number.wrapping_add(units), messages);
        }
        self.again.1 >= AGAIN
    }

    fn remember(&mut self, hole: Hole) {
        if let Some(free) = self.holes.iter_mut().find(|hole| hole.units == 0) {
            *free = hole;
            return;
        }
        if let Some(oldest) = self.holes.get_mut(self.hole_at) {
            *oldest = hole;
        }
        self.hole_at = (self.hole_at + 1) % HOLES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes messages of `units` each.
    fn noted(sequence: &mut Sequence, units: u32, numbers: &[u32]) -> SequenceStats {
        let mut stats = SequenceStats::default();
        for number in numbers {
            sequence.note(*number, units, false, &mut stats);
            assert!(stats.balances(), "after {number}: {stats:?}");
        }
        stats
    }

    #[test]
    fn what_is_missing_is_lost() {
        let stats = noted(&mut Sequence::default(), 30, &[60, 90, 180]);
        assert_eq!((stats.announced, stats.received, stats.lost), (150, 90, 60));
    }

    #[test]
    fn numbers_wrap() {
        let stats = noted(&mut Sequence::default(), 1, &[u32::MAX - 1, u32::MAX, 0, 2]);
        assert_eq!((stats.received, stats.lost, stats.restarts), (4, 1, 0));
    }

    #[test]
    fn a_late_message_is_not_lost_and_a_third_one_is_repeated() {
        let stats = noted(&mut Sequence::default(), 10, &[0, 40, 20, 10, 30, 20]);
        assert_eq!((stats.announced, stats.received, stats.lost), (50, 60, 0));
        assert_eq!((stats.reordered, stats.repeated), (3, 10));
    }

    #[test]
    fn a_number_far_behind_or_far_ahead_is_a_new_beginning() {
        let mut sequence = Sequence::default();
        let stats = noted(&mut sequence, 1, &[1_000_000, 5, 6, 2_000_000_000]);
        assert_eq!((stats.restarts, stats.lost, stats.received), (2, 0, 4));
    }

    #[test]
    fn messages_in_order_with_old_numbers_are_a_new_beginning() {
        let stats = noted(&mut Sequence::default(), 10, &[500, 510, 0, 10, 20, 30, 50]);
        assert_eq!((stats.restarts, stats.repeated, stats.lost), (1, 20, 10));
        let stats = noted(&mut Sequence::default(), 10, &[0, 0, 0, 0, 0]);
        assert_eq!((stats.restarts, stats.repeated), (0, 40), "an exporter that does not count");
    }

    #[test]
    fn records_without_a_template_are_unread_not_lost() {
        let mut sequence = Sequence::default();
        let mut stats = SequenceStats::default();
        sequence.note(0, 2, true, &mut stats);
        sequence.note(12, 5, false, &mut stats);
        sequence.note(18, 5, false, &mut stats);
        assert_eq!((stats.received, stats.unread, stats.lost), (12, 10, 1));
        assert!(stats.balances());
    }

    #[test]
    fn records_that_were_read_late_are_unread_no_longer() {
        let mut sequence = Sequence::default();
        let mut stats = SequenceStats::default();
        sequence.note(0, 0, true, &mut stats);
        sequence.note(8, 0, true, &mut stats);
        assert_eq!((stats.received, stats.unread), (0, 8));
        // The template comes in the message 20: eight records of the first, twelve of the second, whose number tells.
        sequence.read_late(20, &mut stats);
        sequence.note(20, 2, false, &mut stats);
        assert_eq!((stats.received, stats.unread, stats.lost), (22, 0, 0));
        sequence.note(25, 1, false, &mut stats);
        assert_eq!((stats.received, stats.unread, stats.lost), (23, 0, 3));
        assert!(stats.balances());
    }

    #[test]
    fn more_records_read_late_than_were_numbered_are_not_believed() {
        let mut sequence = Sequence::default();
        let mut stats = SequenceStats::default();
        sequence.note(0, 0, true, &mut stats);
        sequence.read_late(100, &mut stats);
        sequence.note(4, 1, false, &mut stats);
        sequence.note(5, 0, true, &mut stats);
        sequence.note(9, 1, false, &mut stats);
        assert_eq!((stats.announced, stats.received, stats.unread), (10, 6, 4));
        assert!(stats.balances());
    }

    #[test]
    fn the_same_message_is_known_again_for_a_while() {
        let mut sequence = Sequence::default();
        let mut stats = SequenceStats::default();
        assert!(!sequence.is_repeat(7, 1, &mut stats));
        sequence.note(7, 30, false, &mut stats);
        assert!(!sequence.is_repeat(7, 2, &mut stats), "another message with the same number");
        assert!(sequence.is_repeat(7, 1, &mut stats));
        assert_eq!((stats.announced, stats.received, stats.repeated), (30, 60, 30));
        for number in 8..8 + REMEMBERED as u32 {
            assert!(!sequence.is_repeat(number, 1, &mut stats));
        }
        assert!(!sequence.is_repeat(7, 1, &mut stats), "forgotten");
    }
}
