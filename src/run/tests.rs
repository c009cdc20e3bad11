//! A tap that plays a capture file: the threads of a run without an interface.

mod lane;
mod overload;
mod storm;
mod swap;

use super::*;
use crate::run::books::{Books, Moment};
use crate::run::http::Pages as _;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use weir_alert::Format;
use weir_capture::live::{InterfaceStats, LinkState, TapEvent, Woken};
use weir_capture::{FrameBatch, Input, ReadOptions, Reader};
use weir_model::{Timestamp, Told};
use weir_rules::{SetBuilder, Site};

/// Plays a capture as fast as it is taken, then idles until it is stopped.
struct Player {
    reader: Reader,
    wire: Arc<Wire>,
    passed: Timestamp,
}

/// The interface that the capture seems to come from.
#[derive(Default)]
struct Wire {
    delivered: AtomicU64,
    is_over: AtomicBool,
    is_stopped: AtomicBool,
}

impl Source for Player {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        batch.clear();
        if self.reader.next_batch(batch) {
            self.wire.delivered.fetch_add(batch.len() as u64, Ordering::Relaxed);
            self.passed = batch.iter().last().map_or(self.passed, |frame| frame.time);
            return Woken::Frames;
        }
        self.wire.is_over.store(true, Ordering::Relaxed);
        if self.wire.is_stopped.load(Ordering::Relaxed) {
            return Woken::Ended;
        }
        std::thread::sleep(Duration::from_millis(5));
        Woken::Idle
    }

    fn passed(&mut self) -> Timestamp {
        self.passed
    }
}

impl Interfaces for Wire {
    fn stats(&self) -> Vec<InterfaceStats> {
        let delivered = self.delivered.load(Ordering::Relaxed);
        vec![InterfaceStats {
            interface: "played".to_owned(),
            state: LinkState::Up,
            received: delivered + 7,
            dropped: 5,
            before_joining: 2,
            delivered,
            ..InterfaceStats::default()
        }]
    }

    fn events(&self) -> Vec<TapEvent> {
        Vec::new()
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// Keeps what is written; stands still, or takes nothing, while told to.
#[derive(Clone, Default)]
struct Paper {
    written: Arc<Mutex<Vec<u8>>>,
    is_stuck: Arc<AtomicBool>,
    is_full: Arc<AtomicBool>,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        while self.is_stuck.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.is_full.load(Ordering::Relaxed) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.written.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The file into which the sink of a run writes.
#[derive(Clone)]
struct Lines {
    folder: Arc<tempfile::TempDir>,
}

impl Lines {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("alerts")
    }

    /// What is written, up to the last whole line.
    fn text(&self) -> String {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        text.rsplit_once('\n').map(|(whole, _)| whole.to_owned()).unwrap_or_default()
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A run that plays something, and what a test holds of it.
struct Played<S> {
    watching: Watching<S>,
    wire: Arc<Wire>,
    alerts: Lines,
    flows: Paper,
    pages: LivePages,
    wanted: Wanted,
}

/// Plays the demonstration capture.
fn played() -> Played<Player> {
    let input = Input::from_argument(traces().join("demo.pcap"));
    let reader = Reader::open(vec![input], &ReadOptions { filter: None }).unwrap();
    let wire = Arc::new(Wire::default());
    staged(vec![Player { reader, wire: Arc::clone(&wire), passed: Timestamp::EPOCH }], wire)
}

fn traces() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("capture/traces")
}

const EVERYTHING: Wanted = Wanted { flows: true, names: true, told: Told::ALL };

/// A run with a worker for each source, which writes alerts into a file and keeps nothing.
fn staged<S: Source>(sources: Vec<S>, wire: Arc<Wire>) -> Played<S> {
    staged_with(crate::cli::CommonArguments::default(), None, EVERYTHING, (sources, wire))
}

/// The same, with more settings.
fn staged_with<S: Source>(
    common: crate::cli::CommonArguments,
    state: Option<Arc<State>>,
    wanted: Wanted,
    (sources, wire): (Vec<S>, Arc<Wire>),
) -> Played<S> {
    let alerts = Lines { folder: Arc::new(tempfile::tempdir().unwrap()) };
    let common = crate::cli::CommonArguments {
        alerts: Some(alerts.path()),
        indicators: vec![traces().join("demo-indicators.txt")],
        ..common
    };
    let arguments = RunArguments { interface: vec!["played".into()], common, ..RunArguments::default() };
    let run = Settings::for_run(&arguments).unwrap();
    let dials = Dials::new(&RunSettings { drain: Duration::from_mins(1), ..run.clone() });
    let reloading = Reloading::new(run);
    dials.canary.set(None);
    let settings = Settings::for_run(&arguments).unwrap().common;
    let beginning = intel::begin(&settings, None).unwrap();
    let interfaces: Arc<dyn Interfaces> = Arc::clone(&wire) as _;
    let sinks = Sinks::open(&settings, state.as_deref()).unwrap();
    let mut incidents = Incidents::new(Site::private_ranges(), IncidentConfig::live());
    if let Some(state) = &state {
        memory::load_all(state, &sinks.spool(), &mut incidents).unwrap();
    }
    let overlook = sinks.overlook();
    let board = Arc::new(Board::new(sources.len(), Arc::clone(&interfaces), None, overlook));
    let (flows, names) = (Paper::default(), Paper::default());
    let flow = flow_config(&settings);
    let peers = Arc::new(Peers::new(sources.len(), 0, &flow));
    let arming = Arming::new(Arc::clone(&beginning.set), site(&settings), sources.len());
    let intel::Kept { office: intel, notices, .. } = beginning.keep(&arming).unwrap();
    let pages = LivePages {
        board: Arc::clone(&board),
        wanted,
        intel,
        mutes: Arc::default(),
        copier: None,
        audit: None,
        state: None,
        confinement: Arc::new(Confinement::none("a test")),
        reloading: Arc::clone(&reloading),
    };
    let workers = workers(&arming, sources, wanted, (&flow, &peers));
    let watching = Watching {
        arming: Arc::clone(&arming),
        workers,
        collectors: None,
        peers,
        incidents,
        outputs: Outputs {
            flows: wanted.flows.then(|| Box::new(flows.clone()) as Sink),
            names: wanted.names.then(|| Box::new(names) as Sink),
            format: Format::Ecs,
        },
        telling: Telling { mutes: Arc::default(), dials: Arc::clone(&dials), arming, notices },
        sinks,
        dials,
        wanted,
        interfaces,
        board,
        ending: Ending::never_signalled(),
        pinned: false,
        state,
        reloading,
        began: instant(),
    };
    Played { watching, wire, alerts, flows, pages, wanted }
}

#[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
fn instant() -> Instant {
    Instant::now()
}

/// Waits until something is so, or fails.
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("in half a minute it did not come to be that {what}");
}

#[test]
fn what_is_played_is_alerted_counted_and_told() {
    let Played { watching, wire, alerts, flows, pages, wanted } = played();
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    wait_for("alerts are written before the end", || !alerts.lines().is_empty());
    let status = pages.page(&http::Target::parse("/status")).unwrap().body;
    assert!(status.contains("\"name\":\"played\""), "{status}");
    let metrics = pages.page(&http::Target::parse("/metrics")).unwrap().body;
    assert!(metrics.contains("weir_interface_up{interface=\"played\"} 1"), "{metrics}");
    assert!(metrics.contains("weir_ledger_balanced 1"), "{metrics}");
    ending.request();
    let done = run.join().unwrap();
    assert!(done.problem.is_none());
    let books = Books::new(done.seen, wanted, Moment::End);
    let ledger = books.ledger();
    assert!(ledger.is_balanced(), "{ledger:?}");
    assert!(books.lost().iter().all(|lost| lost.count == 0), "{:?}", books.lost());
    let ended = ledger.boundaries.iter().find(|boundary| boundary.unit == "flows").unwrap().entered.count;
    assert_eq!(flows.lines().len() as u64, ended);
    let given: u64 = books.alerts().iter().map(|alert| alert.count).sum();
    assert_eq!(alerts.lines().len() as u64, given);
}

/// What a worker counted it puts up now and then; what it sent meanwhile others have counted already. At the end nothing is excused.
#[test]
fn counts_that_are_not_put_up_yet_do_not_unbalance_the_books() {
    for moment in [Moment::Running, Moment::End] {
        let Played { watching, wire, wanted, alerts: _written, .. } = played();
        let ending = watching.ending.clone();
        let run = std::thread::spawn(move || watch(watching));
        wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
        ending.request();
        let mut seen = run.join().unwrap().seen;
        let counts = &mut seen.workers[0].report.watch;
        for count in [&mut counts.began, &mut counts.ended, &mut counts.hits, &mut counts.hits_of_ended] {
            *count -= 1;
        }
        let ledger = Books::new(seen, wanted, moment).ledger();
        let off = ledger.boundaries.iter().filter(|boundary| boundary.difference() != 0);
        let units: Vec<_> = off.map(|boundary| boundary.unit.as_str()).collect();
        let expected: &[&str] = if moment == Moment::Running { &[] } else { &["flows", "hits"] };
        assert_eq!(units, expected, "{ledger:?}");
    }
}

/// Nothing is told of who is left out, whatever he met, and all his packets are counted.
#[test]
fn who_is_left_out_is_only_counted() {
    let input = Input::from_argument(traces().join("demo.pcap"));
    let reader = Reader::open(vec![input], &ReadOptions { filter: None }).unwrap();
    let wire = Arc::new(Wire::default());
    let common = crate::cli::CommonArguments {
        leave_out: vec!["10.20.0.11".to_owned()],
        ..crate::cli::CommonArguments::default()
    };
    let player = Player { reader, wire: Arc::clone(&wire), passed: Timestamp::EPOCH };
    let Played { watching, wire, alerts, flows, wanted, .. } =
        staged_with(common, None, EVERYTHING, (vec![player], wire));
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    ending.request();
    let done = run.join().unwrap();
    let told = [alerts.lines(), flows.lines()].concat();
    assert!(!told.is_empty() && told.iter().all(|line| !line.to_string().contains("\"10.20.0.11\"")));
    let ledger = Books::new(done.seen, wanted, Moment::End).ledger();
    assert!(ledger.is_balanced(), "{ledger:?}");
    let is_it = |entry: &&crate::ledger::Entry| entry.name == "of networks that are left out";
    let left_out = ledger.boundaries.iter().flat_map(|boundary| &boundary.left).find(is_it);
    assert!(left_out.is_some_and(|entry| entry.count > 0), "{ledger:?}");
}

/// The indicators come when the capture has been played: flows that are open meet them, and of what is taken away again the hits stay.
#[test]
fn open_flows_meet_indicators_that_come_later() {
    let Played { mut watching, wire, alerts, wanted, .. } = played();
    let set = Arc::clone(&watching.arming.current().set);
    let nothing = || Arc::new(SetBuilder::new().build());
    let arming = Arming::new(nothing(), Site::private_ranges(), 1);
    let (source, _) = watching.workers.pop().unwrap();
    let flow = FlowConfig::default();
    watching.workers.push((source, Tables::new(0, &watching.peers, flow, &arming, wanted)));
    (watching.arming, watching.telling.arming) = (Arc::clone(&arming), Arc::clone(&arming));
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    assert!(alerts.lines().is_empty());
    let freed = Arc::downgrade(&set);
    arming.arm(set);
    wait_for("open flows are compared", || arming.is_taken() && arming.is_swept());
    wait_for("alerts are written", || !alerts.lines().is_empty());
    arming.arm(nothing());
    wait_for("the set is freed", || freed.upgrade().is_none());
    ending.request();
    let done = run.join().unwrap();
    let books = Books::new(done.seen, wanted, Moment::End);
    let ledger = books.ledger();
    assert!(ledger.is_balanced(), "{ledger:?}");
    let hits = ledger.boundaries.iter().find(|boundary| boundary.unit == "hits").unwrap();
    assert!(hits.entered.count > 0);
    assert_eq!(books.latency().quantiles().count, 0, "no packet caused these");
}

/// They are sent, recognised and counted, and nobody sees them.
#[test]
fn canaries_come_through_and_show_nowhere() {
    let Played { watching, wire, alerts, flows, pages, wanted } = played();
    watching.dials.canary.set(Some(Duration::from_millis(300)));
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    let seen = || pages.page(&http::Target::parse("/status")).unwrap().body;
    wait_for("a canary came through", || seen().contains("\"thread\":\"worker 0\",\"age_seconds\":0"));
    wait_for("the ledger tells of it", || seen().contains("taken by workers or canaries"));
    assert!(
        pages
            .page(&http::Target::parse("/metrics"))
            .unwrap()
            .body
            .contains("weir_canary_age_seconds{thread=\"worker 0\"} 0")
    );
    ending.request();
    let done = run.join().unwrap();
    assert!(done.seen.desk.as_ref().unwrap().cage.hits > 0);
    let books = Books::new(done.seen, wanted, Moment::End);
    assert!(books.ledger().is_balanced(), "{:?}", books.ledger());
    assert!(books.canaries().iter().all(|canary| !canary.is_late));
    for text in [alerts.text(), String::from_utf8(flows.written.lock().unwrap().clone()).unwrap()] {
        assert!(!text.is_empty() && !text.contains("canary") && !text.contains("192.0.2.25"), "{text}");
    }
}

#[test]
fn whoever_does_not_take_lines_does_not_stop_capture() {
    let Played { watching, wire, alerts, flows, wanted, .. } = played();
    flows.is_stuck.store(true, Ordering::Relaxed);
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    wait_for("alerts are written", || !alerts.lines().is_empty());
    assert!(flows.lines().is_empty());
    flows.is_stuck.store(false, Ordering::Relaxed);
    ending.request();
    let done = run.join().unwrap();
    assert!(Books::new(done.seen, wanted, Moment::End).ledger().is_balanced());
}

/// What the disk of flows has no room for is lost and counted; alerts come.
#[test]
fn a_disk_without_room_for_flows_ends_nothing() {
    let Played { watching, wire, alerts, flows, wanted, .. } = played();
    flows.is_full.store(true, Ordering::Relaxed);
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    wait_for("alerts are written", || !alerts.lines().is_empty());
    ending.request();
    let done = run.join().unwrap();
    assert!(done.problem.is_none());
    let ledger = Books::new(done.seen, wanted, Moment::End).ledger();
    assert!(ledger.is_balanced(), "{ledger:?}");
    let of_flows = ledger.boundaries.iter().filter(|boundary| boundary.unit == "flows");
    let went = of_flows.flat_map(|boundary| &boundary.left);
    let lost = went.clone().find(|entry| entry.name == "could not be written").map_or(0, |entry| entry.count);
    assert!(lost > 0 && flows.lines().is_empty(), "{ledger:?}");
}

/// Killed after it told, before it kept anything of incidents but what is in the spool: the next run goes on with the same incidents.
#[test]
fn what_was_told_before_a_crash_does_not_ring_again() {
    let demo = || Input::from_argument(traces().join("demo.pcap"));
    let play = |folder: &Path| {
        let reader = Reader::open(vec![demo()], &ReadOptions { filter: None }).unwrap();
        let wire = Arc::new(Wire::default());
        let player = Player { reader, wire: Arc::clone(&wire), passed: Timestamp::EPOCH };
        let state = Arc::new(State::open(folder).unwrap());
        staged_with(crate::cli::CommonArguments::default(), Some(state), EVERYTHING, (vec![player], wire))
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut told: Vec<Vec<(String, u64)>> = Vec::new();
    for folder in &folders {
        let Played { watching, wire, alerts, wanted, .. } = play(folder.path());
        let ending = watching.ending.clone();
        let run = std::thread::spawn(move || watch(watching));
        wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
        if told.is_empty() {
            wait_for("alerts are written", || !alerts.lines().is_empty());
            std::thread::sleep(Duration::from_millis(500));
            for file in ["spool.sqlite", "spool.sqlite-wal"] {
                std::fs::copy(folder.path().join(file), folders[1].path().join(file)).unwrap();
            }
        }
        let notice = |alert: &serde_json::Value| {
            let incident = &alert["weir"]["incident"];
            (incident["id"].as_str().unwrap().to_owned(), incident["notice"].as_u64().unwrap())
        };
        let before_the_end = alerts.lines();
        ending.request();
        assert!(Books::new(run.join().unwrap().seen, wanted, Moment::End).ledger().is_balanced());
        let all = if told.is_empty() { before_the_end } else { alerts.lines() };
        told.push(all.iter().map(notice).collect());
    }
    assert!(!told[0].is_empty());
    let mut all: Vec<_> = told.concat();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "no notice twice: {told:?}");
    let known = |incident: &str| told[0].iter().any(|(other, _)| other == incident);
    assert!(told[1].iter().all(|(incident, number)| known(incident) && *number > 1), "{told:?}");
}
