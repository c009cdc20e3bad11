//! Inputs in, batches of frames out.

use std::path::Path;

use weir_model::{Frame, Timestamp};

use crate::batch::{FrameBatch, MAX_BATCH_FRAMES};
use crate::filter::{Filter, Verdict};
use crate::input::{self, Input, MAX_SKIPPED_LISTED, SkipReason, Skipped};
use crate::merge::Merge;
use crate::problem::{Fault, InputProblem, OpenError, ProblemKind};
use crate::progress::Progress;
use crate::record::Record;
use crate::run::{Run, RunCounts};
use crate::stats::ReadStats;
use crate::stream::Data;

/// Frames that one call of [`Reader::next_batch`] looks at: a filter that wants nothing must not keep the caller from
/// its other duties (progress, being interrupted). The batch is then handed on with fewer frames, or none.
pub const MAX_FRAMES_PER_CALL: usize = 16 * 1024;

/// What the reader does besides reading.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// A filter in libpcap's language (`pcap-filter(7)`); frames that it does not match are counted and left out.
    pub filter: Option<String>,
}

/// Reads frames from all inputs in the order of their time.
pub struct Reader {
    merge: Merge,
    filter: Option<Filter>,
    report: Report,
    progress: Progress,
    last_time: Timestamp,
}

impl Reader {
    /// Lists folders and looks at the first frame of every input. Inputs that cannot be read become
    /// [`Reader::problems`]; an error is only what makes the whole reading pointless.
    pub fn open(inputs: Vec<Input>, options: &ReadOptions) -> Result<Self, OpenError> {
        let filter = options.filter.as_deref().map(Filter::new).transpose()?;
        let mut report = Report::default();
        let progress = Progress::default();
        let listed = input::list(inputs, &mut report)?;
        let merge = Merge::new(listed, progress.clone(), &mut report);
        Ok(Self { merge, filter, report, progress, last_time: Timestamp::EPOCH })
    }

    /// Replaces what is in `batch` with the next frames; `false` when there are no more. A batch may be empty
    /// although there are ([`MAX_FRAMES_PER_CALL`]).
    pub fn next_batch(&mut self, batch: &mut FrameBatch) -> bool {
        self.next_batch_until(batch, u64::MAX)
    }

    /// The same, but stops when so many frames were read in all.
    pub fn next_batch_until(&mut self, batch: &mut FrameBatch, frames_read: u64) -> bool {
        batch.clear();
        let mut more = true;
        for _ in 0..MAX_FRAMES_PER_CALL {
            self.run(batch, frames_read);
            if batch.is_full() || self.report.stats.frames_read >= frames_read {
                break;
            }
            more = self.next_frame(batch);
            if !more {
                break;
            }
        }
        self.progress.set_frames(self.report.stats.frames_read);
        more || !batch.is_empty()
    }

    /// What has been counted so far.
    pub const fn stats(&self) -> &ReadStats {
        &self.report.stats
    }

    /// What was wrong with inputs, complete once [`Reader::next_batch`] has said `false`. A few for each at most: its first
    /// unusable record, what ended it, its being late, and the link types that the filter does not know.
    pub fn problems(&self) -> &[InputProblem] {
        &self.report.problems
    }

    /// Files in folders that were not read, the first [`MAX_SKIPPED_LISTED`] of them.
    pub fn skipped(&self) -> &[Skipped] {
        &self.report.skipped
    }

    /// A handle for another thread.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Reads frames as long as that takes nothing but adding them to the batch.
    fn run(&mut self, batch: &mut FrameBatch, frames_read: u64) {
        let stats = &mut self.report.stats;
        let wanted = usize::try_from(frames_read.saturating_sub(stats.frames_read)).unwrap_or(usize::MAX);
        if self.filter.is_some() || wanted == 0 || batch.is_full() {
            return;
        }
        let most = wanted.min(MAX_BATCH_FRAMES - batch.len());
        let mut run = Run::new(batch, most, stats.frames_read, self.last_time);
        self.merge.run(&mut run);
        let RunCounts { frames, bytes, snapped, steps_backwards, last_time } = run.counts();
        self.last_time = last_time;
        stats.frames_read += frames;
        stats.bytes_read += bytes;
        stats.frames_delivered += frames;
        stats.bytes_delivered += bytes;
        stats.frames_snapped += snapped;
        stats.steps_backwards += steps_backwards;
    }

    /// Reads one frame and adds it to the batch if the filter wants it; `false` when there is none.
    fn next_frame(&mut self, batch: &mut FrameBatch) -> bool {
        let Some((record, data)) = self.merge.next(&mut self.report) else {
            return false;
        };
        let stats = &mut self.report.stats;
        stats.frames_read += 1;
        let Data { bytes: data, place } = data;
        stats.bytes_read += data.len() as u64;
        stats.frames_snapped += u64::from((record.original_len as usize) > data.len());
        stats.steps_backwards += u64::from(record.time < self.last_time);
        self.last_time = record.time;
        let verdict = match &mut self.filter {
            Some(filter) => filter.verdict(record.link, record.original_len, data),
            None => Verdict::Wanted,
        };
        if verdict == Verdict::Wanted {
            stats.frames_delivered += 1;
            stats.bytes_delivered += data.len() as u64;
            let (number, time, link) = (stats.frames_read, record.time, record.link);
            batch.take(Frame { number, time, link, original_len: record.original_len, data }, place);
        } else {
            self.leave_out(record, verdict);
        }
        true
    }

    fn leave_out(&mut self, record: Record, verdict: Verdict) {
        let stats = &mut self.report.stats;
        stats.frames_filtered += 1;
        stats.frames_unfilterable +=
            u64::from(matches!(verdict, Verdict::Unknown | Verdict::UnknownFromNow(_)));
        if let Verdict::UnknownFromNow(reason) = verdict {
            let message = format!("the filter cannot be used for link type {}: {reason}", record.link.0);
            let fault = Fault::new(ProblemKind::Unfilterable, message);
            self.report.problem(self.merge.current_name().to_owned(), fault);
        }
    }
}

/// What there is to say about the inputs.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) stats: ReadStats,
    problems: Vec<InputProblem>,
    skipped: Vec<Skipped>,
}

impl Report {
    /// A problem of an input as a whole.
    pub(crate) fn problem(&mut self, input: String, fault: Fault) {
        self.problems_of_input([InputProblem {
            input,
            offset: None,
            frames_before: 0,
            kind: fault.kind,
            message: fault.message,
            more: 0,
        }]);
    }

    pub(crate) fn problems_of_input(&mut self, problems: impl IntoIterator<Item = InputProblem>) {
        self.problems.extend(problems);
    }

    pub(crate) fn skip(&mut self, path: &Path, reason: SkipReason) {
        let counter = match reason {
            SkipReason::NotACapture => &mut self.stats.skipped_not_a_capture,
            SkipReason::Empty => &mut self.stats.skipped_empty,
            SkipReason::NotAFile => &mut self.stats.skipped_not_a_file,
            SkipReason::TooDeep => &mut self.stats.skipped_too_deep,
        };
        *counter += 1;
        if self.skipped.len() < MAX_SKIPPED_LISTED {
            self.skipped.push(Skipped { path: path.to_owned(), reason });
        }
    }
}
