//! HTTP/2 in clear (RFC 9113): requests, responses, and DNS over HTTPS (RFC 8484) whose encryption something took off.
//!
//! Each direction has a reader of its own. Frames are never held whole: blocks of fields are gathered up to
//! [`MAX_BLOCK_LEN`], bodies only of streams that carry DNS. Once a block could not be read, the table that blocks refer
//! to (HPACK) is unknown, and no later block of that direction is believed.

mod bodies;
mod frame;
mod hpack;
mod message;

pub(crate) use frame::fits_server_settings;

use crate::cursor::Cursor;
use crate::http::Exchange;
use crate::http::request_facts;
use crate::inspect::Appetite;
use bodies::{Bodies, Content};
use frame::{Event, Frame, FrameReader, Kind};
use message::Message;
use std::sync::Arc;
use weir_model::observation::{Fact, Sender};

/// With what a client begins (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Of the preface, what follows the part that looks like the head of an HTTP/1 request.
pub(crate) const PREFACE_BODY: &[u8] = b"SM\r\n\r\n";

/// Longest block of fields, in bytes. Servers refuse beyond 8 to 16 KiB by default. A longer one is not gathered, and is
/// the last that is read of its direction, because it leaves the table unknown.
pub const MAX_BLOCK_LEN: usize = 32 * 1024;

/// Reads one direction of a connection.
#[derive(Debug)]
pub struct Reader {
    sender: Sender,
    frames: FrameReader,
    block: Option<Block>,
    /// Nothing, when it is unknown what blocks refer to.
    fields: Option<hpack::Decoder>,
    bodies: Bodies,
}

/// A block of fields that is being gathered.
#[derive(Debug)]
struct Block {
    stream: u32,
    ends_stream: bool,
    /// It is a request that the server announces to answer unasked (RFC 9113 section 8.4).
    promised: bool,
    bytes: Vec<u8>,
    too_long: bool,
}

impl Reader {
    /// The client's side; of its [`PREFACE`] so many bytes are still to come.
    pub(crate) fn client(preface_left: usize) -> Self {
        Self::new(Sender::Initiator, preface_left)
    }

    /// The server's side, from its SETTINGS on.
    pub(crate) fn server() -> Self {
        Self::new(Sender::Responder, 0)
    }

    fn new(sender: Sender, skipped: usize) -> Self {
        Self {
            sender,
            frames: FrameReader::behind(skipped),
            block: None,
            fields: Some(hpack::Decoder::default()),
            bodies: Bodies::default(),
        }
    }

    /// The next bytes. Requests are reported as far as `exchange` allows. After what is no frame there is no way to find
    /// the next one: [`Appetite::Done`].
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        exchange: &mut Exchange,
        learn: &mut dyn FnMut(Fact),
    ) -> Appetite {
        let appetite = self.read(Cursor::new(bytes), exchange, learn);
        exchange.dropped_bodies(self.bodies.take_dropped());
        appetite
    }

    fn read(
        &mut self,
        mut bytes: Cursor<'_>,
        exchange: &mut Exchange,
        learn: &mut dyn FnMut(Fact),
    ) -> Appetite {
        while let Some(event) = self.frames.next(&mut bytes) {
            let goes_on = match event {
                Event::Began(frame) => self.began(frame),
                Event::Content(frame, part) => {
                    self.content(frame, part);
                    true
                }
                Event::Ended(frame) => {
                    self.ended(frame, exchange, learn);
                    true
                }
                Event::Broken => false,
            };
            if !goes_on {
                return Appetite::Done;
            }
        }
        Appetite::More
    }

    /// Whether a frame may stand here: between the frames of a block no other does (RFC 9113 section 4.3).
    fn began(&mut self, frame: Frame) -> bool {
        let within = self.block.as_ref().map(|block| block.stream);
        match frame.kind {
            Kind::Continuation => within == Some(frame.stream),
            _ if within.is_some() => false,
            Kind::Headers | Kind::PushPromise => {
                self.block = Some(Block {
                    stream: frame.stream,
                    ends_stream: frame.kind == Kind::Headers && frame.ends_stream(),
                    promised: frame.kind == Kind::PushPromise,
                    bytes: Vec::new(),
                    too_long: false,
                });
                true
            }
            Kind::Data | Kind::ResetStream | Kind::Other => true,
        }
    }

    fn content(&mut self, frame: Frame, part: &[u8]) {
        match frame.kind {
            Kind::Data => self.bodies.append(frame.stream, part),
            Kind::Headers | Kind::PushPromise | Kind::Continuation => {
                if let Some(block) = &mut self.block {
                    block.too_long |= block.bytes.len() + part.len() > MAX_BLOCK_LEN;
                    if self.fields.is_some() && !block.too_long {
                        block.bytes.extend_from_slice(part);
                    }
                }
            }
            Kind::ResetStream | Kind::Other => {}
        }
    }

    fn ended(&mut self, frame: Frame, exchange: &mut Exchange, learn: &mut dyn FnMut(Fact)) {
        match frame.kind {
            Kind::Data if frame.ends_stream() => self.stream_ended(frame.stream, learn),
            Kind::Headers | Kind::PushPromise | Kind::Continuation if frame.ends_headers() => {
                if let Some(block) = self.block.take() {
                    self.block_ended(&block, exchange, learn);
                }
            }
            Kind::ResetStream => self.bodies.forget(frame.stream),
            _ => {}
        }
    }

    fn block_ended(&mut self, block: &Block, exchange: &mut Exchange, learn: &mut dyn FnMut(Fact)) {
        let message = self.fields(block);
        if block.promised {
            return;
        }
        if let Some(message) = &message {
            self.report(message, exchange, learn);
        }
        if block.ends_stream {
            self.stream_ended(block.stream, learn);
            return;
        }
        match message {
            Some(message) if message.is_dns() => self.bodies.begin(block.stream, Content::Dns),
            Some(_) => self.bodies.forget(block.stream),
            None => self.bodies.begin(block.stream, Content::Unknown),
        }
    }

    /// What a block says. `None` when it cannot be known.
    fn fields(&mut self, block: &Block) -> Option<Message> {
        let mut decoder = self.fields.take().filter(|_| !block.too_long)?;
        let mut message = Message::default();
        decoder.read(&block.bytes, &mut |field, value| message.field(field, value)).ok()?;
        self.fields = Some(decoder);
        Some(message)
    }

    fn report(&self, message: &Message, exchange: &mut Exchange, learn: &mut dyn FnMut(Fact)) {
        match self.sender {
            Sender::Initiator => {
                if let Some(request) = message.request() {
                    exchange.report(request, &mut |request| request_facts(request, learn));
                }
            }
            Sender::Responder => {
                if let Some(response) = message.response() {
                    learn(Fact::HttpResponse(Arc::new(response)));
                }
            }
        }
    }

    /// Clients ask and servers answer: anything else in a body is not a look-up, whatever its type says.
    fn stream_ended(&mut self, stream: u32, learn: &mut dyn FnMut(Fact)) {
        let Some(message) = self.bodies.end(stream) else {
            return;
        };
        if message.is_response == (self.sender == Sender::Responder) {
            learn(Fact::Dns(Arc::new(message)));
        }
    }
}

#[cfg(test)]
mod tests;
