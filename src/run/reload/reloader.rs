//! Reads the configuration again, and has it count.

use super::Reloading;
use super::file::Watched;
use super::keys::{self, Merged};
use crate::config::{ConfiguredSink, Effective, RunSettings};
use crate::intel::say::count as say_count;
use crate::intel::{Changing, Stock};
use crate::output::{complain, note};
use crate::read::site;
use crate::run::arming::Arming;
use crate::run::books::Wanted;
use crate::run::collector::Terms;
use crate::run::dials::Dials;
use crate::run::{interfaces, now};
use crate::sandbox::{Access, Confinement};
use crate::sinks::Sinks;
use crate::status::ReloadStatus;
use crate::supervisor;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How soon a signal or an order is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Keys that a line on stderr names; all of them are in `weir status`.
const KEYS_SAID: usize = 12;

/// Reads the settings with the flags that were given, which win.
pub(crate) type Read = Box<dyn Fn() -> Result<RunSettings> + Send>;

/// What is changed.
pub(in crate::run) struct Tools {
    pub changing: Changing,
    pub arming: Arc<Arming>,
    pub sinks: Sinks,
    pub dials: Arc<Dials>,
    /// Where routers are heard.
    pub terms: Option<Arc<Terms>>,
    /// What is made of flows and names since the start.
    pub made: Wanted,
    /// Which files are within reach.
    pub confinement: Arc<Confinement>,
}

/// Waits for reasons to read the configuration again.
pub(in crate::run) struct Reloader {
    read: Read,
    tools: Tools,
    reloading: Arc<Reloading>,
    /// SIGHUP came.
    hangup: Arc<AtomicBool>,
    watched: Option<Watched>,
    running: RunSettings,
    /// What counts, key by key, and of files that keys name what was in them.
    effective: Effective,
}

/// Why it is read again.
#[derive(Clone, Copy, Debug)]
enum Reason {
    Signal,
    Changed,
    Ordered,
}

/// What came of it.
struct Done {
    applied: Vec<String>,
    wants_restart: Vec<String>,
}

impl Reloader {
    /// Nothing was read again.
    #[expect(clippy::disallowed_methods, reason = "the file is looked at by the clock")]
    pub(in crate::run) fn new(
        read: Read,
        tools: Tools,
        reloading: &Arc<Reloading>,
        hangup: Arc<AtomicBool>,
    ) -> Self {
        let running = (*reloading.settings()).clone();
        let watched = running.common.config.as_deref().and_then(|path| Watched::new(path, Instant::now()));
        let effective = running.effective();
        reloading.is_served.store(true, Ordering::Relaxed);
        Self { read, tools, reloading: Arc::clone(reloading), hangup, watched, running, effective }
    }

    /// Works on a thread of its own until the run is over. Nobody waits for that thread: a file system that hangs shall not keep a run from its end.
    pub(in crate::run) fn start(self) -> Result<()> {
        let thread = std::thread::Builder::new().name("reload".to_owned());
        thread
            .spawn(move || self.run())
            .map(drop)
            .context("cannot start a thread that looks at the configuration")
    }

    #[expect(clippy::disallowed_methods, reason = "the file is looked at by the clock")]
    fn run(mut self) {
        while !self.reloading.is_over() {
            std::thread::sleep(LOOK_EVERY);
            if let Some(reason) = self.reason(Instant::now()) {
                self.reload(reason);
            }
        }
    }

    fn reason(&mut self, now: Instant) -> Option<Reason> {
        if self.hangup.swap(false, Ordering::Relaxed) {
            return Some(Reason::Signal);
        }
        if self.reloading.ordered.load(Ordering::Relaxed) > self.reloading.done.load(Ordering::Relaxed) {
            return Some(Reason::Ordered);
        }
        self.watched.as_mut().is_some_and(|watched| watched.has_changed(now)).then_some(Reason::Changed)
    }

    fn reload(&mut self, reason: Reason) {
        supervisor::reloading();
        let ordered = self.reloading.ordered.load(Ordering::Relaxed);
        if let Some(watched) = &mut self.watched {
            watched.is_read();
        }
        let done = self.try_reload();
        if !self.reloading.is_over() {
            say(reason, done.as_ref());
        }
        self.put_up(done);
        self.reloading.done.store(ordered, Ordering::Release);
        supervisor::ready();
    }

    fn put_up(&self, done: Result<Done>) {
        let mut status = self.reloading.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.at = Some(now().as_nanos() / 1_000_000_000);
        match done {
            Ok(Done { applied, wants_restart }) => {
                let accepted = status.accepted + 1;
                *status = ReloadStatus { accepted, applied, wants_restart, problem: None, ..status.clone() };
            }
            Err(error) => {
                status.refused += 1;
                (status.applied, status.problem) = (Vec::new(), Some(format!("{error:#}")));
            }
        }
    }

    /// All of it or, with an error, nothing.
    fn try_reload(&mut self) -> Result<Done> {
        let wanted = self.read()?;
        let wanted_effective = wanted.effective();
        let merged =
            Merged::new(&self.running, &wanted, self.tools.made, &|settings| self.is_within(settings));
        let (waiting, changed): (Vec<_>, Vec<_>) = self
            .effective
            .differences(&wanted_effective)
            .into_iter()
            .partition(|key| merged.wants_restart(key).is_some());
        let mut applied = keys::summary(&changed, &self.running, &merged.settings);
        let why = |key: &String| merged.wants_restart(key).unwrap_or_default();
        let wants_restart = waiting.iter().map(|key| format!("{key}: {}", why(key))).collect();
        let listed = self.apply(merged.settings, &changed)?;
        applied.extend(listed.map(|count| format!("{} of lists, read again", say_count(count, "indicator"))));
        self.effective = self.effective.with(&wanted_effective, &changed);
        self.reloading.settings.store(Arc::new(self.running.clone()));
        Ok(Done { applied, wants_restart })
    }

    /// Whether the sandbox lets this program reach all files of some settings.
    fn is_within(&self, settings: &RunSettings) -> bool {
        let confinement = &self.tools.confinement;
        if !confinement.is_in_force() {
            return true;
        }
        // The control socket stays where it is.
        let Access { reads, writes } = Access::of(settings, Path::new("-"));
        reads.iter().all(|path| confinement.may_read(path))
            && writes.iter().all(|path| confinement.may_write(path))
    }

    fn read(&self) -> Result<RunSettings> {
        if let Some(path) = &self.running.common.config {
            must_be_a_file(path)?;
        }
        let wanted = (self.read)()?;
        let runs = |name: &&String| self.running.tap.interfaces.contains(name);
        let others: Vec<_> = wanted.tap.interfaces.iter().filter(|name| !runs(name)).cloned().collect();
        // One that is away at the moment is no mistake in the file.
        interfaces::must_exist(&others)?;
        Ok(wanted)
    }

    /// Has settings count that differ from those that run in these keys. Gives how many indicators are in lists, if these were read.
    fn apply(&mut self, settings: RunSettings, changed: &[String]) -> Result<Option<u64>> {
        let Tools { changing, arming, sinks, dials, terms, .. } = &self.tools;
        let is_touched = |tops: &[&str]| {
            changed.iter().any(|key| tops.contains(&key.split(['.', ' ']).next().unwrap_or_default()))
        };
        // Lists beside which there are no sources are read whenever somebody asks.
        let reads_lists = settings.common.sources.is_empty();
        let stock = (reads_lists
            || is_touched(&["source", "indicators", "screening", "no_screening", "home_net"]))
        .then(|| {
            let names = settings.common.sources.iter().map(|source| &source.name);
            Stock::of(&settings.common, keys::touched("source", names, changed))
        })
        .transpose()?;
        let listed =
            stock.as_ref().and_then(Stock::listed).filter(|_| !settings.common.indicators.is_empty());
        let is_lines_changed = is_touched(&["alerts", "alerts_tlp"]);
        let is_changed = |sink: &ConfiguredSink| {
            let touched = keys::touched("sink", std::iter::once(&sink.name), changed);
            !touched.is_empty() || (settings.common.sinks.is_empty() && is_lines_changed)
        };
        let hires = sinks.prepare(&settings.common, settings.drain, &is_changed)?;
        let is_over = || self.reloading.is_over();
        let site = Arc::new(site(&settings.common));
        let counted = match stock {
            _ if is_over() => Err(anyhow::anyhow!("the run is over")),
            Some(stock) => changing.commit(stock, site, &is_over),
            None => {
                if is_touched(&["role"]) {
                    arming.arm_both(None, Some(site));
                }
                Ok(())
            }
        };
        if let Err(error) = counted {
            sinks.abandon(hires);
            return Err(error);
        }
        sinks.hire(hires);
        dials.turn(&settings);
        if let Some(terms) = terms.as_ref().filter(|_| is_touched(&["exporter", "exporter_sampling"])) {
            terms.change(&settings.collector);
        }
        self.running = settings;
        Ok(listed)
    }
}

/// What is said on stderr.
fn say(reason: Reason, done: Result<&Done, &anyhow::Error>) {
    let why = match reason {
        Reason::Signal => "SIGHUP",
        Reason::Changed => "the file changed",
        Reason::Ordered => "asked for",
    };
    match done {
        Ok(Done { applied, wants_restart }) => {
            let some = |keys: &[String], between: &str| {
                let rest = keys.len().saturating_sub(KEYS_SAID);
                let named = keys.iter().take(KEYS_SAID).cloned().collect::<Vec<_>>().join(between);
                if rest > 0 { format!("{named}{between}and {rest} more (weir status)") } else { named }
            };
            if applied.is_empty() && wants_restart.is_empty() {
                note(&format!("the configuration was read again ({why}): nothing changed"));
            }
            if !applied.is_empty() {
                note(&format!("the configuration was read again ({why}); changed: {}", some(applied, ", ")));
            }
            if !wants_restart.is_empty() {
                complain(&format!(
                    "the configuration has changes that count after a restart alone:\n  {}",
                    some(wants_restart, "\n  ")
                ));
            }
        }
        Err(error) => complain(&format!(
            "the configuration was read again ({why}) and is not taken; what counted before counts: {error:#}"
        )),
    }
}

/// Refuses what would keep us waiting.
fn must_be_a_file(path: &Path) -> Result<()> {
    let cannot = || format!("cannot read the configuration {}", path.display());
    let found = std::fs::metadata(path).with_context(cannot)?;
    if !found.is_file() {
        bail!("{}: it is no file, and can be read once only", cannot());
    }
    Ok(())
}
