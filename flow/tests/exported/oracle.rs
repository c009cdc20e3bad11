//! The flows against a slow and simple account of the same records.

use super::kit::{Twin, Weight, With, record, seconds};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;
use weir_flow::ExportedFlowsConfig;
use weir_model::flow::{EndReason, Orientation};
use weir_model::record::Counters;
use weir_model::{Endpoint, ExportedRecord, Flow, FlowId, Protocol, Timestamp};

const QUIET: Duration = Duration::from_mins(2);
const ACTIVE: Duration = Duration::from_mins(30);
const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;
const ACK: u16 = 16;
const ENDS: [(&str, &str); 4] = [
    ("10.0.0.1:50000", "192.0.2.1:443"),
    ("10.0.0.1:50000", "192.0.2.1:50001"),
    ("[2001:db8::1]:1024", "[2001:db8::2]:53"),
    ("10.0.0.1:7000", "10.0.0.1:7000"),
];

/// What a flow of the simple account is.
#[derive(Clone, Debug, Default)]
struct Plain {
    id: u64,
    continues: Option<FlowId>,
    evidence: Option<(Orientation, Endpoint)>,
    end: Option<EndReason>,
    records: Vec<ExportedRecord<'static>>,
}

fn source(record: &ExportedRecord<'_>) -> Endpoint {
    Endpoint::new(record.source.unwrap(), record.source_port)
}

fn destination(record: &ExportedRecord<'_>) -> Endpoint {
    Endpoint::new(record.destination.unwrap(), record.destination_port)
}

impl Plain {
    fn first(&self) -> Timestamp {
        self.records.iter().filter_map(|record| record.first).min().unwrap()
    }

    fn last_received(&self) -> Timestamp {
        self.records.iter().map(|record| record.origin.received).max().unwrap()
    }

    /// The strongest evidence, of equally strong the first.
    fn weigh(&mut self, record: &ExportedRecord<'_>) {
        let (from, to) = (source(record), destination(record));
        let mut found = Vec::new();
        if self.records.is_empty() && from.port != to.port {
            found.extend(
                [from, to]
                    .iter()
                    .filter(|end| end.port < 1024)
                    .map(|service| (Orientation::Ports, if *service == from { to } else { from })),
            );
        }
        let both = [
            (record.tcp_flags, record.forward, from, to),
            (record.reverse_tcp_flags, record.reverse.unwrap_or_default(), to, from),
        ];
        for (flags, counters, sender, other) in both {
            let flags = flags.unwrap_or(0);
            if record.protocol == Some(Protocol::TCP) && flags & SYN != 0 {
                if flags & ACK == 0 {
                    found.push((Orientation::Start, sender));
                } else if counters.packets == 1 {
                    found.push((Orientation::Start, other));
                }
            }
        }
        if record.firewall_event.is_some() {
            found.push((Orientation::Start, from));
        }
        if record.reverse.is_some() {
            found.push((Orientation::Payload, from));
        }
        for (by, initiator) in found {
            if self.evidence.is_none_or(|(known, _)| by > known) {
                self.evidence = Some((by, initiator));
            }
        }
    }

    /// How a connection ended of which nothing more is heard.
    fn by_itself(&self) -> Option<EndReason> {
        let (from, to) = (source(&self.records[0]), destination(&self.records[0]));
        let waited = matches!(self.end, Some(EndReason::Idle | EndReason::EndOfInput));
        if !waited || self.records[0].protocol != Some(Protocol::TCP) {
            return None;
        }
        // A conversation with itself has all packets from its first end.
        let (one, other) = (self.flags_of(from), if from == to { 0 } else { self.flags_of(to) });
        match () {
            () if (one | other) & RST != 0 => Some(EndReason::Rst),
            () if one & other & FIN != 0 => Some(EndReason::Fin),
            () => None,
        }
    }

    fn flags_of(&self, end: Endpoint) -> u16 {
        self.records.iter().fold(0, |all, record| {
            let flags = if source(record) == end { record.tcp_flags } else { record.reverse_tcp_flags };
            all | flags.unwrap_or(0)
        })
    }

    fn initiator(&self) -> (Orientation, Endpoint) {
        if let Some(evidence) = self.evidence {
            return evidence;
        }
        let earliest = self.records.iter().min_by_key(|record| record.first).unwrap();
        let (from, to) = (source(earliest), destination(earliest));
        let both = self.records.iter().any(|record| source(record) != from);
        let syn = self.flags_of(from) & self.flags_of(to) & SYN != 0;
        let is_start = both && syn && earliest.protocol == Some(Protocol::TCP);
        (if is_start { Orientation::Start } else { Orientation::FirstPacket }, from)
    }

    /// Records by observer, in the order of their first.
    fn observers(&self) -> Vec<Vec<&ExportedRecord<'static>>> {
        let mut observers: Vec<Vec<&ExportedRecord<'static>>> = Vec::new();
        for record in &self.records {
            let is_same = |other: &&ExportedRecord<'_>| {
                (other.origin.exporter, other.direction) == (record.origin.exporter, record.direction)
            };
            match observers.iter_mut().find(|records| is_same(&records[0])) {
                Some(records) => records.push(record),
                None => observers.push(vec![record]),
            }
        }
        observers.truncate(4);
        observers
    }

    /// Packets, bytes, payload, and what packets and bytes stand for, that an observer counted from one end.
    fn counted(records: &[&ExportedRecord<'static>], from: Endpoint) -> [u64; 5] {
        let mut sums = [0; 5];
        let mut rate = 1;
        for record in records {
            if let Some(sampling) = record.sampling {
                rate = u64::from(sampling.of);
            }
            let is_forward = source(record) == from;
            let counters = if is_forward { record.forward } else { record.reverse.unwrap_or_default() };
            let Counters { packets, bytes } = counters;
            let ip = if from.ip.is_ipv4() { 60 } else { 40 };
            let header = ip + if record.protocol == Some(Protocol::TCP) { 60 } else { 8 };
            let payload = if packets == 0 { 0 } else { bytes.saturating_sub(packets * header) };
            for (sum, amount) in sums.iter_mut().zip([packets, bytes, payload, packets * rate, bytes * rate])
            {
                *sum += amount;
            }
        }
        sums
    }

    fn most(&self, from: Endpoint) -> [u64; 5] {
        let mut most = [0; 5];
        for (place, records) in self.observers().iter().enumerate() {
            let counted = Self::counted(records, from);
            if place == 0 || (counted[4], counted[3]) > (most[4], most[3]) {
                most = counted;
            }
        }
        most
    }

    /// `until`: when the last record was received. Who looks for flows that are due finds those that are not heard of again.
    fn compare(&self, flow: &Flow, until: Timestamp) {
        let is_due = self.end == Some(EndReason::EndOfInput) && self.last_received() + QUIET < until;
        let end = if is_due && flow.end == EndReason::Idle { Some(EndReason::Idle) } else { self.end };
        let end = self.by_itself().or(end);
        let (by, initiator) = self.initiator();
        let mut responder = destination(&self.records[0]);
        if responder == initiator {
            responder = source(&self.records[0]);
        }
        let to_itself = initiator == responder;
        assert_eq!((flow.initiator, flow.responder, flow.orientation), (initiator, responder, by));
        assert_eq!((flow.id.0, flow.continues, Some(flow.end)), (1 << 52 | self.id, self.continues, end));
        let last = self.records.iter().filter_map(|record| record.last).max();
        assert_eq!((flow.first, Some(flow.last)), (self.first(), last));
        let exported = flow.exported.as_ref().unwrap();
        assert_eq!(exported.records as usize, self.records.len());
        let told = [
            (flow.forward, exported.estimated_forward, initiator),
            (flow.reverse, exported.estimated_reverse, responder),
        ];
        for (counters, stands_for, from) in told {
            if to_itself {
                continue;
            }
            let is = [
                counters.packets,
                counters.ip_bytes,
                counters.payload_bytes,
                stands_for.packets,
                stands_for.bytes,
            ];
            assert_eq!(is, self.most(from), "from {from}");
            let flags = if flow.protocol == Protocol::TCP { self.flags_of(from) as u8 } else { 0 };
            assert_eq!(counters.tcp_flags, flags);
        }
        let observers = self.observers();
        assert_eq!(exported.observers.len(), observers.len());
        for (observer, records) in exported.observers.iter().zip(observers) {
            assert_eq!(
                (observer.exporter, observer.observed_at),
                (records[0].origin.exporter, records[0].direction)
            );
            assert_eq!(observer.records as usize, records.len());
            let [packets, bytes, ..] = Self::counted(&records, initiator);
            assert!(to_itself || observer.forward == Counters { packets, bytes });
        }
    }
}

/// The simple account.
fn account(records: &[ExportedRecord<'static>]) -> Vec<Plain> {
    let mut open: HashMap<(u8, Endpoint, Endpoint), Plain> = HashMap::new();
    let mut ended = Vec::new();
    for (number, record) in (1..).zip(records) {
        let (from, to) = (source(record), destination(record));
        let key = (record.protocol.unwrap().0, from.min(to), from.max(to));
        let mut flow = open.remove(&key);
        if let Some(mut known) = flow.take() {
            let reason = if record.origin.received > known.last_received() + QUIET {
                Some(EndReason::Idle)
            } else if record.first.unwrap() > known.first() + ACTIVE {
                Some(EndReason::Active)
            } else {
                None
            };
            known.end = reason;
            flow = Some(match reason {
                None => known,
                Some(EndReason::Active) => {
                    let continues = Some(FlowId(1 << 52 | known.id));
                    let next = Plain { id: number, continues, evidence: known.evidence, ..Plain::default() };
                    ended.push(known);
                    next
                }
                Some(_) => {
                    ended.push(known);
                    Plain { id: number, ..Plain::default() }
                }
            });
        }
        let mut flow = flow.unwrap_or(Plain { id: number, ..Plain::default() });
        flow.weigh(record);
        flow.records.push(*record);
        open.insert(key, flow);
    }
    ended.extend(open.into_values().map(|flow| Plain { end: Some(EndReason::EndOfInput), ..flow }));
    ended.sort_by_key(|flow| flow.id);
    ended
}

prop_compose! {
    fn any_record()(
        ends in 0..ENDS.len(),
        is_back in any::<bool>(),
        is_tcp in any::<bool>(),
        exporter in prop_oneof![8 => 1..3u8, 1 => 1..8u8],
        egress in prop::option::weighted(0.2, any::<bool>()),
        forward in any_counters(),
        reverse in prop::option::weighted(0.1, any_counters()),
        flags in prop::sample::select(vec![0u16, 0x02, 0x12, 0x13, 0x14, 0x1b, 0x18]),
        rate in prop::option::weighted(0.2, prop::sample::select(vec![1u32, 10, 1_000])),
        event in prop::option::weighted(0.05, 1..6u8),
        (ago, lasted, step) in (0..90u64, 0..2_000u64, prop_oneof![9 => 0..20u64, 1 => 0..200u64]),
    ) -> (ExportedRecord<'static>, u64, u64, u64) {
        let (a, b) = ENDS[ends];
        let between = if is_back { format!("{b} > {a}") } else { format!("{a} > {b}") };
        let mut made = record(&between).counts(forward.packets, forward.bytes).from(exporter);
        made.protocol = Some(if is_tcp { Protocol::TCP } else { Protocol::UDP });
        made.direction = egress.map(|is_egress| {
            if is_egress { weir_model::record::ObservedAt::Egress } else { weir_model::record::ObservedAt::Ingress }
        });
        made.reverse = reverse;
        // The flags of records are those of packets; a side without packets has none.
        made.tcp_flags = (forward.packets > 0).then_some(flags);
        made.reverse_tcp_flags = reverse.filter(|counters| counters.packets > 0).map(|_| 0x12);
        made.firewall_event = event;
        (rate.map_or(made, |rate| made.sampled(rate)), ago, lasted, step)
    }
}

prop_compose! {
    fn any_counters()(
        packets in prop_oneof![4 => 0..20u64, 1 => Just(1u64), 1 => (1u64 << 31)..(1 << 33)],
        size in 20..1_500u64,
    ) -> Counters {
        Counters { packets, bytes: packets * size }
    }
}

/// Records in the order in which they are received, with a first packet each that no other has.
fn any_records() -> impl Strategy<Value = Vec<ExportedRecord<'static>>> {
    prop::collection::vec(any_record(), 1..80).prop_map(|made| {
        let mut now = 100_000;
        let mut number = 0;
        made.into_iter()
            .map(|(record, ago, lasted, step)| {
                now += step;
                number += 1;
                let mut record = record.times(now - ago - lasted, now - ago).received(now);
                record.first = record.first.map(|first| first + Duration::from_nanos(number));
                record.last = record.last.map(|last| last + Duration::from_micros(1));
                record
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_map_says_what_a_simple_account_says(records in any_records(), cuts in prop::collection::vec(any::<bool>(), 80)) {
        let mut twin = Twin::with(ExportedFlowsConfig { table_bytes: 8 << 20, quiet: QUIET, active_timeout: ACTIVE, ..Default::default() });
        for (record, cut) in records.iter().zip(&cuts) {
            twin.push(record);
            if *cut {
                twin.take();
                twin.expire(record.origin.received);
            }
        }
        let flows = twin.finish();
        let expected = account(&records);
        let until = records.last().unwrap().origin.received;
        prop_assert_eq!(flows.len(), expected.len());
        for (flow, plain) in flows.iter().zip(&expected) {
            plain.compare(flow, until);
        }
        let stats = twin.flows.stats();
        prop_assert!(stats.balances() && stats.records == records.len() as u64 && stats.bytes == 0, "{:?}", stats);
    }

    #[test]
    fn two_threads_count_as_one(records in any_records()) {
        // Nothing ends, and no observer is left out: then the order in which exporters are heard changes no sum.
        let records: Vec<_> = records.into_iter().map(|record| {
            let exporter = if let std::net::IpAddr::V4(ip) = record.origin.exporter { ip.octets()[3] % 2 } else { 0 };
            ExportedRecord { direction: None, ..record.received(100_000).from(exporter) }
        }).collect();
        let config = ExportedFlowsConfig { threads: 2, active_timeout: Duration::from_hours(9), ..Default::default() };
        let one = Twin::with(config.clone()).all(&records);
        let two = Twin::with(config).all_by_two_threads(&records);
        prop_assert_eq!(one, two);
    }
}

impl Twin {
    fn all(mut self, records: &[ExportedRecord<'static>]) -> Vec<String> {
        for record in records {
            self.push(record);
        }
        summary(&self.finish())
    }

    /// Each exporter's records from a thread of its own, a few at a time.
    fn all_by_two_threads(mut self, records: &[ExportedRecord<'static>]) -> Vec<String> {
        std::thread::scope(|scope| {
            for thread in 0..2_u8 {
                let flows = &self.flows;
                scope.spawn(move || {
                    let exporter = std::net::IpAddr::from([192, 0, 2, thread]);
                    let mut batch = flows.batch();
                    let mine = (1..).zip(records).filter(|(_, record)| record.origin.exporter == exporter);
                    for (number, record) in mine {
                        batch.push(number, record);
                        flows.take(&mut batch, &mut Nobody);
                    }
                });
            }
        });
        assert!(self.flows.stats().balances());
        summary(&self.finish())
    }
}

struct Nobody;

impl weir_flow::ExportedSink<Weight> for Nobody {
    fn began(&mut self, _: &weir_model::flow::FlowHead<'_>) {}
    fn translated(&mut self, _: &weir_model::flow::FlowHead<'_>) {}
    fn observed(&mut self, _: &weir_model::flow::FlowHead<'_>, _: &weir_model::Observation) {}
    fn ended(&mut self, _: weir_flow::EndedExported<'_>, _: Weight) {}
}

/// What does not depend on who was heard first: totals by direction, and what each observer counted.
fn summary(flows: &[Flow]) -> Vec<String> {
    let mut lines: Vec<String> = flows
        .iter()
        .map(|flow| {
            let exported = flow.exported.as_ref().unwrap();
            let is_turned = flow.initiator > flow.responder;
            // Of a conversation with itself nobody can tell the directions apart.
            let to_itself = flow.initiator == flow.responder;
            let turn = |one: Counters, other: Counters| match () {
                () if to_itself => {
                    if one.bytes > other.bytes {
                        (one, other)
                    } else {
                        (other, one)
                    }
                }
                () if is_turned => (other, one),
                () => (one, other),
            };
            let observers = exported.observers.iter();
            let mut observers: Vec<_> =
                observers.map(|one| (one.exporter, one.records, turn(one.forward, one.reverse))).collect();
            observers.sort_by_key(|one| one.0);
            let ends =
                (flow.protocol, flow.initiator.min(flow.responder), flow.initiator.max(flow.responder));
            let stands_for = turn(exported.estimated_forward, exported.estimated_reverse);
            format!(
                "{ends:?} {stands_for:?} {observers:?} {:?} {:?} {}",
                flow.first, flow.last, exported.records
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_account_itself_is_right_about_a_plain_case() {
    let records = [
        record("10.0.0.1:50000 > 192.0.2.1:443").counts(2, 300).times(0, 9).received(10),
        record("192.0.2.1:443 > 10.0.0.1:50000").counts(3, 400).times(1, 9).received(11),
        record("192.0.2.1:443 > 10.0.0.1:50000").counts(3, 401).times(1, 9).received(12).from(9),
    ];
    let flows = account(&records);
    assert_eq!(flows.len(), 1);
    let (by, initiator) = flows[0].initiator();
    assert_eq!((by, initiator.port, flows[0].first()), (Orientation::Ports, 50_000, seconds(0)));
    assert_eq!(flows[0].most(source(&records[1])), [3, 401, 41, 3, 401]);
}
