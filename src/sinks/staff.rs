//! Everybody who works for sinks: from the configuration to threads, from one configuration to another, and to their end.

use super::depots::Depots;
use super::overlook::Overlook;
use super::post::{Place, Post, Shared};
use crate::config::{ConfiguredSink, Settings};
use crate::output::complain;
use crate::read::site;
use crate::run::now;
use crate::state::{SPOOL, State, give_to_owner, prepare_spool};
use crate::supervisor;
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use weir_alert::courier::{Ending, Hatch};
use weir_alert::marking::StripKey;
use weir_alert::sinks::Kind;
use weir_alert::spool::{Depot, Limits, Spool};
use weir_alert::{Format, Pseudonyms};
use weir_model::Networks;

/// In the state directory; see [`StripKey`].
const KEY_FILE: &str = "strip.key";
/// Without a state directory what waits is in memory.
const MOST_IN_MEMORY_BYTES: u64 = 64 << 20;
/// How often what is too old is taken out of the spool.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How soon the end is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A sink that does not come back when its time is over is left behind after so long.
const GRACE: Duration = Duration::from_secs(2);
/// A sink that another takes the place of has so long for flows, names and ledgers in its queue.
const HAND_OVER: Duration = Duration::from_secs(2);
/// What waits for a sink that is not configured any more is kept so long: who took it out by mistake has that long to bring it back.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// All sinks of a run. Several handles are of one staff.
#[derive(Clone)]
pub(crate) struct Sinks(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    overlook: Arc<Overlook>,
    deliveries: Deliveries,
    /// Of who tidies.
    ending: Ending,
    staff: Mutex<Staff>,
}

#[derive(Default)]
struct Staff {
    posts: Vec<Post>,
    /// Those that others took the place of, or nobody.
    leaving: Vec<Post>,
    /// Of which sinks the places in the spool are to be given up, and when they were taken out.
    gone: Vec<(String, Instant)>,
    tidying: Option<JoinHandle<()>>,
    is_over: bool,
}

/// Where a sink's flows, names and ledger are put, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub hatch: Hatch,
    pub format: Format,
    pub kinds: Vec<Kind>,
    pub pseudonyms: Option<Pseudonyms>,
}

/// Those of all sinks, as they are at the moment.
pub(crate) type Deliveries = Arc<ArcSwap<Vec<Delivery>>>;

/// Sinks that are opened and wait for the word, and those that are to go then.
pub(crate) struct Hires {
    posts: Vec<Post>,
    leave: Vec<String>,
    /// Of these, the ones that are not configured any more.
    gone: BTreeSet<String>,
    limits: Limits,
    freight: Limits,
    drain: Duration,
    inside: Networks,
}

impl Sinks {
    /// Opens the spool and all sinks. Settings that cannot work are an error; a receiver that is away is none.
    pub(crate) fn open(settings: &Settings, state: Option<&State>) -> Result<Self> {
        let (sinks, base) = configured(settings)?;
        let spool = open_spool(settings.spool, state)?;
        let key = match state {
            Some(state) => kept_key(state),
            None => StripKey::for_this_run(),
        };
        let key =
            key.context("cannot have the key of stripped messages (strip.key in the state directory)")?;
        let is_kept = state.is_some();
        sinks.iter().filter(|sink| sink.is_enabled).for_each(|sink| warn(sink, settings, is_kept));
        warn_of_silence(&sinks);
        let depots = Mutex::new(Depots::new(state, settings.freight));
        let inside = Arc::new(RwLock::new(inside(settings)));
        let shared = Arc::new(Shared { spool: spool.clone(), key, inside, depots, is_kept });
        let mut posts = Vec::new();
        for sink in sinks.iter().filter(|sink| sink.is_enabled) {
            let place = Place { sink: sink.clone(), base: base.clone() };
            let outlets = place.open()?;
            posts.push(Post::new(place, Some(outlets), &shared)?);
        }
        forget_others(&spool, &sinks)?;
        lock(&shared.depots).forget_others(&sinks)?;
        let inner = Inner {
            shared,
            overlook: Arc::new(Overlook::new(spool)),
            deliveries: Deliveries::default(),
            ending: Ending::default(),
            staff: Mutex::new(Staff { posts, ..Staff::default() }),
        };
        inner.show(&inner.staff());
        Ok(Self(Arc::new(inner)))
    }

    /// Where messages are appended.
    pub(crate) fn spool(&self) -> Spool {
        self.0.shared.spool.clone()
    }

    /// What else is spooled, by sink.
    pub(crate) fn depots(&self) -> Vec<(String, Depot)> {
        lock(&self.0.shared.depots).all()
    }

    /// How they are.
    pub(crate) fn overlook(&self) -> Arc<Overlook> {
        Arc::clone(&self.0.overlook)
    }

    /// Where flows, names and the ledger are to be put.
    pub(crate) fn deliveries(&self) -> Deliveries {
        Arc::clone(&self.0.deliveries)
    }

    /// Whether any sink gets this.
    pub(crate) fn get(&self, kind: Kind) -> bool {
        self.0.deliveries.load().iter().any(|delivery| delivery.kinds.contains(&kind))
    }

    /// Sets the couriers to work, and somebody who takes out of the spool what is too old.
    pub(crate) fn start(&self) -> Result<()> {
        let inner = Arc::clone(&self.0);
        let tidying = std::thread::Builder::new().name("spool".to_owned());
        let tidying = tidying.spawn(move || inner.tidy()).context("cannot start a thread for the spool")?;
        let mut staff = self.0.staff();
        staff.tidying = Some(tidying);
        staff.posts.iter_mut().try_for_each(Post::start)
    }

    /// Lets couriers deliver what waits, until the time is over. Nothing may be appended any more.
    #[expect(clippy::disallowed_methods, reason = "sinks have so long by the clock")]
    pub(crate) fn finish(&self, time: Duration) {
        let deadline = Instant::now() + time;
        self.0.ending.end_by(deadline);
        let mut staff = self.0.staff();
        staff.is_over = true;
        let Staff { posts, leaving, tidying, .. } = std::mem::take(&mut *staff);
        staff.is_over = true;
        drop(staff);
        posts.iter().chain(&leaving).for_each(|post| post.end_by(deadline));
        let is_left = || posts.iter().chain(&leaving).all(Post::is_left);
        while Instant::now() < deadline + GRACE && !is_left() {
            std::thread::sleep(GRACE / 400);
        }
        posts.into_iter().chain(leaving).for_each(Post::close);
        if tidying.is_some_and(|tidying| tidying.join().is_err()) {
            complain("the thread of the spool broke down");
        }
    }
}

/// From one configuration to another.
impl Sinks {
    /// Opens the sinks of other settings that are not among those at work, or changed. Nothing changes before [`Sinks::hire`]; with an error,
    /// or after [`Sinks::abandon`], it is as if nobody had asked.
    pub(crate) fn prepare(
        &self,
        settings: &Settings,
        drain: Duration,
        is_changed: &dyn Fn(&ConfiguredSink) -> bool,
    ) -> Result<Hires> {
        let (sinks, base) = configured(settings)?;
        let staff = self.0.staff();
        let is_same = |post: &Post, sink: &ConfiguredSink| {
            post.name() == sink.name && post.place.sink.place() == sink.place() && !is_changed(sink)
        };
        let stays = |post: &Post| sinks.iter().any(|sink| sink.is_enabled && is_same(post, sink));
        let leaving: Vec<_> = staff.posts.iter().filter(|post| !stays(post)).collect();
        let files: Vec<_> = leaving
            .iter()
            .chain(&staff.leaving.iter().collect::<Vec<_>>())
            .filter_map(|post| post.place.file())
            .collect();
        let leave: Vec<_> = leaving.iter().map(|post| post.name().to_owned()).collect();
        // Also of those that were disabled.
        let cursors = self.0.shared.spool.state().cursors.into_iter().map(|cursor| cursor.sink.to_string());
        let gone: BTreeSet<_> = cursors.filter(|name| !sinks.iter().any(|sink| sink.name == *name)).collect();
        let mut places = Vec::new();
        for sink in sinks.iter().filter(|sink| sink.is_enabled) {
            if !staff.posts.iter().any(|post| is_same(post, sink)) {
                places.push(Place { sink: sink.clone(), base: base.clone() });
            }
        }
        drop(staff);
        let mut opened = Vec::new();
        for place in places {
            let is_taken = place.file().is_some_and(|file| files.contains(&file));
            let outlets = (!is_taken).then(|| place.open()).transpose()?;
            opened.push((place, outlets));
        }
        let mut hires = Hires {
            posts: Vec::new(),
            leave,
            gone,
            limits: in_bounds(settings.spool, self.0.shared.is_kept),
            freight: settings.freight,
            drain,
            inside: inside(settings),
        };
        for (place, outlets) in opened {
            match Post::new(place, outlets, &self.0.shared) {
                Ok(post) => hires.posts.push(post),
                Err(error) => {
                    self.abandon(hires);
                    return Err(error);
                }
            }
        }
        hires.posts.iter().for_each(|post| warn(&post.place.sink, settings, self.0.shared.is_kept));
        warn_of_silence(&sinks);
        Ok(hires)
    }

    /// Has those who wait take their places. The others are not disturbed. Who is taken out of the configuration has the time that a drain has to
    /// deliver what waits for it.
    #[expect(clippy::disallowed_methods, reason = "who leaves has so long by the clock")]
    pub(crate) fn hire(&self, hires: Hires) {
        let Hires { posts, leave, gone, limits, freight, drain, inside } = hires;
        let now = Instant::now();
        let mut staff = self.0.staff();
        if staff.is_over {
            return;
        }
        *self.0.shared.inside.write().unwrap_or_else(PoisonError::into_inner) = inside;
        self.0.shared.spool.set_limits(limits);
        lock(&self.0.shared.depots).set_limits(freight);
        let (leaving, staying): (Vec<_>, Vec<_>) = std::mem::take(&mut staff.posts)
            .into_iter()
            .partition(|post| leave.iter().any(|name| name == post.name()));
        for post in &leaving {
            // What waits in the spool is for the successor, at once; what is in a queue has nobody else.
            let time = match &post.delivery {
                _ if gone.contains(post.name()) => drain,
                Some(_) => HAND_OVER,
                None => Duration::ZERO,
            };
            post.end_by(now + time);
        }
        staff.leaving.extend(leaving);
        staff.posts = staying;
        staff.gone.retain(|(name, _)| gone.contains(name));
        for name in gone {
            if !staff.gone.iter().any(|(known, _)| *known == name) {
                staff.gone.push((name, now));
            }
        }
        for mut post in posts {
            if let Err(error) = post.start() {
                complain(&format!("{error:#}"));
            }
            staff.posts.push(post);
        }
        staff.posts.sort_by(|one, other| one.name().cmp(other.name()));
        self.0.show(&staff);
    }

    /// Sends those away who wait.
    pub(crate) fn abandon(&self, hires: Hires) {
        let names: Vec<_> = hires.posts.iter().map(|post| post.name().to_owned()).collect();
        drop(hires);
        let staff = self.0.staff();
        let is_known = |name: &String| {
            staff.posts.iter().chain(&staff.leaving).any(|post| post.name() == *name)
                || staff.gone.iter().any(|(gone, _)| gone == name)
        };
        for name in names.iter().filter(|name| !is_known(name)) {
            forget(&self.0.shared, name);
        }
    }
}

/// What sinks with pseudonyms do not learn the addresses of.
fn inside(settings: &Settings) -> Networks {
    Networks::new(&site(settings).home)
}

impl Inner {
    fn staff(&self) -> MutexGuard<'_, Staff> {
        lock(&self.staff)
    }

    /// Puts up who is at work.
    fn show(&self, staff: &Staff) {
        self.overlook.show(staff.posts.iter().flat_map(|post| post.rows.clone()).collect());
        let deliveries = staff.posts.iter().filter_map(|post| post.delivery.clone()).collect();
        self.deliveries.store(Arc::new(deliveries));
    }

    /// Takes out what is too old, now and then, until the end; and sees those off who leave.
    #[expect(clippy::disallowed_methods, reason = "done by the clock")]
    fn tidy(&self) {
        let mut due = Instant::now() + TIDY_EVERY;
        let pulse = supervisor::pulse("spool");
        while !self.ending.is_requested() {
            pulse.beat();
            std::thread::sleep(LOOK_EVERY);
            self.see_off(Instant::now());
            if Instant::now() < due {
                continue;
            }
            due = Instant::now() + TIDY_EVERY;
            match self.shared.spool.expire(now()) {
                Ok(0) => {}
                Ok(expired) => complain(&format!(
                    "{expired} messages waited for a sink until they were too old, or had no room any more, and are lost: weir status"
                )),
                Err(error) => complain(&error.to_string()),
            }
            self.expire_depots();
        }
    }

    fn expire_depots(&self) {
        let depots = lock(&self.shared.depots).all();
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

    fn see_off(&self, now: Instant) {
        let mut staff = self.staff();
        let (left, leaving): (Vec<_>, Vec<_>) =
            std::mem::take(&mut staff.leaving).into_iter().partition(Post::is_left);
        staff.leaving = leaving;
        let is_due = |since: &Instant| now.saturating_duration_since(*since) >= FORGOTTEN_AFTER;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut staff.gone).into_iter().partition(|(_, since)| is_due(since));
        staff.gone = later;
        drop(staff);
        left.into_iter().for_each(Post::close);
        for (name, _) in due {
            forget(&self.shared, &name);
        }
    }
}

/// The sinks, and where their relative paths begin.
pub(super) fn configured(settings: &Settings) -> Result<(Vec<ConfiguredSink>, PathBuf)> {
    if settings.sinks.is_empty() {
        let only = ConfiguredSink::for_lines(settings)?;
        return Ok((vec![only], PathBuf::new()));
    }
    let folder = settings.config.as_deref().and_then(Path::parent).map(Path::to_owned);
    Ok((settings.sinks.clone(), folder.unwrap_or_default()))
}

fn kept_key(state: &State) -> std::io::Result<StripKey> {
    let path = state.path(KEY_FILE);
    let key = StripKey::kept_at(&path)?;
    give_to_owner(state.folder(), &path)?;
    Ok(key)
}

fn open_spool(limits: Limits, state: Option<&State>) -> Result<Spool> {
    let limits = in_bounds(limits, state.is_some());
    let Some(state) = state else { return Ok(Spool::in_memory(limits)?) };
    let path = state.path(SPOOL);
    let prepare = || {
        prepare_spool(state.folder(), &path)
            .with_context(|| format!("cannot make or change {}", path.display()))
    };
    prepare()?;
    let (spool, set_aside) = Spool::open_or_set_aside(&path, limits)?;
    // Another was begun where this was set aside.
    prepare()?;
    if let Some(aside) = set_aside {
        let (path, error) = (aside.path.display(), aside.error);
        complain(&format!(
            "what waited for sinks cannot be read, and lies in {path}: {error}; another spool is begun"
        ));
    }
    Ok(spool)
}

fn in_bounds(limits: Limits, is_kept: bool) -> Limits {
    let most = if is_kept { u64::MAX } else { MOST_IN_MEMORY_BYTES };
    Limits { max_bytes: limits.max_bytes.min(most), ..limits }
}

fn warn(sink: &ConfiguredSink, settings: &Settings, is_kept: bool) {
    sink.warnings(settings).iter().for_each(|warning| complain(warning));
    let is_local = matches!(sink.settings.kind(), "stdout" | "file");
    if !is_local && !is_kept {
        complain(&format!(
            "without a state directory (--state DIR) what waits for sink `{}` is in memory, and gone when weir ends",
            sink.name
        ));
    }
}

fn warn_of_silence(sinks: &[ConfiguredSink]) {
    if !sinks.iter().any(|sink| sink.is_enabled) {
        complain("all sinks are disabled: nobody is told of anything, and nothing is kept for them");
    }
}

/// Nothing is kept for sinks that nobody configures any more; for those that are disabled it is.
fn forget_others(spool: &Spool, sinks: &[ConfiguredSink]) -> Result<()> {
    for cursor in spool.state().cursors {
        let is_disabled = sinks.iter().any(|sink| !sink.is_enabled && *sink.name == *cursor.sink);
        if !is_disabled && !cursor.is_open {
            say_forgotten(&cursor.sink, spool.forget(&cursor.sink, &cursor.part)?);
        }
    }
    Ok(())
}

/// Gives up all places of a sink.
fn forget(shared: &Shared, name: &str) {
    let spool = &shared.spool;
    if let Err(error) = lock(&shared.depots).forget_one(name) {
        complain(&format!("{error:#}"));
    }
    for cursor in spool.state().cursors.iter().filter(|cursor| *cursor.sink == *name) {
        match spool.forget(&cursor.sink, &cursor.part) {
            Ok(waited) => say_forgotten(name, waited),
            Err(error) => complain(&error.to_string()),
        }
    }
}

fn say_forgotten(name: &str, waited: Option<u64>) {
    let waited = waited.unwrap_or_default();
    if waited > 0 {
        complain(&format!(
            "{waited} messages waited for sink `{name}`, which is not configured any more: they are dropped"
        ));
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
