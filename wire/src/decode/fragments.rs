//! Reassembly of IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5) datagrams.
//!
//! Datagrams are told apart by addresses, identification and, in IPv4, protocol; not by VLAN or tunnel, which may
//! differ from fragment to fragment. Where fragments overlap, the bytes that came first count. (RFC 5722 would drop such
//! IPv6 datagrams; a monitor that drops what a lax host accepts is blind to it.) A datagram that does not become whole is handed
//! back as far as it came, never dropped.

use super::DecodeConfig;
use super::ip::{Addresses, Fragment};
use super::span::Span;
use super::stats::{FragmentStats, GivenUp};
use super::trail::Trail;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};
use weir_model::{Protocol, Timestamp};

/// Longest IP payload that offsets can describe (RFC 791): what ends behind it is an attack ("ping of death").
const MAX_DATAGRAM_BYTES: u32 = 0xffff;

/// Most pieces of one datagram. 64 KiB over the smallest IPv4 MTU (68 bytes) make 1,366; more are meant to make
/// insertion slow. The datagram is then given up ([`GivenUp::TooMany`]).
const MAX_PIECES: usize = 2048;

/// What a datagram and a piece are charged besides the bytes they hold, so that empty ones are not free.
const DATAGRAM_OVERHEAD_BYTES: usize = 640;
const PIECE_OVERHEAD_BYTES: usize = 64;

/// Least length of a first TCP fragment, to have the flags in it (RFC 1858 section 3).
const MIN_TCP_FIRST_FRAGMENT_BYTES: usize = 16;

/// The frame (or the reassembled outer datagram) that a fragment came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) number: u64,
    pub(super) time: Timestamp,
    pub(super) frames: u32,
}

/// A datagram, whole or as far as it came.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) addresses: Addresses,
    pub(super) protocol: Protocol,
    /// The payload from its beginning up to the first gap.
    pub(super) bytes: Vec<u8>,
    /// Length of the payload; of an incomplete one, of the fragments that came.
    pub(super) wire_len: usize,
    /// Whether the first fragment is there.
    pub(super) has_first: bool,
    pub(super) ip_bytes: usize,
    /// The last fragment's; `frames` is the sum.
    pub(super) arrival: Arrival,
    /// The way to the fragment that came first.
    pub(super) trail: Trail,
}

/// What became of a fragment.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its datagram is not whole.
    Held,
    /// It made its datagram whole.
    Whole(Datagram),
    /// It was one too many, and its datagram is not whole.
    GivenUp(Datagram),
    /// It was not taken and stands alone.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    addresses: Addresses,
    /// In IPv6 the first fragment alone says it.
    protocol: Option<Protocol>,
    identification: u32,
}

/// When a datagram is given up, and a number that keeps datagrams of the same moment in the order of their arrival.
type Deadline = (Timestamp, u64);

/// Datagrams of which fragments are held.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    config: DecodeConfig,
    /// Only looked up, never walked: the order of its entries is random.
    deadlines: HashMap<Key, Deadline, RandomState>,
    sets: BTreeMap<Deadline, Set>,
    /// The first of the deadlines, apart because every frame asks for it.
    earliest: Option<Timestamp>,
    sequence: u64,
    held_bytes: usize,
    held_frames: u64,
}

impl Fragments {
    /// Nothing held.
    pub(super) fn new(config: DecodeConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes a fragment in.
    pub(super) fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        arrival: Arrival,
        trail: &Trail,
        stats: &mut FragmentStats,
    ) -> Outcome {
        stats.received += 1;
        if let Some(reason) = refusal(fragment) {
            stats.count_given_up(reason);
            return Outcome::Refused;
        }
        let key = Key::of(fragment);
        let deadline = *self.deadlines.entry(key).or_insert_with(|| {
            self.sequence += 1;
            (arrival.time + self.config.fragment_timeout, self.sequence)
        });
        let set = self.sets.entry(deadline).or_insert_with(|| {
            self.held_bytes += DATAGRAM_OVERHEAD_BYTES;
            Set::new(key, fragment, arrival, trail)
        });
        self.held_bytes += set.add(fragment, arrival, stats);
        self.held_frames += u64::from(arrival.frames);
        let whole = set.is_whole();
        let too_many = set.pieces.len() > MAX_PIECES;
        self.earliest = self.first_deadline();
        if !whole && !too_many {
            return Outcome::Held;
        }
        match self.remove(deadline) {
            Some(datagram) if whole => {
                stats.reassembled += 1;
                Outcome::Whole(datagram)
            }
            Some(datagram) => {
                stats.count_given_up(GivenUp::TooMany);
                Outcome::GivenUp(datagram)
            }
            None => Outcome::Held,
        }
    }

    /// Whether the time of any datagram is over at `now`.
    #[inline]
    pub(super) fn is_any_past(&self, now: Timestamp) -> bool {
        self.earliest.is_some_and(|deadline| deadline <= now)
    }

    /// The next datagram whose time is over at `now`.
    pub(super) fn expired(&mut self, now: Timestamp) -> Option<Datagram> {
        if self.is_any_past(now) { self.next() } else { None }
    }

    /// The next datagram to push out while more is held than allowed: the one that would expire first.
    pub(super) fn excess(&mut self) -> Option<Datagram> {
        let within = self.held_bytes <= self.config.fragment_bytes_max
            && self.sets.len() <= self.config.fragment_datagrams_max;
        if within { None } else { self.next() }
    }

    /// The next datagram, whatever its time.
    pub(super) fn next(&mut self) -> Option<Datagram> {
        let deadline = *self.sets.first_key_value()?.0;
        self.remove(deadline)
    }

    /// Writes down what is held now.
    pub(super) fn fill(&self, stats: &mut FragmentStats) {
        stats.held_frames = self.held_frames;
        stats.held_datagrams = self.sets.len() as u64;
        stats.held_bytes = self.held_bytes as u64;
    }

    fn first_deadline(&self) -> Option<Timestamp> {
        self.sets.first_key_value().map(|(deadline, _)| deadline.0)
    }

    fn remove(&mut self, deadline: Deadline) -> Option<Datagram> {
        let set = self.sets.remove(&deadline)?;
        self.earliest = self.first_deadline();
        self.deadlines.remove(&set.key);
        self.held_bytes = self.held_bytes.saturating_sub(set.charge() + DATAGRAM_OVERHEAD_BYTES);
        self.held_frames = self.held_frames.saturating_sub(u64::from(set.arrival.frames));
        Some(set.into_datagram())
    }
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Self {
        let addresses = fragment.header.addresses;
        Self {
            addresses,
            protocol: addresses.source.is_ipv4().then_some(fragment.header.protocol),
            identification: fragment.position.identification,
        }
    }
}

/// Why a fragment is not taken, if so.
fn refusal(fragment: &Fragment<'_>) -> Option<GivenUp> {
    let len = fragment.header.payload.wire_len();
    let offset = fragment.position.offset;
    let end = u32::try_from(len).ok().and_then(|len| offset.checked_add(len));
    let splits_tcp_header = fragment.header.protocol == Protocol::TCP
        && (offset == 8 || offset == 0 && len < MIN_TCP_FIRST_FRAGMENT_BYTES);
    if end.is_none_or(|end| end > MAX_DATAGRAM_BYTES) {
        Some(GivenUp::TooLong)
    } else if splits_tcp_header || usable_len(fragment) == 0 {
        Some(GivenUp::Tiny)
    } else {
        None
    }
}

/// Length of a fragment's part: all but the last are cut to the 8 bytes that offsets count in, as hosts do.
fn usable_len(fragment: &Fragment<'_>) -> u32 {
    let len = u32::try_from(fragment.header.payload.wire_len()).unwrap_or(u32::MAX);
    if fragment.position.more { len & !7 } else { len }
}

/// The fragments of one datagram.
#[derive(Debug)]
struct Set {
    key: Key,
    protocol: Protocol,
    /// In order, without overlap.
    pieces: Vec<Piece>,
    /// Sum of the pieces' lengths.
    covered: u32,
    /// Length of the whole, once the last fragment is there.
    total: Option<u32>,
    ip_bytes: usize,
    arrival: Arrival,
    trail: Trail,
}

/// A part of a datagram. When the snap length cut its frame, `bytes` is shorter than from `start` to `end`.
#[derive(Debug)]
struct Piece {
    start: u32,
    end: u32,
    bytes: Box<[u8]>,
}

impl Set {
    fn new(key: Key, fragment: &Fragment<'_>, arrival: Arrival, trail: &Trail) -> Self {
        Self {
            key,
            protocol: fragment.header.protocol,
            pieces: Vec::new(),
            covered: 0,
            total: None,
            ip_bytes: 0,
            arrival: Arrival { frames: 0, ..arrival },
            trail: trail.clone(),
        }
    }

    /// Adds a fragment; gives the memory that it is charged.
    fn add(&mut self, fragment: &Fragment<'_>, arrival: Arrival, stats: &mut FragmentStats) -> usize {
        let frames = self.arrival.frames.saturating_add(arrival.frames);
        self.arrival = Arrival { frames, ..arrival };
        self.ip_bytes = self.ip_bytes.saturating_add(fragment.header.ip_bytes);
        let start = fragment.position.offset;
        let end = start + usable_len(fragment);
        if !self.agrees_on_total(end, fragment.position.more) {
            stats.inconsistent += 1;
            return 0;
        }
        if start == 0 {
            self.protocol = fragment.header.protocol;
        }
        self.cover(start, end, fragment.header.payload, stats)
    }

    /// Whether a fragment up to `end` fits what is known of the datagram's length; learns it from the last.
    fn agrees_on_total(&mut self, end: u32, more: bool) -> bool {
        match self.total {
            Some(total) => end <= total && (more || end == total),
            None if more => true,
            None => {
                let reached = self.pieces.last().map_or(0, |piece| piece.end);
                let fits = end >= reached;
                self.total = fits.then_some(end);
                fits
            }
        }
    }

    /// Fills the gaps between `start` and `end`, and compares the rest with what is there.
    fn cover(&mut self, start: u32, end: u32, payload: Span<'_>, stats: &mut FragmentStats) -> usize {
        let mut charge = 0;
        let mut overlaps = false;
        let mut contradicts = false;
        let mut at = start;
        let mut index = self.pieces.partition_point(|piece| piece.end <= start);
        while at < end {
            match self.pieces.get(index) {
                Some(piece) if piece.start <= at => {
                    overlaps = true;
                    let stop = end.min(piece.end);
                    contradicts |= piece.contradicts(at, slice_of(payload, at - start, stop - start));
                    at = stop;
                }
                next => {
                    let stop = next.map_or(end, |piece| end.min(piece.start));
                    let bytes = Box::from(slice_of(payload, at - start, stop - start));
                    let piece = Piece { start: at, end: stop, bytes };
                    charge += piece.charge();
                    self.covered += stop - at;
                    self.pieces.insert(index, piece);
                    at = stop;
                }
            }
            index += 1;
        }
        match (contradicts, overlaps, charge) {
            (true, ..) => stats.inconsistent += 1,
            (false, true, 0) => stats.duplicates += 1,
            (false, true, _) => stats.overlapping += 1,
            (false, false, _) => {}
        }
        charge
    }

    /// Pieces do not overlap and none ends behind the total, so the sum of their lengths tells.
    fn is_whole(&self) -> bool {
        self.total == Some(self.covered)
    }

    fn charge(&self) -> usize {
        self.pieces.iter().map(Piece::charge).sum()
    }

    fn into_datagram(self) -> Datagram {
        let mut bytes = Vec::with_capacity(self.covered as usize);
        let has_first = self.pieces.first().is_some_and(|piece| piece.start == 0);
        let mut reached = 0;
        for piece in &self.pieces {
            if piece.start != reached {
                break;
            }
            bytes.extend_from_slice(&piece.bytes);
            reached += piece.bytes.len() as u32;
        }
        Datagram {
            addresses: self.key.addresses,
            protocol: self.protocol,
            bytes,
            wire_len: self.covered as usize,
            has_first,
            ip_bytes: self.ip_bytes,
            arrival: self.arrival,
            trail: self.trail,
        }
    }
}

impl Piece {
    fn charge(&self) -> usize {
        self.bytes.len() + PIECE_OVERHEAD_BYTES
    }

    /// Whether `bytes` say otherwise, as far as both were captured; `at` is inside the piece.
    fn contradicts(&self, at: u32, bytes: &[u8]) -> bool {
        let mine = self.bytes.get((at - self.start) as usize..).unwrap_or_default();
        mine.iter().zip(bytes).any(|(mine, other)| mine != other)
    }
}

/// What was captured of `payload` between two positions.
fn slice_of(payload: Span<'_>, from: u32, to: u32) -> &[u8] {
    let bytes = payload.bytes();
    let to = bytes.len().min(to as usize);
    bytes.get(from as usize..to).unwrap_or_default()
}
