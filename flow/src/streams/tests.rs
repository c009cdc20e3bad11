use super::*;
use proptest::prelude::*;

/// Writes down what it is given.
#[derive(Debug, Default)]
struct Recorder {
    /// What each side sent; `None` is a gap.
    events: Both<Vec<Option<Vec<u8>>>>,
    /// Wants no more than this from a side.
    limit: Option<usize>,
}

impl Recorder {
    fn bytes(&self, side: Side) -> Vec<u8> {
        self.events.of(side).iter().flatten().flatten().copied().collect()
    }

    fn gaps(&self, side: Side) -> usize {
        self.events.of(side).iter().filter(|event| event.is_none()).count()
    }
}

impl StreamReader for Recorder {
    fn push(&mut self, side: Side, bytes: &[u8], _learn: &mut dyn FnMut(Fact)) -> Appetite {
        assert!(!bytes.is_empty());
        self.events.of_mut(side).push(Some(bytes.to_vec()));
        let full = self.limit.is_some_and(|limit| self.bytes(side).len() >= limit);
        if full { Appetite::Done } else { Appetite::More }
    }

    fn gap(&mut self, side: Side) -> Appetite {
        self.events.of_mut(side).push(None);
        Appetite::More
    }
}

struct Connection {
    streams: Streams<Recorder>,
    budget: StreamBudget,
}

impl Connection {
    /// A connection whose side A sends from sequence number `first` on.
    fn new(first: Option<u32>, held_per_flow: usize) -> Self {
        let budget = StreamBudget {
            held_per_flow,
            held_in_all: usize::MAX,
            read_per_flow: u64::MAX,
            held: 0,
            stats: StreamStats::default(),
        };
        Self { streams: Streams::new(Recorder::default(), Both { a: first, b: None }), budget }
    }

    fn send(&mut self, sequence: u32, payload: &[u8]) {
        self.send_cut(sequence, payload, payload.len());
    }

    fn send_cut(&mut self, sequence: u32, payload: &[u8], payload_len: usize) {
        let segment = Segment { sequence, payload, payload_len: payload_len as u32 };
        self.streams.segment(Side::A, segment, &mut self.budget, &mut |_| ());
    }

    fn acknowledge(&mut self, acknowledgement: u32) {
        self.streams.acknowledge(Side::B, acknowledgement, &mut self.budget, &mut |_| ());
    }

    fn received(&self) -> String {
        let events = self.streams.reader.events.a.iter();
        events
            .map(|event| event.as_ref().map_or("|".into(), |bytes| String::from_utf8_lossy(bytes)))
            .collect()
    }
}

#[test]
fn three_segments_out_of_order() {
    let mut connection = Connection::new(Some(u32::MAX - 3), 65_536);
    connection.send(4, b"ij");
    connection.send(0, b"ef");
    assert_eq!(connection.received(), "");
    connection.send(u32::MAX - 3, b"abcd");
    assert_eq!(connection.received(), "abcdef");
    connection.send(2, b"gh");
    assert_eq!(connection.received(), "abcdefghij");
    assert_eq!(connection.budget.held, 0);
}

#[test]
fn without_a_start_the_first_segment_is_it() {
    let mut connection = Connection::new(None, 65_536);
    connection.send(1_000, b"abc");
    connection.send(990, b"old");
    connection.send(1_003, b"def");
    assert_eq!(connection.received(), "abcdef");
}

#[test]
fn the_first_copy_of_a_byte_wins() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(3, b"DEF");
    connection.send(2, b"cdefg");
    connection.send(0, b"abcdefgh");
    assert_eq!(connection.received(), "abcDEFgh");
    connection.send(4, b"xxxxi");
    assert_eq!(connection.received(), "abcDEFghi");
}

#[test]
fn an_acknowledgement_behind_a_hole_gives_it_up() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(0, b"ab");
    connection.send(4, b"ef");
    connection.acknowledge(2);
    connection.acknowledge(3);
    assert_eq!(connection.received(), "ab", "the other side lacks it too");
    connection.acknowledge(4);
    assert_eq!(connection.received(), "ab|ef");
    connection.send(8, b"ij");
    assert_eq!(connection.received(), "ab|ef");
    connection.acknowledge(10);
    connection.send(2, b"cd");
    assert_eq!(connection.received(), "ab|ef|ij");
    assert_eq!(connection.budget.stats.gaps, 2);
}

#[test]
fn an_acknowledgement_seen_before_the_data_behind_the_hole_counts_too() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.acknowledge(6);
    connection.send(4, b"ef");
    assert_eq!(connection.received(), "|ef");
}

#[test]
fn what_the_snap_length_cut_is_a_gap() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send_cut(0, b"ab", 4);
    connection.send(4, b"ef");
    assert_eq!(connection.received(), "ab|ef");
    connection.send_cut(6, b"", 2);
    connection.send(8, b"ij");
    assert_eq!(connection.received(), "ab|ef|ij");
}

#[test]
fn a_cut_segment_gives_way_to_what_is_held() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(2, b"cd");
    connection.send_cut(0, b"a", 6);
    assert_eq!(connection.received(), "a|cd|");
    connection.send(6, b"gh");
    assert_eq!(connection.received(), "a|cd|gh");
}

#[test]
fn the_cap_on_held_bytes_gives_holes_up() {
    let mut connection = Connection::new(Some(0), 2 * (SEGMENT_OVERHEAD_BYTES + 2));
    for (sequence, payload) in [(2, b"cd"), (6, b"gh")] {
        connection.send(sequence, payload);
        assert_eq!(connection.received(), "");
    }
    connection.send(10, b"kl");
    assert_eq!(connection.received(), "|cd");
    assert_eq!(connection.budget.stats.gaps_by_cap, 1);
    connection.budget.held_in_all = 0;
    connection.send(14, b"op");
    assert_eq!(connection.received(), "|cd|gh|kl|op");
    assert_eq!(connection.budget.held, 0);
}

#[test]
fn a_forged_segment_far_away_moves_nothing() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(0, b"ab");
    connection.acknowledge(2);
    connection.send(1_000_000_000, b"XX");
    connection.send(3_000_000_000, b"XX");
    connection.send(2, b"cd");
    assert_eq!(connection.received(), "abcd");
    assert_eq!(connection.budget.stats.astray_bytes, 4);
}

#[test]
fn a_long_loss_is_caught_up_with() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(0, b"ab");
    connection.acknowledge(2_000_000);
    connection.send(2_000_000, b"yz");
    assert_eq!(connection.received(), "ab|yz");
    let mut one_sided = Connection::new(Some(0), 65_536);
    one_sided.send(0, b"ab");
    one_sided.send(2_000_000, b"yz");
    assert_eq!(one_sided.received(), "ab|yz");
}

#[test]
fn nothing_is_held_for_a_reader_who_is_done() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.streams.reader.limit = Some(2);
    connection.send(4, b"ef");
    connection.send(0, b"ab");
    assert_eq!((connection.budget.held, connection.budget.stats.unused_bytes), (0, 2));
    connection.send(2, b"cd");
    connection.send(9, b"zz");
    assert_eq!((connection.received().as_str(), connection.budget.held), ("ab", 0));
    assert!(!connection.streams.is_done(), "the other side may still speak");
}

#[test]
fn reading_stops_at_its_cap() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.budget.read_per_flow = 3;
    connection.send(0, b"ab");
    connection.send(2, b"cd");
    connection.send(4, b"ef");
    assert_eq!(connection.received(), "abcd");
    assert!(connection.streams.is_done());
    assert_eq!(connection.budget.stats.read_caps_reached, 1);
}

#[test]
fn closing_gives_everything_back() {
    let mut connection = Connection::new(Some(0), 65_536);
    connection.send(4, b"ef");
    assert_eq!(connection.budget.held, 2 + SEGMENT_OVERHEAD_BYTES);
    connection.streams.close(&mut connection.budget);
    assert_eq!((connection.budget.held, connection.budget.stats.unused_bytes), (0, 2));
}

/// A stream, and pieces of it that cover it, some twice or overlapping, in any order.
fn shuffled() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    let stream = prop::collection::vec(any::<u8>(), 1..2_000);
    (stream, 1usize..200, prop::collection::vec((any::<u16>(), 1usize..300), 0..20)).prop_flat_map(
        |(stream, step, extra)| {
            let len = stream.len();
            let mut pieces: Vec<_> =
                (0..len).step_by(step).map(|start| (start, (start + step).min(len))).collect();
            pieces.extend(extra.into_iter().map(|(start, size)| {
                let start = usize::from(start) % len;
                (start, (start + size).min(len))
            }));
            (Just(stream), Just(pieces).prop_shuffle())
        },
    )
}

proptest! {
    #[test]
    fn any_order_gives_the_stream((stream, pieces) in shuffled(), first in any::<u32>()) {
        let mut connection = Connection::new(Some(first), 1 << 20);
        for (start, end) in pieces {
            connection.send(first.wrapping_add(start as u32), &stream[start..end]);
        }
        prop_assert_eq!(connection.streams.reader.bytes(Side::A), stream);
        prop_assert_eq!(connection.streams.reader.gaps(Side::A), 0);
        prop_assert_eq!((connection.budget.held, connection.streams.held), (0, 0));
    }

    /// Under a small cap, what is delivered between gaps is still a run of the stream, in its order.
    #[test]
    fn a_small_cap_loses_but_never_garbles((stream, pieces) in shuffled(), cap in 0usize..2_000) {
        let mut connection = Connection::new(Some(7), cap);
        for (start, end) in pieces {
            connection.send(7 + start as u32, &stream[start..end]);
            prop_assert!(connection.budget.held <= cap);
            prop_assert_eq!(connection.budget.held, connection.streams.held);
        }
        let mut rest = &stream[..];
        for run in connection.streams.reader.events.a.split(Option::is_none) {
            let run: Vec<u8> = run.iter().flatten().flatten().copied().collect();
            if run.is_empty() { continue }
            let position = rest.windows(run.len()).position(|window| window == run);
            prop_assert!(position.is_some(), "{:?} is not in {:?}", run, rest);
            rest = &rest[position.unwrap() + run.len()..];
        }
    }

    #[test]
    fn arbitrary_segments_stay_within_the_caps(
        steps in prop::collection::vec((any::<u32>(), 0u32..8, 0usize..300, 0usize..300, any::<bool>()), 0..200),
        first in proptest::option::of(any::<u32>()),
    ) {
        let mut connection = Connection::new(first, 1_000);
        connection.budget.held_in_all = 700;
        for (far, near, len, kept, is_segment) in steps {
            let sequence = if near == 0 { far } else { first.unwrap_or(0).wrapping_add(near * 100) };
            if is_segment {
                connection.send_cut(sequence, &vec![0; kept.min(len)], len);
            } else {
                connection.acknowledge(sequence);
            }
            prop_assert!(connection.budget.held <= 1_000);
        }
        let Connection { mut streams, mut budget } = connection;
        streams.close(&mut budget);
        prop_assert_eq!(budget.held, 0);
    }
}
