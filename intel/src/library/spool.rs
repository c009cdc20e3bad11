//! What a provider says while it speaks: a file of its own, in order, applied at the end ([`super::apply`]).
//!
//! A provider may take an hour (a server that is slow, the first whole synchronisation). The database is not locked meanwhile: other sources
//! are delivered from, and people read. The file has no name any more as soon as it is open, so that nothing is left of a delivery that
//! was broken off, by `kill -9` neither.

use super::contexts::{self, Own};
use super::{LibraryError, MAX_NOTE_BYTES, MAX_STEPS, Observer, values};
use crate::{Delivery, Entry, Place, Refusal, RefusalReason, SyncError, SyncErrorKind};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;
use weir_model::Timestamp;

/// One thing that a provider did, in its order.
#[derive(Debug)]
pub(super) enum Step {
    /// The body of the next context; they are counted from zero.
    Context(String),
    Put(Put),
    Refuse(Option<Uuid>, Refusal),
    Remove(Uuid),
    RemoveGroup(Uuid),
}

#[derive(Debug)]
pub(super) struct Put {
    /// Of the value.
    pub(super) key: Vec<u8>,
    pub(super) id: Option<Uuid>,
    pub(super) group: Option<Uuid>,
    /// Which of the contexts before this.
    pub(super) context: u32,
    pub(super) own: Own,
}

/// Takes what a provider says.
pub(super) struct Spool<'a> {
    connection: &'a Connection,
    /// Its row, if it is known already.
    source: Option<i64>,
    observer: &'a mut dyn Observer,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    steps: u64,
    contexts: HashMap<String, u32>,
    remembered_bytes: usize,
    next_context: u32,
    notes: BTreeMap<String, Option<String>>,
}

/// What a provider said.
pub(super) struct Spooled {
    pub(super) steps: Option<File>,
    pub(super) count: u64,
    pub(super) notes: BTreeMap<String, Option<String>>,
}

/// Most bytes of bodies of contexts that are remembered to be the same, about a hundred thousand usual ones. Where a source says more
/// different things, or longer ones, bodies are written into the spool again and found to be the same when they are applied.
const MAX_REMEMBERED_BYTES: usize = 32 << 20;

impl<'a> Spool<'a> {
    /// `beside`: the database, beside which the file is made.
    pub(super) fn new(
        connection: &'a Connection,
        source: Option<i64>,
        beside: &Path,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let mut path = beside.as_os_str().to_owned();
        let number = DELIVERIES.fetch_add(1, Ordering::Relaxed);
        path.push(format!("-delivery-{}-{number}", std::process::id()));
        Self {
            connection,
            source,
            observer,
            path: path.into(),
            file: None,
            steps: 0,
            contexts: HashMap::new(),
            remembered_bytes: 0,
            next_context: 0,
            notes: BTreeMap::new(),
        }
    }

    pub(super) fn finish(self) -> Result<Spooled, SyncError> {
        let steps = match self.file {
            Some(file) => Some(file.into_inner().map_err(|error| failed(error.error()))?),
            None => None,
        };
        Ok(Spooled { steps, count: self.steps, notes: self.notes })
    }

    fn write(&mut self, step: &[u8]) -> Result<(), SyncError> {
        if self.steps >= MAX_STEPS {
            let text = format!("the source says more than {MAX_STEPS} things in one delivery");
            return Err(SyncError::new(SyncErrorKind::TooLarge, text));
        }
        self.steps += 1;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::with_capacity(1 << 18, open(&self.path)?)),
        };
        file.write_all(step).map_err(|error| failed(&error))
    }

    /// The number of a context; it is written down if it is not there yet.
    fn context(&mut self, body: String) -> Result<u32, SyncError> {
        if let Some(number) = self.contexts.get(&body) {
            return Ok(*number);
        }
        let mut step = vec![CONTEXT];
        push_bytes(&mut step, body.as_bytes());
        self.write(&step)?;
        self.remembered_bytes += body.len() + 64;
        if self.remembered_bytes > MAX_REMEMBERED_BYTES {
            self.contexts.clear();
            self.remembered_bytes = body.len() + 64;
        }
        let number = self.next_context;
        self.contexts.insert(body, number);
        self.next_context += 1;
        Ok(number)
    }

    /// The ids of what was put and refused in this delivery.
    fn ids(&mut self, take: &mut dyn FnMut(Uuid)) -> Result<(), SyncError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().map_err(|error| failed(&error))?;
        let mut steps = Steps::new(file.get_ref());
        while let Some(step) = steps.next().map_err(|error| failed(&error))? {
            if let Step::Put(Put { id: Some(id), .. }) | Step::Refuse(Some(id), _) = step {
                take(id);
            }
        }
        Ok(())
    }
}

impl Delivery for Spool<'_> {
    fn put(&mut self, entry: Entry) -> Result<(), SyncError> {
        let body = contexts::body(&entry)
            .map_err(|error| SyncError::new(SyncErrorKind::Malformed, error.to_string()))?;
        let context = self.context(body)?;
        let own = Own::of(&entry.context, entry.modified);
        let mut step = Vec::with_capacity(96);
        step.push(PUT);
        push_bytes(&mut step, &values::key(&entry.value));
        push_id(&mut step, entry.id);
        push_id(&mut step, entry.group);
        step.extend(context.to_be_bytes());
        push_own(&mut step, &own);
        self.write(&step)
    }

    fn refuse(&mut self, id: Option<Uuid>, refusal: Refusal) -> Result<(), SyncError> {
        let mut step = vec![REFUSE];
        push_id(&mut step, id);
        push_bytes(&mut step, refusal.file.as_bytes());
        match &refusal.place {
            Place::File => step.push(0),
            Place::Line(line) => {
                step.push(1);
                step.extend(line.to_be_bytes());
            }
            Place::Pointer(pointer) => {
                step.push(2);
                push_bytes(&mut step, pointer.as_bytes());
            }
        }
        push_bytes(&mut step, refusal.text.as_bytes());
        push_bytes(&mut step, refusal.reason.keyword().as_bytes());
        self.write(&step)
    }

    fn remove(&mut self, id: Uuid) -> Result<(), SyncError> {
        let mut step = vec![REMOVE];
        step.extend(id.as_bytes());
        self.write(&step)
    }

    fn remove_group(&mut self, group: Uuid) -> Result<(), SyncError> {
        let mut step = vec![REMOVE_GROUP];
        step.extend(group.as_bytes());
        self.write(&step)
    }

    fn keep_only(&mut self, is_there: &mut dyn FnMut(Uuid) -> bool) -> Result<(), SyncError> {
        let mut gone = Vec::new();
        self.ids(&mut |id| gone.extend((!is_there(id)).then_some(id)))?;
        let mut kept = self.connection.prepare_cached(IDS).map_err(LibraryError::from)?;
        let mut rows = kept.query([self.source]).map_err(LibraryError::from)?;
        while let Some(row) = rows.next().map_err(LibraryError::from)? {
            let id: [u8; 16] = row.get(0).map_err(LibraryError::from)?;
            let id = Uuid::from_bytes(id);
            gone.extend((!is_there(id)).then_some(id));
        }
        gone.sort_unstable();
        gone.dedup();
        gone.into_iter().try_for_each(|id| self.remove(id))
    }

    fn recall(&mut self, key: &str) -> Result<Option<String>, SyncError> {
        if let Some(note) = self.notes.get(key) {
            return Ok(note.clone());
        }
        let sql = "SELECT value FROM note WHERE source = ?1 AND key = ?2";
        let mut statement = self.connection.prepare_cached(sql).map_err(LibraryError::from)?;
        let note = statement.query_row(params![self.source, key], |row| row.get(0)).optional();
        Ok(note.map_err(LibraryError::from)?)
    }

    fn recall_all(&mut self, prefix: &str) -> Result<Vec<(String, String)>, SyncError> {
        let mut notes = BTreeMap::new();
        let sql = "SELECT key, value FROM note WHERE source = ?1 AND key >= ?2 ORDER BY key";
        let mut statement = self.connection.prepare_cached(sql).map_err(LibraryError::from)?;
        let mut rows = statement.query(params![self.source, prefix]).map_err(LibraryError::from)?;
        while let Some(row) = rows.next().map_err(LibraryError::from)? {
            let key: String = row.get(0).map_err(LibraryError::from)?;
            if !key.starts_with(prefix) {
                break;
            }
            notes.insert(key, row.get(1).map_err(LibraryError::from)?);
        }
        for (key, value) in
            self.notes.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix))
        {
            match value {
                Some(value) => notes.insert(key.clone(), value.clone()),
                None => notes.remove(key),
            };
        }
        Ok(notes.into_iter().collect())
    }

    fn remember(&mut self, key: &str, value: Option<&str>) -> Result<(), SyncError> {
        if key.len() + value.map_or(0, str::len) > MAX_NOTE_BYTES {
            let text = format!(
                "the note {:?} is longer than {MAX_NOTE_BYTES} bytes",
                key.chars().take(40).collect::<String>()
            );
            return Err(SyncError::new(SyncErrorKind::TooLarge, text));
        }
        self.notes.insert(key.to_owned(), value.map(str::to_owned));
        Ok(())
    }

    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        self.observer.progress(done, total, unit);
    }

    fn is_stopped(&self) -> bool {
        self.observer.is_stopped()
    }
}

const IDS: &str = "SELECT DISTINCT id FROM entry WHERE source = ?1 AND id <> x''
    UNION SELECT DISTINCT id FROM refusal WHERE source = ?1 AND id <> x''";

/// How many deliveries this process began, so that each has a file of its own.
static DELIVERIES: AtomicU64 = AtomicU64::new(0);

/// A file that only this user may read, and that is gone when it is closed.
fn open(path: &Path) -> Result<File, SyncError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.map_err(|error| failed(&error))?;
    std::fs::remove_file(path).map_err(|error| failed(&error))?;
    Ok(file)
}

fn failed(error: &io::Error) -> SyncError {
    SyncError::new(SyncErrorKind::Store, format!("cannot keep what the source says: {error}"))
}

const CONTEXT: u8 = 1;
const PUT: u8 = 2;
const REFUSE: u8 = 3;
const REMOVE: u8 = 4;
const REMOVE_GROUP: u8 = 5;

fn push_bytes(step: &mut Vec<u8>, bytes: &[u8]) {
    step.extend((bytes.len() as u32).to_be_bytes());
    step.extend(bytes);
}

fn push_id(step: &mut Vec<u8>, id: Option<Uuid>) {
    step.push(u8::from(id.is_some()));
    step.extend(id.iter().flat_map(|id| *id.as_bytes()));
}

fn push_own(step: &mut Vec<u8>, own: &Own) {
    push_id(step, own.further_id);
    let line = own.line.map(u64::from);
    let times = [own.first_seen, own.last_seen, own.valid_from, own.valid_until, own.modified];
    for number in std::iter::once(line).chain(times.map(|time| time.map(Timestamp::as_nanos))) {
        step.push(u8::from(number.is_some()));
        step.extend(number.iter().flat_map(|number| number.to_be_bytes()));
    }
}

/// The steps of a delivery, in order.
pub(super) struct Steps<'a> {
    file: BufReader<FromStart<'a>>,
}

/// Reads a file from its start, whatever is written to its end.
struct FromStart<'a> {
    file: &'a File,
    place: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

impl<'a> Steps<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self { file: BufReader::with_capacity(1 << 18, FromStart { file, place: 0 }) }
    }

    /// The next step; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Step>> {
        let mut kind = [0];
        if self.file.read(&mut kind)? == 0 {
            return Ok(None);
        }
        Ok(Some(match kind {
            [CONTEXT] => Step::Context(self.text()?),
            [PUT] => Step::Put(Put {
                key: self.bytes()?,
                id: self.id()?,
                group: self.id()?,
                context: u32::from_be_bytes(self.array()?),
                own: self.own()?,
            }),
            [REFUSE] => Step::Refuse(self.id()?, self.refusal()?),
            [REMOVE] => Step::Remove(Uuid::from_bytes(self.array()?)),
            [REMOVE_GROUP] => Step::RemoveGroup(Uuid::from_bytes(self.array()?)),
            _ => return Err(broken()),
        }))
    }

    fn own(&mut self) -> io::Result<Own> {
        Ok(Own {
            further_id: self.id()?,
            line: self.number()?.map(|line| line as u32),
            first_seen: self.time()?,
            last_seen: self.time()?,
            valid_from: self.time()?,
            valid_until: self.time()?,
            modified: self.time()?,
        })
    }

    fn refusal(&mut self) -> io::Result<Refusal> {
        let file = self.text()?.into();
        let place = match self.array()? {
            [0] => Place::File,
            [1] => Place::Line(u32::from_be_bytes(self.array()?)),
            _ => Place::Pointer(self.text()?),
        };
        let text = self.text()?;
        let keyword = self.text()?;
        let reason = RefusalReason::parse(&keyword).ok_or_else(broken)?;
        Ok(Refusal { file, place, text, reason })
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        self.file.read_exact(&mut array)?;
        Ok(array)
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let length = u32::from_be_bytes(self.array()?);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| broken())
    }

    fn id(&mut self) -> io::Result<Option<Uuid>> {
        let [is_there] = self.array()?;
        if is_there == 0 { Ok(None) } else { Ok(Some(Uuid::from_bytes(self.array()?))) }
    }

    fn number(&mut self) -> io::Result<Option<u64>> {
        let [is_there] = self.array()?;
        if is_there == 0 { Ok(None) } else { Ok(Some(u64::from_be_bytes(self.array()?))) }
    }

    fn time(&mut self) -> io::Result<Option<Timestamp>> {
        Ok(self.number()?.map(Timestamp::from_nanos))
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file of the delivery was changed")
}
