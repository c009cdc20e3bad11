//! The state of a TCP connection as an onlooker sees it (RFC 9293), lost segments and one-sided captures included.

use crate::side::Both;
use weir_model::flow::{TcpState, TcpSummary};
use weir_wire::{Side, TcpFields};

/// Sequence numbers further apart than the largest window (RFC 7323 section 2.3: 1 GiB) are of another connection, or
/// forged: the tracker starts anew from them rather than count a gigabyte.
const MAX_DISTANCE: i32 = 1 << 30;

/// What is remembered of both directions, in 36 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpTracker {
    sides: Both<TcpSide>,
    /// Bits of [`known`] for each side.
    known: Both<u8>,
    handshake: bool,
    state: TcpState,
}

/// Sequence numbers of a side; each counts only when its bit in [`TcpTracker::known`] is set.
#[derive(Clone, Copy, Debug, Default)]
struct TcpSide {
    /// Initial sequence number, when its SYN was seen.
    initial: u32,
    /// One behind the highest payload byte sent.
    next: u32,
    /// The highest acknowledgement sent.
    acknowledged: u32,
    /// The sequence number of its FIN.
    fin: u32,
}

/// What is known of a side.
mod known {
    pub(super) const INITIAL: u8 = 1;
    pub(super) const NEXT: u8 = 2;
    pub(super) const ACKNOWLEDGED: u8 = 4;
    pub(super) const FIN: u8 = 8;
    /// It sent a SYN.
    pub(super) const SYN: u8 = 16;
    /// It sent a SYN-ACK.
    pub(super) const SYN_ACK: u8 = 32;
}

/// What a segment adds to its direction's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TcpNews {
    pub(crate) retransmission: bool,
    pub(crate) acknowledged_bytes: u64,
}

/// The way from `from` to `to` in sequence space, negative when `to` is older (RFC 9293 section 3.4).
pub(crate) const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

impl TcpTracker {
    /// Whether this segment of `side` opens a new connection with the same endpoints. A SYN that repeats the known
    /// one, or may be the late or simultaneous first one of its side, does not.
    pub(crate) fn begins_anew(&self, side: Side, fields: TcpFields) -> bool {
        if !fields.has(TcpFields::SYN) {
            return false;
        }
        let differs = self.initial(side) != Some(fields.sequence);
        if self.is_over() {
            return differs;
        }
        let known = self.initial(side).is_some() || self.state != TcpState::Opening;
        !fields.has(TcpFields::ACK) && differs && known
    }

    /// Whether both sides closed, or one reset.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, TcpState::Closed | TcpState::Reset)
    }

    pub(crate) const fn state(&self) -> TcpState {
        self.state
    }

    /// The first sequence number of payload of `side`, where the handshake told it.
    pub(crate) fn first_payload(&self, side: Side) -> Option<u32> {
        let from_syn_ack =
            || self.knows(side.other(), known::SYN_ACK).then(|| self.acknowledged(side.other())).flatten();
        self.initial(side).map(|initial| initial.wrapping_add(1)).or_else(from_syn_ack)
    }

    /// The summary, given which side initiated.
    pub(crate) fn summary(&self, initiator: Side) -> TcpSummary {
        TcpSummary {
            syn: self.knows(initiator, known::SYN),
            syn_ack: self.knows(initiator.other(), known::SYN_ACK),
            handshake: self.handshake,
            state: self.state,
        }
    }

    /// Takes up a segment of `side` with `payload_len` bytes of payload.
    pub(crate) fn observe(&mut self, side: Side, fields: TcpFields, payload_len: u32) -> TcpNews {
        let news = TcpNews {
            retransmission: self.advance(side, fields, payload_len),
            acknowledged_bytes: self.acknowledge(side, fields),
        };
        self.note_flags(side, fields, payload_len);
        news
    }

    /// Moves the highest sequence number; whether the segment lies wholly below it.
    fn advance(&mut self, side: Side, fields: TcpFields, payload_len: u32) -> bool {
        let is_syn = fields.has(TcpFields::SYN);
        if fields.has(TcpFields::RST) || (payload_len == 0 && !is_syn) {
            return false;
        }
        let end = fields.sequence.wrapping_add(payload_len).wrapping_add(u32::from(is_syn));
        let next = self.sides.of(side).next;
        if !self.knows(side, known::NEXT) || !(-MAX_DISTANCE..=0).contains(&distance(next, end)) {
            self.sides.of_mut(side).next = end;
            self.learn(side, known::NEXT);
            return false;
        }
        // What begins one byte back and brings nothing new is one byte at most (RFC 9293 section 3.8.4).
        let is_keep_alive = !is_syn && distance(fields.sequence, next) == 1;
        !is_keep_alive
    }

    /// Moves the highest acknowledgement; by how many payload bytes of the other side.
    fn acknowledge(&mut self, side: Side, fields: TcpFields) -> u64 {
        if !fields.has(TcpFields::ACK) || fields.has(TcpFields::RST) {
            return 0;
        }
        let other = side.other();
        let mut to = fields.acknowledgement;
        if let Some(fin) = self.fin(other)
            && distance(fin, to) == 1
        {
            to = fin;
        }
        let start = || self.initial(other).map_or(to, |initial| initial.wrapping_add(1));
        let from = self.acknowledged(side).unwrap_or_else(start);
        let gained = distance(from, to);
        let is_near = (-MAX_DISTANCE..MAX_DISTANCE).contains(&gained);
        if !is_near || gained >= 0 {
            self.sides.of_mut(side).acknowledged = to;
            self.learn(side, known::ACKNOWLEDGED);
        }
        if !is_near {
            return 0;
        }
        u64::try_from(gained).unwrap_or(0)
    }

    fn note_flags(&mut self, side: Side, fields: TcpFields, payload_len: u32) {
        let opens_or_closes = fields.flags & (TcpFields::SYN | TcpFields::FIN | TcpFields::RST) != 0;
        if opens_or_closes || !self.is_under_way() {
            self.note_all_flags(side, fields, payload_len);
        }
    }

    fn note_all_flags(&mut self, side: Side, fields: TcpFields, payload_len: u32) {
        let is_syn = fields.has(TcpFields::SYN);
        if is_syn {
            if !self.knows(side, known::INITIAL) {
                self.sides.of_mut(side).initial = fields.sequence;
            }
            let kind = if fields.has(TcpFields::ACK) { known::SYN_ACK } else { known::SYN };
            self.learn(side, known::INITIAL | kind);
        }
        if fields.has(TcpFields::FIN) {
            let fin = fields.sequence.wrapping_add(payload_len).wrapping_add(u32::from(is_syn));
            self.sides.of_mut(side).fin = fin;
            self.learn(side, known::FIN);
        }
        if !self.handshake && fields.has(TcpFields::ACK) && !is_syn && !fields.has(TcpFields::RST) {
            self.handshake = self.completes_handshake(side, fields.acknowledgement);
        }
        let finished = self.sides_that_know(known::FIN);
        self.state = match self.state {
            state @ (TcpState::Closed | TcpState::Reset) => state,
            _ if fields.has(TcpFields::RST) => TcpState::Reset,
            _ if finished == 2 => TcpState::Closed,
            _ if finished == 1 => TcpState::HalfClosed,
            TcpState::Opening if is_syn => TcpState::Opening,
            _ => TcpState::Open,
        };
    }

    /// Whether a segment that neither opens nor closes changes nothing: what there is to know of the handshake is known, or will never be.
    const fn is_under_way(&self) -> bool {
        let both_began = self.sides_that_know(known::INITIAL) == 2;
        !matches!(self.state, TcpState::Opening) && (self.handshake || !both_began)
    }

    /// Whether `acknowledgement`, sent by `side`, completes a SYN of it that was answered by a SYN-ACK.
    fn completes_handshake(&self, side: Side, acknowledgement: u32) -> bool {
        let other = side.other();
        let (Some(ours), Some(theirs)) = (self.initial(side), self.initial(other)) else {
            return false;
        };
        let answered = self.knows(other, known::SYN_ACK)
            && self.acknowledged(other).is_some_and(|acknowledged| distance(ours, acknowledged) >= 1);
        self.knows(side, known::SYN) && answered && distance(theirs, acknowledgement) >= 1
    }

    const fn knows(&self, side: Side, what: u8) -> bool {
        *self.known.of(side) & what != 0
    }

    const fn sides_that_know(&self, what: u8) -> u8 {
        self.knows(Side::A, what) as u8 + self.knows(Side::B, what) as u8
    }

    const fn learn(&mut self, side: Side, what: u8) {
        *self.known.of_mut(side) |= what;
    }

    fn initial(&self, side: Side) -> Option<u32> {
        self.knows(side, known::INITIAL).then_some(self.sides.of(side).initial)
    }

    fn acknowledged(&self, side: Side) -> Option<u32> {
        self.knows(side, known::ACKNOWLEDGED).then_some(self.sides.of(side).acknowledged)
    }

    fn fin(&self, side: Side) -> Option<u32> {
        self.knows(side, known::FIN).then_some(self.sides.of(side).fin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(flags: u8, sequence: u32, acknowledgement: u32) -> TcpFields {
        TcpFields { sequence, acknowledgement, flags }
    }

    const SYN: u8 = TcpFields::SYN;
    const ACK: u8 = TcpFields::ACK;
    const FIN: u8 = TcpFields::FIN;
    const RST: u8 = TcpFields::RST;

    proptest! {
        #[test]
        fn what_is_passed_over_would_change_nothing(
            segments in prop::collection::vec((any::<bool>(), any::<u8>(), 98_u32..104, 98_u32..104, 0_u32..3), 1..12),
        ) {
            let mut tcp = TcpTracker::default();
            for (is_a, flags, sequence, acknowledgement, payload_len) in segments {
                let (side, fields) = (if is_a { Side::A } else { Side::B }, segment(flags, sequence, acknowledgement));
                tcp.observe(side, fields, payload_len);
                let mut again = tcp;
                tcp.note_flags(side, segment(flags & !(SYN | FIN | RST), sequence, acknowledgement), payload_len);
                again.note_all_flags(side, segment(flags & !(SYN | FIN | RST), sequence, acknowledgement), payload_len);
                prop_assert_eq!(format!("{tcp:?}"), format!("{again:?}"));
            }
        }
    }

    /// A SYN (at 100, close to the wrap of B), SYN-ACK, ACK.
    fn opened() -> TcpTracker {
        let mut tcp = TcpTracker::default();
        tcp.observe(Side::A, segment(SYN, 100, 0), 0);
        tcp.observe(Side::B, segment(SYN | ACK, u32::MAX - 1, 101), 0);
        assert!(!tcp.summary(Side::A).handshake);
        assert_eq!(tcp.state(), TcpState::Opening);
        tcp.observe(Side::A, segment(ACK, 101, u32::MAX), 0);
        tcp
    }

    #[test]
    fn a_whole_connection() {
        let mut tcp = opened();
        let summary = tcp.summary(Side::A);
        assert!(summary.syn && summary.syn_ack && summary.handshake);
        assert_eq!(tcp.state(), TcpState::Open);
        tcp.observe(Side::A, segment(ACK, 101, u32::MAX), 10);
        let news = tcp.observe(Side::B, segment(ACK, u32::MAX, 111), 20);
        assert_eq!(news, TcpNews { retransmission: false, acknowledged_bytes: 10 });
        tcp.observe(Side::B, segment(FIN | ACK, 19, 111), 0);
        assert_eq!(tcp.state(), TcpState::HalfClosed);
        let news = tcp.observe(Side::A, segment(FIN | ACK, 111, 20), 0);
        assert_eq!(news.acknowledged_bytes, 20, "the FIN is not counted, the wrap is");
        assert_eq!(tcp.state(), TcpState::Closed);
        assert_eq!(tcp.observe(Side::B, segment(ACK, 20, 112), 0).acknowledged_bytes, 0);
        tcp.observe(Side::A, segment(RST, 112, 0), 0);
        assert_eq!(tcp.state(), TcpState::Closed);
    }

    #[test]
    fn a_wrong_acknowledgement_completes_nothing() {
        let mut tcp = TcpTracker::default();
        tcp.observe(Side::A, segment(SYN, 100, 0), 0);
        tcp.observe(Side::B, segment(SYN | ACK, 500, 90), 0);
        tcp.observe(Side::A, segment(ACK, 101, 501), 0);
        assert!(!tcp.summary(Side::A).handshake);
        let mut tcp = TcpTracker::default();
        tcp.observe(Side::A, segment(SYN, 100, 0), 0);
        tcp.observe(Side::B, segment(SYN | ACK, 500, 101), 0);
        tcp.observe(Side::A, segment(ACK, 101, 500), 0);
        assert!(!tcp.summary(Side::A).handshake);
    }

    #[test]
    fn retransmissions_are_what_was_sent_before() {
        let mut tcp = opened();
        assert!(tcp.observe(Side::A, segment(SYN, 100, 0), 0).retransmission, "SYN");
        let send = |tcp: &mut TcpTracker, sequence, len| tcp.observe(Side::A, segment(ACK, sequence, 0), len);
        assert!(!send(&mut tcp, 101, 10).retransmission);
        assert!(send(&mut tcp, 101, 10).retransmission, "the same again");
        assert!(send(&mut tcp, 105, 3).retransmission, "part of it");
        assert!(!send(&mut tcp, 105, 7).retransmission, "one new byte");
        assert!(!send(&mut tcp, 111, 0).retransmission, "keep-alive without a byte");
        assert!(!send(&mut tcp, 111, 1).retransmission, "keep-alive with a byte");
        assert!(send(&mut tcp, 110, 1).retransmission, "an older byte");
        assert!(!send(&mut tcp, 112, 0).retransmission, "a bare acknowledgement");
    }

    #[test]
    fn acknowledgements_tell_of_bytes_not_seen() {
        let mut tcp = TcpTracker::default();
        assert_eq!(tcp.observe(Side::A, segment(ACK, 7, 1_000), 0).acknowledged_bytes, 0);
        assert_eq!(tcp.observe(Side::A, segment(ACK, 7, 5_000), 0).acknowledged_bytes, 4_000);
        assert_eq!(tcp.observe(Side::A, segment(ACK, 7, 4_000), 0).acknowledged_bytes, 0);
        assert_eq!(tcp.observe(Side::A, segment(ACK, 7, 5_001), 0).acknowledged_bytes, 1);
        assert_eq!(tcp.observe(Side::A, segment(ACK, 7, 1 << 31), 0).acknowledged_bytes, 0, "another world");
    }

    #[test]
    fn the_first_acknowledgement_counts_from_the_syn() {
        let mut tcp = TcpTracker::default();
        tcp.observe(Side::A, segment(SYN, 100, 0), 0);
        assert_eq!(tcp.observe(Side::B, segment(ACK, 9, 151), 0).acknowledged_bytes, 50);
    }

    #[test]
    fn which_syn_begins_anew() {
        let mut tcp = opened();
        assert!(!tcp.begins_anew(Side::A, segment(SYN, 100, 0)), "a copy");
        assert!(tcp.begins_anew(Side::A, segment(SYN, 101, 0)));
        assert!(tcp.begins_anew(Side::B, segment(SYN, 1, 0)), "from the other end");
        assert!(!tcp.begins_anew(Side::B, segment(SYN | ACK, 1, 0)), "a forged SYN-ACK ends nothing");
        tcp.observe(Side::B, segment(RST, 0, 0), 0);
        assert!(tcp.begins_anew(Side::B, segment(SYN | ACK, 1, 0)));
        assert!(!tcp.begins_anew(Side::A, segment(ACK, 101, 0)), "late");

        let mut opening = TcpTracker::default();
        opening.observe(Side::A, segment(SYN, 100, 0), 0);
        assert!(!opening.begins_anew(Side::B, segment(SYN, 1, 0)), "simultaneous open");
        assert!(opening.begins_anew(Side::A, segment(SYN, 200, 0)), "another attempt");
        let mut middle = TcpTracker::default();
        middle.observe(Side::A, segment(ACK, 100, 0), 5);
        assert!(middle.begins_anew(Side::A, segment(SYN, 200, 0)), "taken up in the middle, then opened");
    }

    #[test]
    fn payload_begins_behind_the_handshake() {
        assert_eq!(opened().first_payload(Side::A), Some(101));
        let mut tcp = TcpTracker::default();
        tcp.observe(Side::B, segment(SYN | ACK, 500, 101), 0);
        assert_eq!((tcp.first_payload(Side::A), tcp.first_payload(Side::B)), (Some(101), Some(501)));
    }
}
