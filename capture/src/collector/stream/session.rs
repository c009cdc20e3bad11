//! A stream of one exporter: bytes to messages, in the time allowed.

use std::net::SocketAddr;
use std::time::Instant;

use super::channel::{Channel, Failure};
use super::counts::Ending;
use super::framing::{Next, next};
use super::places::Place;
use crate::collector::batch::{DatagramBatch, Filled, SessionId};
use crate::collector::options::{MAX_DATAGRAM_BYTES, StreamOptions};
use crate::live::wall_clock;

/// A session that its worker has not taken up.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) channel: Channel,
    pub(super) from: SocketAddr,
    /// The place of its listener among those for streams.
    pub(super) listener: usize,
    pub(super) place: Place,
    pub(super) id: SessionId,
    /// When the first message must be whole.
    pub(super) deadline: Instant,
}

/// A session that is read.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) channel: Channel,
    pub(super) from: SocketAddr,
    pub(super) listener: usize,
    pub(super) id: SessionId,
    _place: Place,
    /// What was read and is not handed on; shorter than [`MAX_DATAGRAM_BYTES`].
    held: Vec<u8>,
    /// Why it is over, until there is room in a batch to say so.
    pub(super) over: Option<Ending>,
    /// What was wrong, in words.
    pub(super) detail: Option<String>,
    deadline: Instant,
    /// A message was handed on.
    began: bool,
}

/// What a turn of reading came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// There may be more, but the batch is full.
    pub(super) unfinished: bool,
}

/// Room to read in, one for all sessions of a thread: the longest message, so that one that is not whole never fills it.
pub(super) type Scratch = Box<[u8]>;

impl Session {
    pub(super) fn new(arriving: Arriving) -> Self {
        let Arriving { channel, from, listener, place, id, deadline } = arriving;
        Self {
            channel,
            from,
            listener,
            id,
            _place: place,
            held: Vec::new(),
            over: None,
            detail: None,
            deadline,
            began: false,
        }
    }

    pub(super) fn scratch() -> Scratch {
        vec![0; MAX_DATAGRAM_BYTES].into_boxed_slice()
    }

    /// Hands on what there is, until nothing is left or the batch is full.
    pub(super) fn turn(
        &mut self,
        listen: usize,
        scratch: &mut Scratch,
        batch: &mut DatagramBatch,
        now: Instant,
        options: &StreamOptions,
    ) -> Turn {
        let mut turn = Turn::default();
        let was_within = !self.held.is_empty();
        let mut filled = self.held.len();
        if let Some(beginning) = scratch.get_mut(..filled) {
            beginning.copy_from_slice(&self.held);
        }
        while self.over.is_none() && !turn.unfinished {
            let passed = self.hand_on(listen, scratch.get(..filled).unwrap_or_default(), batch, &mut turn);
            scratch.copy_within(passed..filled, 0);
            filled -= passed;
            if self.over.is_some() || turn.unfinished {
                break;
            }
            match self.channel.read(scratch.get_mut(filled..).unwrap_or_default()) {
                Ok(0) if filled > 0 => self.over = Some(Ending::ClosedWithin),
                Ok(0) => self.over = Some(Ending::Closed),
                Ok(count) => filled += count,
                Err(Failure::WouldBlock) => break,
                Err(Failure::Broken) => self.over = Some(Ending::Broken),
                Err(Failure::Tls(error)) => {
                    self.detail = Some(error.to_string());
                    self.over = Some(Ending::Tls);
                }
            }
        }
        self.held.clear();
        self.held.extend_from_slice(scratch.get(..filled).unwrap_or_default());
        if self.held.is_empty() {
            // Most sessions are between messages; a buffer for each that once needed it is what the bound is about.
            self.held.shrink_to(0);
        }
        self.set_deadline(turn, was_within, now, options);
        turn
    }

    /// Puts the whole messages of `bytes` into the batch: how many bytes they are.
    fn hand_on(&mut self, listen: usize, bytes: &[u8], batch: &mut DatagramBatch, turn: &mut Turn) -> usize {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            let message = match next(rest) {
                Next::Part => return passed,
                Next::Wrong(why) => {
                    self.over = Some(why);
                    return passed;
                }
                Next::Message(len) => rest.get(..len).unwrap_or_default(),
            };
            let datagram = Filled {
                from: self.from,
                listen: listen as u32,
                received: wall_clock(),
                len: message.len() as u32,
                stream: Some(self.id),
            };
            if !batch.push(datagram, message) {
                turn.unfinished = true;
                return passed;
            }
            passed += message.len();
            turn.messages += 1;
            turn.bytes += message.len() as u64;
        }
    }

    /// A message that began must be whole in time, and the next must begin in time.
    fn set_deadline(&mut self, turn: Turn, was_within: bool, now: Instant, options: &StreamOptions) {
        self.began |= turn.messages > 0;
        let is_within = !self.held.is_empty();
        let anew = turn.messages > 0 || (is_within && !was_within);
        if self.began && anew {
            self.deadline = now + if is_within { options.message_time } else { options.idle_time };
        }
    }

    /// Why it is cut off, if its time is over.
    pub(super) fn overdue(&self, now: Instant) -> Option<Ending> {
        let why = if self.began && self.held.is_empty() { Ending::Idle } else { Ending::Slow };
        (now >= self.deadline).then_some(why)
    }
}
