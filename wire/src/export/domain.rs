//! One observation domain: its templates, what waits for them, what options said, where its numbers stand.

use super::exporter::{Environment, Memory};
use super::limits::ExportLimits;
use super::lru::Lru;
use super::options::OptionTables;
use super::refused::Refused;
use super::sequence::Sequence;
use super::stats::ExportStats;
use super::template::{Definition, Template};
use super::time::Clock;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::net::IpAddr;
use weir_model::{ExportVersion, Timestamp};

/// Bytes that a waiting set may take beside its own (the first of a template allocates room for four): so that sets without
/// content are bounded as well.
const WAITING_OVERHEAD: usize = 4 * size_of::<Waiting>() + 64;

/// What state belongs to, within an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DomainKey {
    pub(super) version: ExportVersion,
    /// Observation domain, source id, engine, or sub-agent.
    pub(super) id: u32,
    /// The session (TCP, TLS) that it is of, whose templates and numbers are its own.
    pub(super) session: Option<u64>,
    /// sFlow: the agent, as one address may forward for several.
    pub(super) agent: Option<IpAddr>,
}

/// The state of one domain.
#[derive(Debug)]
pub(super) struct Domain {
    pub(super) key: DomainKey,
    /// The exporter's count of datagrams when it was used last.
    pub(super) used: u64,
    pub(super) templates: Lru<u16, Template>,
    waiting: HashMap<u16, Vec<Waiting>, RandomState>,
    /// When the set that waits longest came.
    waiting_since: Option<Timestamp>,
    pub(super) tables: OptionTables,
    pub(super) sequence: Sequence,
    /// The header's uptime of the newest datagram.
    pub(super) uptime: Option<u32>,
}

/// A data set that came before its template.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) clock: Clock,
    pub(super) received: Timestamp,
    pub(super) body: Box<[u8]>,
}

impl Domain {
    pub(super) fn new(key: DomainKey) -> Self {
        Self {
            key,
            used: 0,
            templates: Lru::new(),
            waiting: HashMap::default(),
            waiting_since: None,
            tables: OptionTables::default(),
            sequence: Sequence::default(),
            uptime: None,
        }
    }

    /// Takes in a template; gives what waited for it.
    pub(super) fn learn<S: ?Sized>(
        &mut self,
        definition: Definition,
        env: &mut Environment<'_, S>,
    ) -> Result<Vec<Waiting>, Refused> {
        definition.check()?;
        let id = definition.id;
        if let Some(known) = self.templates.touch(&id)
            && known.definition == definition
        {
            known.seen = env.now;
            env.stats.templates_refreshed += 1;
            return Ok(Vec::new());
        }
        let template = Template::compile(definition, env.now, self.key.version == ExportVersion::NetFlow9)?;
        self.make_room(&template, env)?;
        env.memory.state += template.bytes();
        if self.remove(id, env.memory) {
            env.stats.templates_redefined += 1;
        } else {
            env.stats.templates += 1;
        }
        self.templates.insert(id, template);
        Ok(self.take_waiting(id, env.memory))
    }

    fn make_room<S: ?Sized>(
        &mut self,
        template: &Template,
        env: &mut Environment<'_, S>,
    ) -> Result<(), Refused> {
        let replaced = self.templates.get(&template.definition.id).map_or(0, Template::bytes);
        if env.memory.state + template.bytes() > env.room.state + replaced {
            return Err(Refused::TemplateMemory);
        }
        if replaced == 0 && self.templates.len() >= env.limits.templates.max(1) {
            let oldest = self.templates.oldest().map(|(id, _)| *id);
            if let Some(id) = oldest {
                self.remove(id, env.memory);
                env.stats.templates_evicted += 1;
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: u16, memory: &mut Memory) -> bool {
        let removed = self.templates.remove(&id);
        memory.state -= removed.as_ref().map_or(0, Template::bytes);
        removed.is_some()
    }

    /// RFC 7011 section 8.1: the number of a template, or 2 or 3 for all of flow records or of options.
    pub(super) fn withdraw<S: ?Sized>(&mut self, id: u16, env: &mut Environment<'_, S>) {
        if !env.stream {
            env.stats.withdrawals_ignored += 1;
            return;
        }
        let ids = match id {
            2 => self.templates_where(|template| template.definition.scope == 0),
            3 => self.templates_where(|template| template.definition.scope > 0),
            _ => vec![id],
        };
        for id in ids {
            env.stats.templates_withdrawn += u64::from(self.remove(id, env.memory));
        }
    }

    fn templates_where(&self, matches: impl Fn(&Template) -> bool) -> Vec<u16> {
        self.templates.iter().filter(|(_, known)| matches(known)).map(|(id, _)| *id).collect()
    }

    /// Forgets a template whose time is over; whether it is there afterwards.
    pub(super) fn has_template<S: ?Sized>(&mut self, id: u16, env: &mut Environment<'_, S>) -> bool {
        let Some(template) = self.templates.touch(&id) else { return false };
        if env.stream || env.now.since(template.seen) <= env.limits.template_lifetime {
            return true;
        }
        self.remove(id, env.memory);
        env.stats.templates_expired += 1;
        false
    }

    /// Keeps a data set until its template comes, if there is room.
    pub(super) fn wait<S: ?Sized>(
        &mut self,
        id: u16,
        clock: Clock,
        body: &[u8],
        env: &mut Environment<'_, S>,
    ) {
        if self.waiting_since.is_some_and(|since| env.now.since(since) > env.limits.waiting_for) {
            self.expire_waiting(env.now, env.limits, env.memory, env.stats);
        }
        let bytes = body.len() + WAITING_OVERHEAD;
        if env.memory.waiting + bytes > env.room.waiting {
            env.stats.data_sets_dropped += 1;
            return;
        }
        env.memory.waiting += bytes;
        env.stats.data_sets_waited += 1;
        self.waiting_since.get_or_insert(env.now);
        let set = Waiting { clock, received: env.now, body: body.into() };
        self.waiting.entry(id).or_default().push(set);
    }

    /// Templates that data waits for, and since when.
    pub(super) fn missing_templates(&self) -> impl Iterator<Item = (u16, Timestamp)> {
        let oldest = |sets: &Vec<Waiting>| sets.iter().map(|set| set.received).min();
        self.waiting.iter().filter_map(move |(id, sets)| Some((*id, oldest(sets)?)))
    }

    fn take_waiting(&mut self, id: u16, memory: &mut Memory) -> Vec<Waiting> {
        let sets = self.waiting.remove(&id).unwrap_or_default();
        memory.waiting -= sets.iter().map(Waiting::bytes).sum::<usize>();
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
        sets
    }

    /// Forgets what is over at `now`.
    pub(super) fn expire(
        &mut self,
        now: Timestamp,
        limits: &ExportLimits,
        memory: &mut Memory,
        stats: &mut ExportStats,
    ) {
        self.expire_waiting(now, limits, memory, stats);
        if self.key.session.is_some() {
            return;
        }
        while let Some((id, template)) = self.templates.oldest() {
            if now.since(template.seen) <= limits.template_lifetime {
                break;
            }
            let id = *id;
            self.remove(id, memory);
            stats.templates_expired += 1;
        }
    }

    fn expire_waiting(
        &mut self,
        now: Timestamp,
        limits: &ExportLimits,
        memory: &mut Memory,
        stats: &mut ExportStats,
    ) {
        let mut since = None;
        self.waiting.retain(|_, sets| {
            sets.retain(|set| {
                let waits = now.since(set.received) <= limits.waiting_for;
                if waits {
                    since = Some(since.map_or(set.received, |since: Timestamp| since.min(set.received)));
                } else {
                    memory.waiting -= set.bytes();
                    stats.data_sets_expired += 1;
                }
                waits
            });
            !sets.is_empty()
        });
        self.waiting_since = since;
    }

    /// Gives up everything.
    pub(super) fn forget(&mut self, memory: &mut Memory, stats: &mut ExportStats) {
        while let Some(id) = self.templates.oldest().map(|(id, _)| *id) {
            self.remove(id, memory);
        }
        memory.state = memory.state.saturating_sub(size_of::<Self>() + self.tables.bytes);
        for (_, sets) in self.waiting.drain() {
            memory.waiting -= sets.iter().map(Waiting::bytes).sum::<usize>();
            stats.data_sets_expired += sets.len() as u64;
        }
        self.waiting_since = None;
    }
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.body.len() + WAITING_OVERHEAD
    }
}
