//! From readers of formats to a delivery.

use crate::collect::{Collector, Subject, Taker};
use crate::{Delivery, Entry, Place, Refusal, RefusalReason, SyncError, SyncErrorKind, Taken};
use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use uuid::Uuid;
use weir_model::{Context, IndicatorValue};

/// How often it is asked whether somebody wants to stop.
const VALUES_PER_LOOK: u64 = 1024;

/// Puts what is read into a delivery. The first thing that goes wrong ends reading, and is told by [`Intake::finish`].
pub(crate) struct Intake<'a> {
    delivery: &'a mut dyn Delivery,
    /// As it is named in alerts.
    source: Arc<str>,
    /// One unusable file does not spoil the others.
    is_one_of_many: bool,
    group: Option<Uuid>,
    /// The name of a file as it was given, and as it is named in alerts.
    named: Option<[Arc<str>; 2]>,
    values: u64,
    trouble: Trouble,
}

type Trouble = Rc<RefCell<Option<SyncError>>>;

/// Ends where there is trouble, and tells of its own.
pub(crate) struct Watched<R> {
    inner: R,
    trouble: Trouble,
}

impl<'a> Intake<'a> {
    /// For one document of a source.
    pub(crate) fn new(source: &Arc<str>, delivery: &'a mut dyn Delivery) -> Self {
        Self {
            delivery,
            source: Arc::clone(source),
            is_one_of_many: false,
            group: None,
            named: None,
            values: 0,
            trouble: Trouble::default(),
        }
    }

    /// There are several files, of which some may be of no use, each named in alerts by source and file.
    pub(crate) fn be_one_of_many(&mut self) {
        self.is_one_of_many = true;
    }

    /// For what is part of a group.
    pub(crate) fn of_group(self, group: Uuid) -> Self {
        Self { group: Some(group), ..self }
    }

    /// What is read through this ends with the first trouble.
    pub(crate) fn watch<R>(&self, inner: R) -> Watched<R> {
        Watched { inner, trouble: Rc::clone(&self.trouble) }
    }

    /// Reads with one of the formats' readers.
    pub(crate) fn read<T>(&mut self, read: impl FnOnce(&mut Collector<'_>) -> T) -> T {
        read(&mut Collector::new(self))
    }

    /// Whether all went well.
    pub(crate) fn finish(self) -> Result<(), SyncError> {
        self.trouble.take().map_or(Ok(()), Err)
    }

    fn fail(&self, error: SyncError) {
        self.trouble.borrow_mut().get_or_insert(error);
    }

    fn name(&mut self, file: &Arc<str>) -> Arc<str> {
        if !self.is_one_of_many {
            return Arc::clone(&self.source);
        }
        match &self.named {
            Some([given, name]) if Arc::ptr_eq(given, file) => Arc::clone(name),
            _ => {
                let name: Arc<str> = format!("{}/{file}", self.source).into();
                self.named = Some([Arc::clone(file), Arc::clone(&name)]);
                name
            }
        }
    }

    fn look_up(&mut self) {
        self.values += 1;
        if self.values.is_multiple_of(VALUES_PER_LOOK) {
            self.delivery.progress(self.values, None, "values");
            if self.delivery.is_stopped() {
                self.fail(SyncError::new(SyncErrorKind::Stopped, "stopped"));
            }
        }
    }
}

impl Taker for Intake<'_> {
    fn take(&mut self, subject: Subject, value: IndicatorValue, context: Context) -> Taken {
        self.look_up();
        if self.trouble.borrow().is_some() {
            return Taken::Full;
        }
        let id = subject.id.or_else(|| context.further.as_ref().and_then(|further| further.id));
        let context = Context { source: self.name(&context.source), ..context };
        let entry = Entry { id, group: self.group, modified: subject.modified, value, context };
        match self.delivery.put(entry) {
            Ok(()) => Taken::New,
            Err(error) => {
                self.fail(error);
                Taken::Full
            }
        }
    }

    fn refuse(&mut self, subject: Subject, refusal: &Refusal) {
        self.look_up();
        if self.trouble.borrow().is_some() {
            return;
        }
        // What was not read to its end may hold anything: the set before is better than half of the next.
        let is_cut = matches!(
            refusal.reason,
            RefusalReason::UnreadableFile | RefusalReason::BadDocument | RefusalReason::TooLarge
        );
        if refusal.place == Place::File && (is_cut || !self.is_one_of_many) {
            let kind = match refusal.reason {
                RefusalReason::UnreadableFile => SyncErrorKind::Unreachable,
                RefusalReason::TooLarge => SyncErrorKind::TooLarge,
                _ => SyncErrorKind::Malformed,
            };
            let text = format!("{refusal} ({})", refusal.reason.meaning());
            return self.fail(SyncError::new(kind, text));
        }
        if let Err(error) = self.delivery.refuse(subject.id, refusal.clone()) {
            self.fail(error);
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.trouble.borrow().is_some() {
            return Err(io::Error::other("reading was ended"));
        }
        self.inner.read(to).inspect_err(|error| {
            if let Some(known) = SyncError::of_reading(error) {
                self.trouble.borrow_mut().get_or_insert(known);
            }
        })
    }
}
