//! A sink at work: its ways out, and a courier's thread for each.

use super::depots::Depots;
use super::overlook::Row;
use super::staff::Delivery;
use crate::config::ConfiguredSink;
use crate::latency::Latency;
use crate::output::complain;
use crate::run::now;
use crate::supervisor::{self, Pulse};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weir_alert::Pseudonyms;
use weir_alert::courier::{
    self, Courier, Ending, Freight, Hatch, Onlooker, Reopen, Spooling, Terms, Watch, hatch,
};
use weir_alert::marking::StripKey;
use weir_alert::pseudonyms::Inside;
use weir_alert::sinks::{Kind, Opening, Outlet, SinkSettings};
use weir_alert::spool::{Beginning, Cursor, Spool, SpoolErrorKind};
use weir_net::{NetError, NetErrorKind};

/// How often a way out is tried whose place in the spool, or whose file, somebody else still has.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// What all sinks have in common.
pub(super) struct Shared {
    pub spool: Spool,
    pub key: StripKey,
    /// What is inside, for sinks that have pseudonyms for it.
    pub inside: Inside,
    /// Where flows, names and ledgers wait that are to be spooled.
    pub depots: Mutex<Depots>,
    /// Whether messages that wait are still there after the program ends.
    pub is_kept: bool,
}

impl Shared {
    fn pseudonyms(&self, sink: &ConfiguredSink) -> Option<Pseudonyms> {
        sink.has_pseudonyms.then(|| Pseudonyms::new(&self.key, &sink.name, Arc::clone(&self.inside)))
    }

    fn spooling(&self, sink: &ConfiguredSink) -> Result<Option<Spooling>> {
        let mut depots = self.depots.lock().unwrap_or_else(PoisonError::into_inner);
        let depot = depots.open(sink)?;
        Ok(depot.map(|depot| Spooling { depot, kinds: sink.spool.clone() }))
    }
}

/// A sink, and where its relative paths begin.
#[derive(Clone)]
pub(super) struct Place {
    pub sink: ConfiguredSink,
    pub base: PathBuf,
}

impl Place {
    /// Opens its ways out. Settings that cannot work are an error; a receiver that is away is none.
    pub(super) fn open(&self) -> Result<Vec<Outlet>> {
        self.try_open().with_context(|| self.sink.place())
    }

    /// The file that it has to itself, if it has one: nobody else can open it at the same time.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let SinkSettings::File(file) = &self.sink.settings else { return None };
        let path = self.base.join(&file.path);
        Some(path.canonicalize().unwrap_or(path))
    }

    fn try_open(&self) -> Result<Vec<Outlet>, NetError> {
        self.sink.settings.open(&Opening { name: &self.sink.name, base: &self.base })
    }

    fn open_part(&self, part: &str) -> Result<Outlet, NetError> {
        self.try_open()?
            .into_iter()
            .find(|outlet| outlet.part == part)
            .ok_or_else(|| NetError::new(NetErrorKind::Settings, "the sink has this way out no more"))
    }
}

/// A sink that is worked for, or will be when it is started.
pub(super) struct Post {
    pub place: Place,
    pub rows: Vec<Arc<Row>>,
    pub delivery: Option<Delivery>,
    work: Vec<Work>,
    threads: Vec<JoinHandle<()>>,
    ending: Ending,
}

impl Post {
    /// With its places in the spool. Those that somebody has who is about to leave are waited for by the threads; so are its ways out where they are not
    /// given, of which it has one then.
    pub(super) fn new(place: Place, outlets: Option<Vec<Outlet>>, shared: &Arc<Shared>) -> Result<Self> {
        let mut post = Self {
            place,
            rows: Vec::new(),
            delivery: None,
            work: Vec::new(),
            threads: Vec::new(),
            ending: Ending::default(),
        };
        let Some(outlets) = outlets else {
            post.add(None, true, shared)?;
            return Ok(post);
        };
        // One way out gets what is not spooled: the first that does not gather.
        let first = outlets.iter().position(|outlet| outlet.gathers.is_none());
        for (number, outlet) in outlets.into_iter().enumerate() {
            post.add(Some(outlet), Some(number) == first, shared)?;
        }
        Ok(post)
    }

    fn add(&mut self, outlet: Option<Outlet>, gets_freight: bool, shared: &Arc<Shared>) -> Result<()> {
        let sink = &self.place.sink;
        let is_wanted = gets_freight && sink.send.iter().any(|kind| *kind != Kind::Alert);
        let (hatch, freight) = if is_wanted {
            let (hatch, freight) = hatch(shared.spooling(sink)?);
            (Some(hatch), Some(freight))
        } else {
            (None, None)
        };
        if let Some(hatch) = &hatch {
            let (kinds, format) = (sink.send.clone(), sink.terms.format);
            let pseudonyms = shared.pseudonyms(sink);
            self.delivery = Some(Delivery { hatch: hatch.clone(), format, kinds, pseudonyms });
        }
        let part = outlet.as_ref().map_or("", |outlet| outlet.part);
        let cursor = match shared.spool.cursor(&sink.name, part, Beginning::Next) {
            Err(error) if error.kind == SpoolErrorKind::InUse => None,
            cursor => Some(cursor?),
        };
        let row = Arc::new(row(sink, part, hatch, &shared.spool));
        self.work.push(Work {
            place: self.place.clone(),
            part,
            outlet,
            cursor,
            freight,
            row: Arc::clone(&row),
            shared: Arc::clone(shared),
        });
        self.rows.push(row);
        Ok(())
    }

    pub(super) fn name(&self) -> &str {
        &self.place.sink.name
    }

    /// Sets the couriers to work.
    pub(super) fn start(&mut self) -> Result<()> {
        for work in self.work.drain(..) {
            let ending = self.ending.clone();
            let thread = std::thread::Builder::new().name(format!("sink {}", work.row.name()));
            let thread =
                thread.spawn(move || work.run(&ending)).context("cannot start a thread for a sink")?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// What waits may be delivered until then.
    pub(super) fn end_by(&self, deadline: Instant) {
        self.ending.end_by(deadline);
    }

    /// Whether nobody works for it any more.
    pub(super) fn is_left(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Says which of its threads broke down, and what of its flows, names and ledgers nobody will deliver. To be called when it is left, or given up.
    pub(super) fn close(self) {
        // Who is not back hangs in a sink; the end of the process ends it.
        for thread in self.threads.into_iter().filter(JoinHandle::is_finished) {
            if thread.join().is_err() {
                complain("the thread of a sink broke down");
            }
        }
        let Some(Delivery { hatch, kinds, .. }) = self.delivery else { return };
        // What is spooled waits for who takes the place.
        let is_spooled = |kind: &Kind| self.place.sink.spool.contains(kind);
        for kind in kinds.into_iter().filter(|kind| !is_spooled(kind)) {
            let waiting = hatch.counts(kind).waiting();
            if waiting > 0 {
                let (kind, name) = (kind.plural(), &self.place.sink.name);
                complain(&format!(
                    "{waiting} {kind} did not get to sink {name} any more, and are lost there"
                ));
            }
        }
    }
}

fn row(sink: &ConfiguredSink, part: &'static str, hatch: Option<Hatch>, spool: &Spool) -> Row {
    let cursors = spool.state().cursors;
    let own = cursors.iter().find(|cursor| *cursor.sink == *sink.name && *cursor.part == *part);
    Row {
        sink: sink.name.clone(),
        part,
        kind: sink.settings.kind(),
        ceiling: sink.terms.ceiling,
        sends: sink.send.clone(),
        watch: Arc::new(Watch::default()),
        latency: Arc::new(Mutex::new(Latency::new())),
        hatch,
        expired_before: own.map_or(0, |cursor| cursor.counts.expired),
    }
}

/// What the thread of a way out begins with.
struct Work {
    place: Place,
    part: &'static str,
    outlet: Option<Outlet>,
    cursor: Option<Cursor>,
    freight: Option<Freight>,
    row: Arc<Row>,
    shared: Arc<Shared>,
}

impl Work {
    fn run(self, ending: &Ending) {
        let Self { place, part, outlet, cursor, freight, row, shared } = self;
        let pulse = supervisor::pulse(format!("sink {}", row.name()));
        let spool = shared.spool.clone();
        let take =
            || spool.cursor(&place.sink.name, part, Beginning::Next).map_err(|error| error.to_string());
        let Some(cursor) = cursor.or_else(|| at_last(take, ending, (&row.watch, &pulse))) else { return };
        let open = || place.open_part(part).map_err(|error| error.text);
        let Some(mut outlet) = outlet.or_else(|| at_last(open, ending, (&row.watch, &pulse))) else { return };
        if !place.sink.gets(Kind::Alert) {
            outlet.takes = |_| false;
        }
        let post = courier::Post {
            terms: Terms { pseudonyms: shared.pseudonyms(&place.sink), ..place.sink.terms.clone() },
            key: shared.key.clone(),
            spool,
            cursor,
            is_kept: shared.is_kept,
            outlet,
            reopen: reopening(place, part),
            freight,
            watch: Arc::clone(&row.watch),
            onlooker: Box::new(Recorder { name: row.sink.clone(), latency: Arc::clone(&row.latency), pulse }),
            clock: now,
        };
        Courier::new(post).run(ending);
    }
}

/// Tries until it succeeds, or the end has come.
fn at_last<T>(
    mut attempt: impl FnMut() -> Result<T, String>,
    ending: &Ending,
    (watch, pulse): (&Watch, &Pulse),
) -> Option<T> {
    let mut failed = 0_u32;
    while !ending.is_requested() {
        pulse.beat();
        match attempt() {
            Ok(done) => {
                watch.worked();
                return Some(done);
            }
            // Who has it leaves within moments, as a rule: that is not worth saying.
            Err(why) if failed >= 20 => watch.failed(now(), &why),
            Err(_) => {}
        }
        failed = failed.saturating_add(1);
        std::thread::sleep(TRY_EVERY);
    }
    None
}

fn reopening(place: Place, part: &'static str) -> Reopen {
    Box::new(move || place.open_part(part))
}

/// Records how long messages take, and passes on what a sink has to say.
struct Recorder {
    name: String,
    latency: Arc<Mutex<Latency>>,
    pulse: Pulse,
}

impl Onlooker for Recorder {
    fn turns(&mut self) {
        self.pulse.beat();
    }

    fn delivered(&mut self, waited: Duration) {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).record(waited);
    }

    fn remarked(&mut self, remark: &str) {
        complain(&format!("sink {}: {remark}", self.name));
    }
}
