//! Packets dealt to several tables: together they tell what one table tells.

use super::properties::any_packet;
use super::*;
use crate::answers::tests::{a, answer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use weir_model::community_id::ordered;

/// What a sink was told of one record.
#[derive(Debug, Default, PartialEq)]
struct Told {
    began: usize,
    named: Vec<String>,
    observed: Vec<u64>,
    ended: Vec<(Flow, u64)>,
}

#[derive(Debug, Default)]
struct Books(BTreeMap<FlowId, Told>);

impl FlowSink for Books {
    fn began(&mut self, flow: &FlowHead<'_>) {
        self.0.entry(flow.id).or_default().began += 1;
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        let told = self.0.get_mut(&flow.id).unwrap();
        assert!(told.ended.is_empty());
        told.named.extend(flow.passive.iter().map(|named| named.name.name.to_string()));
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.0.get_mut(&flow.id).unwrap().observed.push(observation.packet);
    }

    fn ended(&mut self, flow: Ended<'_>, round: u64) {
        self.0.get_mut(&flow.id()).unwrap().ended.push((flow.to_flow(), round));
    }
}

/// A table and how far it has got.
struct Worker {
    table: FlowTable,
    books: Books,
    closed: usize,
    resolved: usize,
}

/// Which worker a packet belongs to; any hash that both directions share.
fn worker_of(protocol: Protocol, source: Endpoint, destination: Endpoint, workers: usize) -> usize {
    let (low, high) = ordered(protocol, source, destination);
    let mut sum = usize::from(protocol.0);
    for end in [low, high] {
        let std::net::IpAddr::V4(ip) = end.ip else { continue };
        sum = sum.wrapping_mul(31).wrapping_add(u32::from(ip) as usize ^ usize::from(end.port));
    }
    sum % workers
}

impl Worker {
    fn close(&mut self, round: &[Packet<'_>], clock: &Clock, (me, workers): (usize, usize)) {
        for packet in round {
            if worker_of(packet.protocol, packet.source, packet.destination, workers) == me {
                self.table.packet(packet, &mut self.books);
                if packet.source.port == 53 {
                    self.learn_answer(packet);
                }
            }
            if let Some((protocol, source, destination)) = packet.about()
                && worker_of(protocol, source, destination, workers) == me
            {
                self.table.note_icmp_error(packet);
            }
        }
        assert_eq!(self.table.close_round(clock, &mut self.books), self.closed as u64);
        self.closed += 1;
    }

    /// As if the packet said that the addresses of its ends have a name of its own.
    fn learn_answer(&mut self, packet: &Packet<'_>) {
        let name = format!("n{}.example", packet.number);
        let records = [0, 1, 2, 3].map(|last| a(&name, 60, [10, 0, 0, last]));
        let message = answer(&name, records.into());
        let ends = Ends::of(packet);
        let (slot, side) = self.table.find(&ends, ends.tag(&self.table.seed)).unwrap();
        self.table.learn(slot, side, packet, Fact::Dns(Arc::new(message)), &mut self.books);
    }
}

/// Rounds through `workers` tables, in an order that `order` chooses among those that are possible.
fn through(rounds: &[Vec<Packet<'_>>], workers: usize, order: &[usize]) -> (BTreeMap<FlowId, Told>, u64) {
    let config = FlowConfig { icmp_notes: IcmpNotes::FromOutside, ..FlowConfig::default() };
    let passive_dns = Arc::new(PassiveDns::new(config.passive_dns.clone()));
    let mut clock = Clock::new();
    let clocks: Vec<Clock> = rounds
        .iter()
        .map(|round| {
            for packet in round {
                clock.observe(packet.time);
            }
            clock
        })
        .collect();
    let table = || FlowTable::with_passive_dns(config.clone(), Arc::clone(&passive_dns));
    let worker = |_| Worker { table: table(), books: Books::default(), closed: 0, resolved: 0 };
    let mut all: Vec<Worker> = (0..workers).map(worker).collect();
    // Each lap the next worker has the turn, so that none waits for ever.
    let mut order = (0..).flat_map(|lap| order.iter().map(move |choice| choice.wrapping_add(lap)));
    while all.iter().any(|worker| worker.resolved < rounds.len()) {
        let choice = order.next().unwrap();
        let me = choice % workers;
        let closed_by_all = all.iter().map(|worker| worker.closed).min().unwrap();
        let worker = &mut all[me];
        // Whether it goes on, or first asks for names where it may.
        if worker.resolved < closed_by_all
            && ((choice / workers).is_multiple_of(2) || worker.closed == rounds.len())
        {
            worker.resolved += 1;
            worker.table.resolve(worker.resolved as u64 - 1, &mut worker.books);
            let settled = all.iter().map(|worker| worker.resolved).min().unwrap();
            let last = rounds[..settled].iter().flatten().last().map_or(0, |packet| packet.number);
            passive_dns.settle(last);
        } else if worker.closed < rounds.len() {
            worker.close(&rounds[worker.closed], &clocks[worker.closed], (me, workers));
        }
    }
    let mut told = BTreeMap::new();
    let mut named = 0;
    for worker in &mut all {
        worker.table.finish(&clock, &mut worker.books);
        told.append(&mut worker.books.0);
        let stats = worker.table.stats();
        named += stats.names.passive_dns_client + stats.names.passive_dns_other;
        assert_eq!((stats.ended.total(), stats.flows_open), (stats.flows_begun, 0));
    }
    (told, named)
}

proptest! {
    /// However many tables there are, and however far one is ahead of another, the same records come out, with the same names,
    /// in the same rounds.
    #[test]
    fn any_number_of_tables_tells_the_same(
        packets in prop::collection::vec(any_packet(), 1..200),
        sizes in prop::collection::vec(1usize..20, 1..10),
        workers in 2usize..5,
        order in prop::collection::vec(any::<usize>(), 1..100),
        goes_on in any::<bool>(),
    ) {
        let mut packets: Vec<_> =
            (1..).zip(packets).map(|(number, packet)| Packet { number, ..packet }).collect();
        if goes_on {
            packets.sort_by_key(|packet| packet.time);
            (1..).zip(&mut packets).for_each(|(number, packet)| packet.number = number);
        }
        let mut rounds = Vec::new();
        let mut sizes = sizes.iter().copied().cycle();
        let mut rest = &packets[..];
        while !rest.is_empty() {
            let (round, behind) = rest.split_at(sizes.next().unwrap().min(rest.len()));
            rounds.push(round.to_vec());
            rest = behind;
        }
        let one = through(&rounds, 1, &[0, 1]);
        prop_assert!(one.0.values().all(|told| (told.began, told.ended.len()) == (1, 1)));
        prop_assert_eq!(&one, &through(&rounds, 1, &order));
        prop_assert_eq!(one, through(&rounds, workers, &order));
    }
}

#[test]
fn which_flows_end_is_up_to_each_alone() {
    // The second flow goes on and on; in lists that are only looked at from their front it would hide the first.
    let mut bench = Bench::new();
    for second in 0..200 {
        bench.send(&udp(second, ("10.0.0.2:5000", "10.0.0.9:6000")));
        if second == 20 {
            bench.send(&udp(second, ("10.0.0.1:5000", "10.0.0.9:6000")));
        }
        let is_open =
            bench.table.find_open(Protocol::UDP, end("10.0.0.1:5000"), end("10.0.0.9:6000")).is_some();
        // The clock looks back over 8 packets.
        assert_eq!(is_open, (20..=20 + 60 + 7).contains(&second), "{second}");
    }
}

#[test]
fn names_wait_until_the_round_is_resolved() {
    let (mut table, mut books, mut clock) = (FlowTable::default(), Books::default(), Clock::new());
    let reply = Packet { number: 1, ..udp(0, ("10.0.0.53:53", "10.0.0.1:5353")) };
    let syn = Packet { number: 2, ..tcp(0, ("10.0.0.1:40000", "10.0.0.2:443"), SYN, 1, 0, b"") };
    let again = Packet { number: 3, ..tcp(0, ("10.0.0.1:40000", "10.0.0.2:443"), SYN, 9, 0, b"") };
    clock.observe(Timestamp::new(0, 0));
    table.packets(&[syn, again], &mut books);
    assert!(books.0[&FlowId(2)].ended.is_empty(), "held");
    table.packet(&reply, &mut books);
    let mut worker = Worker { table, books, closed: 0, resolved: 0 };
    worker.learn_answer(&reply);
    let Worker { mut table, mut books, .. } = worker;
    assert_eq!(table.close_round(&clock, &mut books), 0);
    assert!(books.0.values().all(|told| told.named.is_empty() && told.ended.is_empty()));
    table.resolve(0, &mut books);
    let first = &books.0[&FlowId(2)];
    assert_eq!(first.named, ["n1.example"; 2], "each end has it");
    let (flow, round) = &first.ended[0];
    assert_eq!((flow.end, *round), (EndReason::Reused, 0));
    assert_eq!(flow.name.as_ref().unwrap().name, name("n1.example"));
    assert_eq!(books.0[&FlowId(3)].named, ["n1.example"; 2]);
    assert_eq!(books.0[&FlowId(1)].named, [""; 0]);
    let open = table.find_open(Protocol::TCP, end("10.0.0.2:443"), end("10.0.0.1:40000")).unwrap();
    assert_eq!((open.id, open.end, open.packets()), (FlowId(3), EndReason::Active, 1));
    assert!(open.name.is_some());
}
