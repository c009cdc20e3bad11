//! Several workers whose packets are dealt as the kernel deals them: fragments and ICMP errors by their addresses.

use super::*;
use crate::run::board::WorkerView;
use crate::run::lane::LANE_ERRANDS;
use crate::run::outbox::Sent;
use crate::run::overload::OverloadCounts;
use crate::run::tables::TablesReport;
use crate::status::SpoolStatus;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use weir_flow::FlowConfig;
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Flow, Frame, Protocol, Told, dealing};
use weir_rules::SetBuilder;
use weir_wire::{Peeked, peek};

const CLIENT: [u8; 4] = [10, 20, 0, 11];
const SERVER: [u8; 4] = [198, 51, 100, 66];
/// A port that tells who began.
const PORT: u16 = 3389;
const ERROR_ABOUT_PORT: [u8; 4] = [3, 3, 0, 0];

fn ipv4(
    protocol: u8,
    [source, destination]: [[u8; 4]; 2],
    id: u16,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend([total, id, fragment].iter().flat_map(|word| word.to_be_bytes()));
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source.into_iter().chain(destination).chain(payload.iter().copied()));
    packet
}

fn udp(source: u16, destination: u16, bytes: usize) -> Vec<u8> {
    let total = u16::try_from(8 + bytes).unwrap();
    let mut datagram: Vec<_> =
        [source, destination, total, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
    datagram.resize(8 + bytes, 0xa5);
    datagram
}

/// A question of the client in two fragments.
fn question(port: u16, id: u16) -> [Vec<u8>; 2] {
    let datagram = udp(port, PORT, 40);
    let part = |fragment, bytes: &[u8]| ipv4(17, [CLIENT, SERVER], id, fragment, bytes);
    [part(0x2000, &datagram[..24]), part(3, &datagram[24..])]
}

fn answer(port: u16) -> Vec<u8> {
    ipv4(17, [SERVER, CLIENT], 9, 0, &udp(PORT, port, 100))
}

/// The server says that nobody listens there.
fn unreachable(port: u16) -> Vec<u8> {
    let quoted = ipv4(17, [CLIENT, SERVER], 1, 0, &udp(port, PORT, 0));
    let message: Vec<_> = [ERROR_ABOUT_PORT.as_slice(), &[0; 4], &quoted].concat();
    ipv4(1, [SERVER, CLIENT], 10, 0, &message)
}

fn end(address: [u8; 4], port: u16) -> Endpoint {
    Endpoint::new(Ipv4Addr::from(address).into(), port)
}

/// The worker that the kernel gives a frame to.
fn dealt(data: &[u8], workers: usize) -> usize {
    let frame = Frame { number: 1, time: at(1), link: LinkType::RAW, original_len: data.len() as u32, data };
    match peek(&frame) {
        Peeked::Packet { protocol, source, destination, .. } => {
            worker(protocol, source, destination, workers)
        }
        _ => worker(Protocol::UDP, end(CLIENT, 0), end(SERVER, 0), workers),
    }
}

fn worker(protocol: Protocol, source: Endpoint, destination: Endpoint, workers: usize) -> usize {
    dealing::worker(dealing::hash(protocol, source, destination), workers)
}

/// The client's ports whose conversations with the server are, among two workers, the other's than the fragments of them.
fn ports() -> impl Iterator<Item = u16> {
    let fragments = dealt(&question(1, 1)[0], 2);
    (50_000..60_000).filter(move |port| dealt(&answer(*port), 2) != fragments)
}

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + milliseconds * 1_000_000)
}

/// Some frames, numbered from `first` on.
fn batch<D: AsRef<[u8]>>(first: u64, frames: impl IntoIterator<Item = D>) -> FrameBatch {
    let mut batch = FrameBatch::new();
    for (number, data) in (first..).zip(frames) {
        let data = data.as_ref();
        let original_len = data.len() as u32;
        assert!(batch.push(Frame { number, time: at(number), link: LinkType::RAW, original_len, data }));
    }
    batch
}

/// Two workers' tables: first that to which the fragments are dealt, then that of the conversations of [`ports`].
fn tables() -> [Tables; 2] {
    let config = pipeline::share_of(&FlowConfig::default(), 2);
    let peers = Arc::new(Peers::new(2, 0, &config));
    let arming = Arming::new(Arc::new(SetBuilder::new().build()), Site::private_ranges(), 2);
    let wanted = Wanted { flows: true, names: false, told: Told::ALL };
    let fragments = dealt(&question(1, 1)[0], 2);
    [fragments, 1 - fragments].map(|index| Tables::new(index, &peers, config.clone(), &arming, wanted))
}

/// Ends both; the flows of each.
fn finish(tables: &mut [Tables; 2]) -> Vec<Vec<Arc<Flow>>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = tables.iter_mut().map(|tables| scope.spawn(|| tables.finish())).collect();
        let learnt = threads.into_iter().map(|thread| thread.join().unwrap());
        learnt.map(|learnt| learnt.ended.into_iter().map(|(flow, _)| flow).collect()).collect()
    })
}

/// The books of some workers who took all that came.
fn books(reports: Vec<TablesReport>, moment: Moment) -> Books {
    let frames = reports.iter().map(|report| report.frames).sum();
    let interface = InterfaceStats { received: frames, delivered: frames, ..InterfaceStats::default() };
    let workers = reports
        .into_iter()
        .map(|report| WorkerView { report, sent: Sent::default(), overload: OverloadCounts::default() })
        .collect();
    let seen = Seen {
        armed: None,
        collector: None,
        running: Duration::from_secs(1),
        is_ending: false,
        interfaces: vec![interface],
        workers,
        desk: None,
        clerk: None,
        sinks: Vec::new(),
        spool: SpoolStatus::default(),
        started: 0,
    };
    Books::new(seen, Wanted { flows: false, names: false, told: Told::ALL }, moment)
}

fn assert_balanced(tables: &[Tables; 2], moment: Moment) {
    let ledger = books(tables.iter().map(Tables::report).collect(), moment).ledger();
    assert!(ledger.is_balanced(), "{ledger:?}");
}

#[test]
fn a_conversation_in_fragments_is_one_flow_and_errors_are_noted_with_it() {
    let port = ports().next().unwrap();
    let [mut here, mut there] = tables();
    here.batch(&batch(1, question(port, 7)));
    assert!(there.is_waited_for());
    there.batch(&batch(2, [answer(port)]));
    let error = unreachable(port);
    assert_eq!(
        dealt(&error, 2),
        dealt(&question(1, 1)[0], 2),
        "to the worker that has not the flow that it is about"
    );
    here.batch(&batch(3, [error]));
    let mut both = [here, there];
    assert_balanced(&both, Moment::Running);
    let flows = finish(&mut both);
    assert_balanced(&both, Moment::End);
    let conversations: Vec<_> =
        flows.iter().flatten().filter(|flow| flow.protocol == Protocol::UDP).collect();
    assert_eq!(conversations.len(), 1, "{conversations:?}");
    let flow = conversations[0];
    assert!(flows[1].iter().any(|of_other| of_other.id == flow.id), "in the table that its answer came to");
    assert_eq!((flow.initiator, flow.responder), (end(CLIENT, port), end(SERVER, PORT)));
    assert_eq!((flow.forward.packets, flow.reverse.packets, flow.icmp_errors), (2, 1, 1));
    let counts = both.each_ref().map(|tables| tables.report().lane);
    assert_eq!((counts[0].handed, counts[0].handed_frames), (1, 2));
    assert_eq!((counts[1].taken, counts[1].taken_frames), (1, 2));
    assert_eq!(counts[0].notes, 1);
}

#[test]
fn a_packet_in_a_tunnel_that_the_kernel_did_not_look_through_goes_where_its_flow_is() {
    let port = ports().next().unwrap();
    let [mut here, mut there] = tables();
    let tunnelled = ipv4(4, [[192, 0, 2, 1], [192, 0, 2, 2]], 1, 0, &answer(port));
    here.batch(&batch(1, [tunnelled]));
    there.batch(&batch(2, [answer(port)]));
    let mut both = [here, there];
    let flows = finish(&mut both);
    assert_balanced(&both, Moment::End);
    assert_eq!(flows.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(flows[1][0].reverse.packets, 2);
}

#[test]
fn what_finds_a_lane_full_is_counted_where_it_is() {
    let more = 10;
    let ports: Vec<_> = ports().take(LANE_ERRANDS + more).collect();
    let [mut here, mut there] = tables();
    for (index, port) in ports.iter().enumerate() {
        here.batch(&batch(2 * index as u64 + 1, question(*port, index as u16)));
    }
    let lane = here.report().lane;
    assert_eq!((lane.handed, lane.stayed), (LANE_ERRANDS as u64, more as u64));
    // Nobody is told of it, but it is not forgotten either.
    here.batch(&batch(9_000, [unreachable(ports[0])]));
    assert_eq!((here.report().lane.notes, here.report().lane.notes_stayed), (0, 1));
    there.batch(&FrameBatch::new());
    let mut both = [here, there];
    assert_balanced(&both, Moment::Running);
    let flows = finish(&mut both);
    assert_balanced(&both, Moment::End);
    let packets: u64 = flows.iter().flatten().map(|flow| flow.forward.packets).sum();
    assert_eq!(packets, 2 * ports.len() as u64 + 1, "no packet is lost");
    assert_eq!(flows[1].len(), LANE_ERRANDS);
    assert_eq!(books(both.iter().map(Tables::report).collect(), Moment::End).stayed(), more as u64 + 1);
}

#[test]
fn what_is_for_a_worker_that_broke_down_stays() {
    let mut ports = ports();
    let (first, second) = (ports.next().unwrap(), ports.next().unwrap());
    let [mut here, there] = tables();
    here.batch(&batch(1, question(first, 7)));
    drop(there);
    here.batch(&batch(3, question(second, 8)));
    let flows: Vec<_> = here.finish().ended;
    assert_eq!(flows.len(), 2, "also what it had not taken");
    let lane = here.report().lane;
    assert_eq!((lane.handed, lane.taken, lane.stayed), (1, 1, 1));
}

#[test]
fn datagrams_that_were_never_whole_go_to_the_worker_of_their_ends_at_the_end() {
    let port = ports().next().unwrap();
    let [mut here, mut there] = tables();
    there.batch(&batch(2, [answer(port)]));
    here.batch(&batch(1, question(port, 7).first()));
    let mut both = [here, there];
    let flows = finish(&mut both);
    assert_balanced(&both, Moment::End);
    assert_eq!(flows.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
}

/// Plays frames in small batches, then idles until it is stopped.
struct Share {
    frames: std::vec::IntoIter<(u64, Vec<u8>)>,
    wire: Arc<Wire>,
    passed: Timestamp,
    /// The thread breaks down behind its frames.
    breaks: bool,
}

impl Source for Share {
    fn next_batch(&mut self, into: &mut FrameBatch) -> Woken {
        into.clear();
        for (number, data) in self.frames.by_ref().take(7) {
            self.passed = at(number);
            let original_len = data.len() as u32;
            let frame = Frame { number, time: self.passed, link: LinkType::RAW, original_len, data: &data };
            assert!(into.push(frame));
        }
        self.wire.delivered.fetch_add(into.len() as u64, Ordering::Relaxed);
        if !into.is_empty() {
            return Woken::Frames;
        }
        assert!(!self.breaks, "as the test wants it");
        if self.wire.is_stopped.load(Ordering::Relaxed) {
            return Woken::Ended;
        }
        std::thread::sleep(Duration::from_millis(1));
        Woken::Idle
    }

    fn passed(&mut self) -> Timestamp {
        self.passed
    }
}

/// Conversations of which some packets come in fragments, dealt to so many workers.
fn shares(workers: usize) -> (Vec<Share>, Arc<Wire>) {
    let mut of_workers = vec![Vec::new(); workers];
    let frames = (0..200_u16).flat_map(|index| {
        let port = 50_000 + index;
        let [first, second] = question(port, index);
        [first, answer(port), second, answer(port)]
    });
    for (number, data) in (1..).zip(frames) {
        of_workers[dealt(&data, workers)].push((number, data));
    }
    let wire = Arc::new(Wire::default());
    let share = |frames: Vec<_>| Share {
        frames: frames.into_iter(),
        wire: Arc::clone(&wire),
        passed: Timestamp::EPOCH,
        breaks: false,
    };
    (of_workers.into_iter().map(share).collect(), wire)
}

/// Runs it; the flows, by what is the same however they are dealt.
fn flows_with(workers: usize) -> BTreeSet<String> {
    let (sources, wire) = shares(workers);
    let Played { watching, flows, wanted, .. } = staged(sources, Arc::clone(&wire));
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("all is taken", || wire.delivered.load(Ordering::Relaxed) == 800);
    ending.request();
    let done = run.join().unwrap();
    assert!(done.problem.is_none());
    let books = Books::new(done.seen, wanted, Moment::End);
    assert!(books.ledger().is_balanced(), "{:?}", books.ledger());
    assert_eq!(books.stayed(), 0);
    let told = books.lanes().iter().map(|lane| lane.count).sum::<u64>();
    assert_eq!(told > 0, workers > 1, "lanes are used where there is more than one worker");
    let lines = flows.lines();
    let told = lines.iter().map(|flow| {
        let fields = ["/source/port", "/source/packets", "/destination/port", "/destination/packets"];
        fields.map(|field| flow.pointer(field).map(ToString::to_string).unwrap_or_default()).join(" ")
    });
    told.collect()
}

#[test]
fn flows_are_the_same_with_any_number_of_workers() {
    let alone = flows_with(1);
    assert_eq!(alone.len(), 200);
    assert_eq!(flows_with(2), alone);
    assert_eq!(flows_with(4), alone);
}

#[test]
fn a_worker_that_breaks_down_holds_nobody_up() {
    let (mut sources, wire) = shares(2);
    let fragments = dealt(&question(1, 1)[0], 2);
    sources[1 - fragments].breaks = true;
    let Played { watching, flows, .. } = staged(sources, wire);
    let (over, is_over) = std::sync::mpsc::channel();
    std::thread::spawn(move || drop(over.send(watch(watching))));
    let done =
        is_over.recv_timeout(Duration::from_secs(8)).expect("it ends, and before those who wait give up");
    assert!(done.problem.is_some());
    assert!(!flows.lines().is_empty());
}
