//! Mutes: what nobody wants to hear for a while. A mute names a value as indicators do, ends by itself, has a reason, and is counted.
//!
//! ```text
//!   weir mute, weir unmute ──control socket──> Mutes ──is_muted──> desk     kept in mutes.json, each change in audit.jsonl
//! ```
//!
//! An alert is silent if the indicator that rings is muted, and so are all others that it met: something else that is bad about the same
//! flows still rings.

mod book;
mod command;
mod cover;
mod file;
mod row;

pub(crate) use command::{mute, unmute};
pub(crate) use row::Row;

use crate::audit::{Act, Audit};
use crate::config::long_duration;
use crate::output::complain;
use crate::state::State;
use crate::user::User;
use anyhow::{Context as _, Result, anyhow, bail};
use arc_swap::ArcSwap;
use book::{Book, Mute, Muted};
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use weir_model::{Alert, IndicatorValue, Timestamp};

/// The longest time: what was right to ignore is looked at again after a year.
const MAX_TIME: Duration = Duration::from_hours(366 * 24);
/// Bytes of a reason: a sentence or two. Each is written whole into two files.
const MAX_REASON_BYTES: usize = 500;
/// Mutes at once, at about 300 bytes; who mutes more wants fewer indicators. The file is written whole for each change.
const MAX_MUTES: usize = 10_000;

/// All mutes of a run, asked by the desk and changed by people.
#[derive(Debug, Default)]
pub(crate) struct Mutes {
    book: ArcSwap<Book>,
    /// Counts changed since they were kept.
    is_counted: AtomicBool,
    /// Where they are kept; without a state directory nothing can be muted.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    state: Arc<State>,
    audit: Arc<Audit>,
    /// One change at a time.
    changing: Mutex<()>,
}

/// What is to be muted, as somebody says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub value: &'a str,
    pub host: Option<&'a str>,
    /// For how long.
    pub time: &'a str,
    pub reason: &'a str,
}

impl Mutes {
    /// Those that are kept. A file that cannot be read is put aside: it is better that too much rings than nothing.
    pub(crate) fn open(state: Option<(&Arc<State>, &Arc<Audit>)>) -> Result<Self> {
        let Some((state, audit)) = state else { return Ok(Self::default()) };
        let mutes = match state.load(file::FILE)?.map(|bytes| file::parse(&bytes)) {
            None => Vec::new(),
            Some(Ok(mutes)) => mutes,
            Some(Err(error)) => {
                let (path, aside) = (state.path(file::FILE), state.path("mutes.json.unreadable"));
                std::fs::rename(&path, &aside)
                    .with_context(|| format!("cannot rename {}", path.display()))?;
                complain(&format!(
                    "cannot use {} ({error:#}): nothing is muted. It is kept as {}",
                    path.display(),
                    aside.display()
                ));
                Vec::new()
            }
        };
        let kept = Kept { state: Arc::clone(state), audit: Arc::clone(audit), changing: Mutex::default() };
        Ok(Self {
            book: ArcSwap::from_pointee(Book::new(mutes)),
            is_counted: AtomicBool::default(),
            kept: Some(kept),
        })
    }

    /// Whether nobody wants to hear an alert; to be asked once for each, because it is counted.
    pub(crate) fn is_muted(&self, alert: &Alert, now: Timestamp) -> bool {
        let book = self.book.load();
        let Some(mute) = book.silencing(alert, now) else { return false };
        mute.note(now);
        self.is_counted.store(true, Ordering::Relaxed);
        true
    }

    /// Keeps what was counted, if anything was.
    pub(crate) fn keep(&self) -> Result<()> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let _changing = kept.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_counted.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let written =
            file::to_bytes(self.book.load().all()).and_then(|bytes| kept.state.save(file::FILE, &bytes));
        self.is_counted.fetch_or(written.is_err(), Ordering::Relaxed);
        written
    }

    /// Mutes a value; one that is muted is muted anew.
    pub(crate) fn mute(&self, wish: Wish<'_>, user: &User, now: Timestamp) -> Result<Row> {
        let muted = Muted::parse(wish.value, wish.host)?;
        let (time, reason) = (time(wish.time)?, reason(wish.reason)?);
        let mute = Mute {
            muted,
            since: now,
            until: now + time,
            reason: reason.to_owned(),
            by: user.to_string(),
            count: AtomicU64::new(0),
            last: AtomicU64::new(0),
        };
        let row = Row::of(&mute, now);
        let act = Act::Mute { value: &row.value, host: row.host.as_deref(), until: row.until.clone() };
        self.change(user, &act, reason, now, |book| {
            match book.find(&mute.muted) {
                Some(former) => mute.take_counts_of(former),
                None if book.rows(now).len() >= MAX_MUTES => {
                    bail!("{MAX_MUTES} values are muted, which is all that there is room for: weir unmute")
                }
                None => {}
            }
            let mute = Arc::new(mute);
            let row = Row::of(&mute, now);
            Ok((book.with(mute, now), row))
        })
    }

    /// Lets a value ring again.
    pub(crate) fn unmute(
        &self,
        value: &str,
        host: Option<&str>,
        why: &str,
        user: &User,
        now: Timestamp,
    ) -> Result<Row> {
        let muted = Muted::parse(value, host)?;
        let why = if why.trim().is_empty() { "" } else { reason(why)? };
        let (value, host) = (muted.value.to_string(), muted.host.map(|network| network.to_string()));
        let act = Act::Unmute { value: &value, host: host.as_deref() };
        let book = self.book.load();
        if book.find(&muted).is_none() {
            let near = book.rows(now).into_iter().find(|row| row.value == value);
            let near = near.map_or(String::new(), |row| format!(", but {} is", row.name()));
            bail!(
                "`{}` is not muted{near}; weir mute list says what is",
                weir_model::text::printable(&value, 200)
            );
        }
        self.change(user, &act, why, now, |book| {
            let row = book.find(&muted).map(|mute| Row::of(mute, now)).unwrap_or_default();
            Ok((book.without(&muted, now), row))
        })
    }

    /// All that are in force, and those that ended not long ago, in the order in which they were made.
    pub(crate) fn rows(&self, now: Timestamp) -> Vec<Row> {
        self.book.load().rows(now)
    }

    /// How many are in force.
    pub(crate) fn active(&self, now: Timestamp) -> u64 {
        self.book.load().active(now)
    }

    /// Those that cover a value.
    pub(crate) fn covering(&self, value: &str, now: Timestamp) -> Vec<Row> {
        let Ok(value) = weir_intel::value::parse(value) else { return Vec::new() };
        let book = self.book.load();
        book.covering(&value).map(|mute| Row::of(mute, now)).collect()
    }

    /// Writes down who does it and why, does it, keeps it, and lets it count: in that order, so that nothing counts that is not kept.
    fn change(
        &self,
        user: &User,
        act: &Act<'_>,
        reason: &str,
        now: Timestamp,
        change: impl FnOnce(&Book) -> Result<(Book, Row)>,
    ) -> Result<Row> {
        let kept = self.kept.as_ref().ok_or_else(|| {
            anyhow!("mutes are kept in a state directory, and there is none: state = \"/var/lib/weir\" in the configuration, or --state DIR")
        })?;
        let _changing = kept.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (book, row) = change(&self.book.load())?;
        kept.audit.record(user, act, reason, now)?;
        kept.state.save(file::FILE, &file::to_bytes(book.all())?)?;
        self.book.store(Arc::new(book));
        Ok(row)
    }
}

/// Whether what a file says can be used.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    file::parse(bytes).map(drop)
}

/// The mutes of a state directory that cover a value, also while a run has it.
pub(crate) fn peek(folder: &Path, value: &str, now: Timestamp) -> Vec<Row> {
    let mutes = std::fs::read(folder.join(file::FILE)).ok().and_then(|bytes| file::parse(&bytes).ok());
    let book = ArcSwap::from_pointee(Book::new(mutes.unwrap_or_default()));
    Mutes { book, ..Mutes::default() }.covering(value, now)
}

impl Muted {
    fn parse(value: &str, host: Option<&str>) -> Result<Self> {
        let value = weir_intel::value::parse(value).map_err(|reason| {
            let text = weir_model::text::printable(value, 200);
            anyhow!("`{text}` cannot be muted: {} ({})", reason.meaning(), reason.keyword())
        })?;
        Ok(Self { value, host: host.map(network).transpose()? })
    }

    /// The value as it is read again: of a fingerprint and of a host the form alone does not say what it is.
    fn written(&self) -> String {
        match &self.value {
            IndicatorValue::Ja3(_) => format!("ja3:{}", self.value),
            IndicatorValue::Host(name) => format!("={name}"),
            value => value.to_string(),
        }
    }
}

fn network(text: &str) -> Result<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.trunc()).with_context(|| {
        format!(
            "host: `{}` is neither an address nor a prefix such as 192.0.2.0/24",
            weir_model::text::printable(text, 200)
        )
    })
}

fn time(text: &str) -> Result<Duration> {
    let Some(time) = long_duration(text) else {
        bail!("for: `{}` is not a time such as 8h, 30d or 2w", weir_model::text::printable(text, 200));
    };
    if time > MAX_TIME {
        bail!("for: nothing is muted for more than a year");
    }
    Ok(time)
}

fn reason(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        bail!("reason: say why, so that whoever finds it muted knows");
    }
    if text.len() > MAX_REASON_BYTES || text.chars().any(char::is_control) {
        bail!("reason: it must be one line of at most {MAX_REASON_BYTES} bytes");
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
