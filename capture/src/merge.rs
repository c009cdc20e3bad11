//! Several inputs as one, in the order of packet time.
//!
//! Every input waits, closed, with the time of its first frame, and is opened when that time is reached; it then
//! takes part in a merge by (time, input order) until it ends. So inputs that overlap are merged, and inputs that
//! do not are read one after another with one open at a time; nobody has to know when an input ends.
//!
//! Within one input the stored order is kept. A frame that is due is delivered whatever its time: where an input
//! steps backwards, the earlier frame is simply the most urgent of all and comes next. Hence the merged order has
//! exactly the steps backwards that the inputs have, and a frame dated far in the future delays the rest of its own
//! input but no other.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use weir_model::Timestamp;

use crate::input::{Listed, Place, PlainFile};
use crate::problem::{Fault, ProblemKind};
use crate::progress::Progress;
use crate::reader::Report;
use crate::record::Record;
use crate::run::Run;
use crate::source::{Refusal, Source};
use crate::stream::Data;

/// Inputs that are open at the same time, under the usual limit of 1024 descriptors and with at most two buffers of
/// 512 KiB (and a zstd window, where it is one) each. When more overlap, those over it wait for one to end; their
/// first frames are then late, a step backwards that is counted, and a problem says so. Streams cannot be
/// opened twice: they are open from the beginning, one per argument.
pub const MAX_OPEN_INPUTS: usize = 64;

/// Earlier ones first, then in the order in which the inputs were named.
type Key = (Timestamp, usize);

const LAST: Key = (Timestamp::MAX, usize::MAX);

/// The inputs that have frames left.
pub(crate) struct Merge {
    waiting: VecDeque<Waiting>,
    due: BinaryHeap<Due>,
    current: Option<Due>,
    /// As long as the current input is not behind this it stays current.
    limit: Key,
    /// Time of the last frame given.
    now: Timestamp,
    progress: Progress,
}

/// An input whose first frame's time is not reached.
struct Waiting {
    key: Key,
    input: WaitingInput,
}

enum WaitingInput {
    Closed(String, PlainFile),
    Open(Box<Source>),
}

/// An open input that stands on a frame.
struct Due {
    key: Key,
    source: Box<Source>,
}

impl Merge {
    /// Looks at the first frame of every input; reports those that have none or are no captures.
    pub(crate) fn new(listed: Vec<Listed>, progress: Progress, report: &mut Report) -> Self {
        let alone = listed.len() == 1;
        let mut merge = Self {
            waiting: VecDeque::new(),
            due: BinaryHeap::new(),
            current: None,
            limit: LAST,
            now: Timestamp::EPOCH,
            progress,
        };
        let mut waiting: Vec<Waiting> = listed
            .into_iter()
            .enumerate()
            .filter_map(|(order, listed)| merge.first_look(listed, order, alone, report))
            .collect();
        waiting.sort_by_key(|waiting| waiting.key);
        merge.waiting = waiting.into();
        merge
    }

    /// The next frame, in order, and its bytes.
    pub(crate) fn next(&mut self, report: &mut Report) -> Option<(Record, Data<'_>)> {
        let next = self.current.as_mut().and_then(|due| {
            due.key.0 = due.source.advance()?.time;
            Some(due.key)
        });
        if next.is_none_or(|key| key > self.limit) {
            if next.is_none()
                && let Some(due) = self.current.take()
            {
                due.source.finish(report);
            }
            self.change_current(report);
        }
        let current = self.current.as_ref()?;
        self.now = current.key.0;
        current.source.head()
    }

    /// The frames that follow, as long as they are of the input of the last one; `run` takes them.
    pub(crate) fn run(&mut self, run: &mut Run<'_>) {
        if let Some(due) = &mut self.current {
            run.end_before(self.limit.0);
            if let Some(last) = due.source.run(run) {
                due.key.0 = last.time;
                self.now = last.time;
            }
        }
    }

    /// The input that the last frame is from.
    pub(crate) fn current_name(&self) -> &str {
        self.current.as_ref().map_or("", |due| due.source.name())
    }

    /// The key of the input that is first of those that are not current.
    fn first_of_others(&self) -> Key {
        let waiting = if self.has_room() { self.waiting.front().map(|waiting| waiting.key) } else { None };
        let due = self.due.peek().map(|due| due.key);
        due.into_iter().chain(waiting).min().unwrap_or(LAST)
    }

    fn has_room(&self) -> bool {
        self.due.len() + usize::from(self.current.is_some()) < MAX_OPEN_INPUTS
    }

    /// Opens what is due to be opened, then takes the first of all.
    fn change_current(&mut self, report: &mut Report) {
        self.due.extend(self.current.take());
        while self.has_room()
            && let Some(first) = self.waiting.front()
            && self.due.peek().is_none_or(|due| first.key < due.key)
            && let Some(first) = self.waiting.pop_front()
        {
            self.open_waiting(first, report);
        }
        self.current = self.due.pop();
        self.limit = self.first_of_others();
    }

    fn open_waiting(&mut self, waiting: Waiting, report: &mut Report) {
        let (time, order) = waiting.key;
        let source = match waiting.input {
            WaitingInput::Open(source) => source,
            WaitingInput::Closed(name, file) => {
                match Source::open_file(name.clone(), &file, Some(&self.progress)) {
                    Ok(mut source) => match source.advance() {
                        Some(_) => Box::new(source),
                        None => return source.finish(report),
                    },
                    Err(refusal) => return report.problem(name, refusal.into_fault()),
                }
            }
        };
        if time < self.now {
            let message = format!("more than {MAX_OPEN_INPUTS} inputs overlap: this one was opened late");
            report.problem(source.name().to_owned(), Fault::new(ProblemKind::Late, message));
        }
        let time = source.head().map_or(time, |(record, _)| record.time);
        self.due.push(Due { key: (time, order), source });
    }

    /// A file among several is closed again: it may not be its turn for long.
    fn first_look(
        &mut self,
        listed: Listed,
        order: usize,
        alone: bool,
        report: &mut Report,
    ) -> Option<Waiting> {
        let name = listed.name;
        let (opened, file) = match listed.place {
            Place::Stream(stream) => (Source::open_stream(name.clone(), stream, &self.progress), None),
            Place::File(file) => {
                (Source::open_file(name.clone(), &file, alone.then_some(&self.progress)), Some(file))
            }
        };
        let mut source = match (opened, &file) {
            (Ok(source), _) => source,
            (Err(Refusal::Empty), Some(file)) if file.in_folder => {
                report.skip(&file.path, crate::SkipReason::Empty);
                return None;
            }
            (Err(Refusal::NotACapture(_)), Some(file)) if file.in_folder => {
                report.skip(&file.path, crate::SkipReason::NotACapture);
                return None;
            }
            (Err(refusal), _) => {
                report.problem(name, refusal.into_fault());
                return None;
            }
        };
        report.stats.inputs_opened += 1;
        let Some(first) = source.advance() else {
            source.finish(report);
            return None;
        };
        self.progress.expect_bytes(file.as_ref().map(|file| file.size));
        let input = match file {
            Some(file) if !alone => WaitingInput::Closed(name, file),
            _ => WaitingInput::Open(Box::new(source)),
        };
        Some(Waiting { key: (first.time, order), input })
    }
}

/// A heap gives the greatest first: the earliest is the greatest.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Due {}
