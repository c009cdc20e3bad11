//! The couriers: from the configuration to threads, and to their end.

use super::depots::Depots;
use super::overlook::{Overlook, Row};
use crate::config::{ConfiguredSink, Settings};
use crate::latency::Latency;
use crate::output::complain;
use crate::run::now;
use crate::state::State;
use crate::supervisor::{self, Pulse};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weir_alert::Format;
use weir_alert::courier::{Courier, Ending, Freight, Hatch, Onlooker, Post, Reopen, Spooling, Watch, hatch};
use weir_alert::marking::StripKey;
use weir_alert::sinks::{Kind, Opening, Outlet};
use weir_alert::spool::{Beginning, Depot, Limits, Spool};

/// In the state directory.
const SPOOL_FILE: &str = "spool.sqlite";
/// In the state directory, too; see [`StripKey`].
const KEY_FILE: &str = "strip.key";
/// Without a state directory what waits is in memory.
const MOST_IN_MEMORY_BYTES: u64 = 64 << 20;
/// How often what is too old is taken out of the spool.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How soon the end is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A sink that does not come back when its time is over is left behind after so long.
const GRACE: Duration = Duration::from_secs(2);

/// All sinks of a run.
pub(crate) struct Sinks {
    /// Where messages are appended.
    pub spool: Spool,
    /// Where flows, names and ledgers wait that are to be spooled.
    depots: Depots,
    overlook: Arc<Overlook>,
    deliveries: Vec<Delivery>,
    couriers: Vec<Courier>,
    threads: Vec<JoinHandle<()>>,
    ending: Ending,
}

/// Where a sink's flows, names and ledger are put, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub hatch: Hatch,
    pub format: Format,
    pub kinds: Vec<Kind>,
}

impl Sinks {
    /// Opens the spool and all sinks. Settings that cannot work are an error; a receiver that is away is none.
    pub(crate) fn open(settings: &Settings, state: Option<&State>) -> Result<Self> {
        let (sinks, base) = configured(settings)?;
        let spool = open_spool(settings.spool, state)?;
        let key = match state {
            Some(state) => StripKey::kept_at(&state.path(KEY_FILE)),
            None => StripKey::for_this_run(),
        };
        let key =
            key.context("cannot have the key of stripped messages (strip.key in the state directory)")?;
        warn(&sinks, state.is_some());
        let depots = Depots::new(state, settings.freight);
        let mut opened = Opened { rows: Vec::new(), deliveries: Vec::new(), couriers: Vec::new(), depots };
        let is_kept = state.is_some();
        for sink in sinks.iter().filter(|sink| sink.is_enabled) {
            opened.sink(sink, &base, Shared { spool: &spool, key: &key, is_kept })?;
        }
        forget_others(&spool, &sinks, &opened.rows)?;
        opened.depots.forget_others(&sinks)?;
        let Opened { rows, deliveries, couriers, depots } = opened;
        let overlook = Arc::new(Overlook::new(spool.clone(), rows));
        let (threads, ending) = (Vec::new(), Ending::default());
        Ok(Self { spool, depots, overlook, deliveries, couriers, threads, ending })
    }

    /// Where messages are appended.
    pub(crate) fn spool(&self) -> Spool {
        self.spool.clone()
    }

    /// How they are.
    pub(crate) fn overlook(&self) -> Arc<Overlook> {
        Arc::clone(&self.overlook)
    }

    /// Where flows, names and the ledger are to be put.
    pub(crate) fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Whether any sink gets this.
    pub(crate) fn get(&self, kind: Kind) -> bool {
        self.deliveries.iter().any(|delivery| delivery.kinds.contains(&kind))
    }

    /// Sets the couriers to work, and somebody who takes out of the spool what is too old.
    pub(crate) fn start(&mut self) -> Result<()> {
        let (spool, ending) = (self.spool.clone(), self.ending.clone());
        let depots = self.depots.all();
        let tidying = std::thread::Builder::new().name("spool".to_owned());
        let tidying = tidying
            .spawn(move || tidy(&spool, &depots, &ending))
            .context("cannot start a thread for the spool")?;
        self.threads.push(tidying);
        for (courier, name) in self.couriers.drain(..).zip(self.overlook.names()) {
            let ending = self.ending.clone();
            let thread = std::thread::Builder::new().name(format!("sink {name}"));
            let thread =
                thread.spawn(move || courier.run(&ending)).context("cannot start a thread for a sink")?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// Lets couriers deliver what waits, until the time is over. Nothing may be appended any more. What waits then is said.
    #[expect(clippy::disallowed_methods, reason = "sinks have so long by the clock")]
    pub(crate) fn finish(mut self, time: Duration) {
        let deadline = Instant::now() + time;
        self.ending.end_by(deadline);
        while Instant::now() < deadline + GRACE && self.threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(GRACE / 400);
        }
        // Who is not back then hangs in a sink; the end of the process ends it.
        for thread in self.threads.drain(..).filter(JoinHandle::is_finished) {
            if thread.join().is_err() {
                complain("the thread of a sink broke down");
            }
        }
    }
}

/// Takes out what is too old, now and then, until the end.
#[expect(clippy::disallowed_methods, reason = "done by the clock")]
fn tidy(spool: &Spool, depots: &[(String, Depot)], ending: &Ending) {
    let mut due = Instant::now() + TIDY_EVERY;
    let pulse = supervisor::pulse("spool");
    while !ending.is_requested() {
        pulse.beat();
        std::thread::sleep(LOOK_EVERY);
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + TIDY_EVERY;
        match spool.expire(now()) {
            Ok(0) => {}
            Ok(expired) => complain(&format!(
                "{expired} messages waited for a sink until they were too old, or had no room any more, and are lost: weir status"
            )),
            Err(error) => complain(&error.to_string()),
        }
        for (sink, depot) in depots {
            match depot.expire(now()) {
                Ok(0) => {}
                Ok(expired) => complain(&format!(
                    "{expired} flows, names or ledgers waited for sink `{sink}` until they were too old, and are lost: weir status"
                )),
                Err(error) => complain(&format!("what is spooled for sink `{sink}`: {error}")),
            }
        }
    }
}

/// What all sinks have in common.
#[derive(Clone, Copy)]
struct Shared<'a> {
    spool: &'a Spool,
    key: &'a StripKey,
    is_kept: bool,
}

/// What is made of sinks.
struct Opened {
    rows: Vec<Row>,
    deliveries: Vec<Delivery>,
    couriers: Vec<Courier>,
    depots: Depots,
}

impl Opened {
    fn sink(&mut self, sink: &ConfiguredSink, base: &Path, shared: Shared<'_>) -> Result<()> {
        let opening = Opening { name: &sink.name, base };
        let outlets = sink.settings.open(&opening).with_context(|| sink.place())?;
        // One way out gets what is not spooled: the first that does not gather.
        let first = outlets.iter().position(|outlet| outlet.gathers.is_none());
        for (place, outlet) in outlets.into_iter().enumerate() {
            let mut freight = None;
            let mut hatches = None;
            if Some(place) == first && sink.send.iter().any(|kind| *kind != Kind::Alert) {
                let (hatch, end) = hatch(self.spooling(sink)?);
                let (kinds, format) = (sink.send.clone(), sink.terms.format);
                self.deliveries.push(Delivery { hatch: hatch.clone(), format, kinds });
                (freight, hatches) = (Some(end), Some(hatch));
            }
            self.courier((sink, base), (outlet, freight, hatches), shared)?;
        }
        Ok(())
    }

    fn spooling(&mut self, sink: &ConfiguredSink) -> Result<Option<Spooling>> {
        let depot = self.depots.open(&sink.name, !sink.spool.is_empty())?;
        Ok(depot.map(|depot| Spooling { depot, kinds: sink.spool.clone() }))
    }

    fn courier(
        &mut self,
        (sink, base): (&ConfiguredSink, &Path),
        (mut outlet, freight, hatch): (Outlet, Option<Freight>, Option<Hatch>),
        Shared { spool, key, is_kept }: Shared<'_>,
    ) -> Result<()> {
        if !sink.gets(Kind::Alert) {
            outlet.takes = |_| false;
        }
        let part = outlet.part;
        let cursor = spool.cursor(&sink.name, part, Beginning::Next)?;
        let cursors = spool.state().cursors;
        let own = cursors.iter().find(|cursor| *cursor.sink == *sink.name && *cursor.part == *part);
        let expired_before = own.map_or(0, |cursor| cursor.counts.expired);
        let (watch, latency) = (Arc::new(Watch::default()), Arc::new(Mutex::new(Latency::new())));
        self.rows.push(Row {
            sink: sink.name.clone(),
            part,
            kind: sink.settings.kind(),
            sends: sink.send.clone(),
            watch: Arc::clone(&watch),
            latency: Arc::clone(&latency),
            hatch,
            expired_before,
        });
        let name = sink.name.clone();
        self.couriers.push(Courier::new(Post {
            terms: sink.terms.clone(),
            key: key.clone(),
            spool: spool.clone(),
            cursor,
            is_kept,
            outlet,
            reopen: reopening(sink.clone(), base.to_owned(), part),
            freight,
            watch,
            onlooker: Box::new(Recorder { name, latency, pulse: None }),
            clock: now,
        }));
        Ok(())
    }
}

/// Records how long messages take, and passes on what a sink has to say.
struct Recorder {
    name: String,
    latency: Arc<Mutex<Latency>>,
    /// Of the courier, from its first turn on.
    pulse: Option<Pulse>,
}

impl Onlooker for Recorder {
    fn turns(&mut self) {
        let begin = || supervisor::pulse(format!("sink {}", self.name));
        self.pulse.get_or_insert_with(begin).beat();
    }

    fn delivered(&mut self, waited: Duration) {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).record(waited);
    }

    fn remarked(&mut self, remark: &str) {
        complain(&format!("sink {}: {remark}", self.name));
    }
}

/// The sinks, and where their relative paths begin.
pub(super) fn configured(settings: &Settings) -> Result<(Vec<ConfiguredSink>, PathBuf)> {
    if settings.sinks.is_empty() {
        let only = ConfiguredSink::for_lines(&settings.alerts, settings.alerts_tlp, settings.format)?;
        return Ok((vec![only], PathBuf::new()));
    }
    let folder = settings.config.as_deref().and_then(Path::parent).map(Path::to_owned);
    Ok((settings.sinks.clone(), folder.unwrap_or_default()))
}

fn open_spool(limits: Limits, state: Option<&State>) -> Result<Spool> {
    let Some(state) = state else {
        let max_bytes = limits.max_bytes.min(MOST_IN_MEMORY_BYTES);
        return Ok(Spool::in_memory(Limits { max_bytes, ..limits })?);
    };
    let (spool, set_aside) = Spool::open_or_set_aside(&state.path(SPOOL_FILE), limits)?;
    if let Some(aside) = set_aside {
        let (path, error) = (aside.path.display(), aside.error);
        complain(&format!(
            "what waited for sinks cannot be read, and lies in {path}: {error}; another spool is begun"
        ));
    }
    Ok(spool)
}

fn warn(sinks: &[ConfiguredSink], is_kept: bool) {
    for sink in sinks.iter().filter(|sink| sink.is_enabled) {
        for warning in sink.settings.warnings() {
            complain(&format!("{}: {warning}", sink.place()));
        }
    }
    if !sinks.iter().any(|sink| sink.is_enabled) {
        complain("all sinks are disabled: nobody is told of anything, and nothing is kept for them");
    }
    let is_local = |sink: &ConfiguredSink| matches!(sink.settings.kind(), "stdout" | "file");
    if let Some(sink) = sinks.iter().find(|sink| sink.is_enabled && !is_local(sink)).filter(|_| !is_kept) {
        complain(&format!(
            "without a state directory (--state DIR) what waits for sink `{}` is in memory, and gone when weir ends",
            sink.name
        ));
    }
}

/// Nothing is kept for sinks that nobody configures any more; for those that are disabled it is.
fn forget_others(spool: &Spool, sinks: &[ConfiguredSink], rows: &[Row]) -> Result<()> {
    for cursor in spool.state().cursors {
        let is_disabled = sinks.iter().any(|sink| !sink.is_enabled && *sink.name == *cursor.sink);
        let is_open = rows.iter().any(|row| *row.sink == *cursor.sink && *row.part == *cursor.part);
        if is_disabled || is_open {
            continue;
        }
        let waited = spool.forget(&cursor.sink, &cursor.part)?.unwrap_or_default();
        if waited > 0 {
            let name = &cursor.sink;
            complain(&format!(
                "{waited} messages waited for sink `{name}`, which is not configured any more: they are dropped"
            ));
        }
    }
    Ok(())
}

fn reopening(sink: ConfiguredSink, base: PathBuf, part: &'static str) -> Reopen {
    Box::new(move || {
        let outlets = sink.settings.open(&Opening { name: &sink.name, base: &base })?;
        outlets.into_iter().find(|outlet| outlet.part == part).ok_or_else(|| {
            weir_net::NetError::new(weir_net::NetErrorKind::Settings, "the sink has this way out no more")
        })
    })
}
