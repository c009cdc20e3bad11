//! HTTP/1.0 and HTTP/1.1 (RFC 9112): the heads of requests and responses; bodies are skipped.
//!
//! Each direction has a reader that takes contiguous bytes in pieces of any size; the two share an [`Exchange`],
//! because the length of a response depends on the request that it answers (RFC 9112 section 6.3).

mod body;
mod buffer;
mod doh;
mod head;
mod resync;

use body::{Body, Skip};
use buffer::{Found, HeadBuffer};
use resync::Resync;
use std::collections::VecDeque;
use weir_model::observation::{HttpRequest, HttpResponse, RequestForm};

pub(crate) use doh::request_facts;
use head::Framing;
pub use head::{Fit, MAX_PATH_LEN, MAX_USER_AGENT_LEN, fits_request, fits_response};
pub use head::{clean_text, escaped_path, split_authority};

/// Most requests of one connection that are reported; later ones are followed and counted in
/// [`Exchange::unreported`].
///
/// A request costs its sender 16 bytes and us a thousand (an observation, a JSON line): a client that pipelines
/// the shortest request for hours would fill the disk. A busy proxy connection carries some hundreds.
pub const MAX_REQUESTS_REPORTED: u32 = 4_096;

/// Most requests whose answers are awaited. A client that pipelines more than this makes the length of the
/// answers unknowable: the response reader then stops.
pub const MAX_REQUESTS_PENDING: usize = 64;

/// What the two directions of a connection must know of each other.
#[derive(Debug, Default)]
pub struct Exchange {
    pending: VecDeque<Kind>,
    lost_count: bool,
    reported: u32,
    unreported: u32,
    dropped_bodies: u32,
}

impl Exchange {
    /// Requests seen beyond [`MAX_REQUESTS_REPORTED`].
    pub const fn unreported(&self) -> u32 {
        self.unreported
    }

    /// DNS messages in bodies of HTTP/2 that were not read because a cap was reached.
    pub const fn unread_bodies(&self) -> u32 {
        self.dropped_bodies
    }

    pub(crate) const fn dropped_bodies(&mut self, count: u32) {
        self.dropped_bodies = self.dropped_bodies.saturating_add(count);
    }

    fn asked(&mut self, kind: Kind) {
        if self.pending.len() < MAX_REQUESTS_PENDING {
            self.pending.push_back(kind);
        } else {
            self.lost_count = true;
        }
    }

    pub(crate) fn report(&mut self, request: HttpRequest, report: &mut dyn FnMut(HttpRequest)) {
        if self.reported < MAX_REQUESTS_REPORTED {
            self.reported += 1;
            report(request);
        } else {
            self.unreported = self.unreported.saturating_add(1);
        }
    }
}

/// As far as the method decides about the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Head,
    Connect,
    Other,
}

impl Kind {
    fn of(request: &HttpRequest) -> Self {
        match (request.form, &*request.method) {
            (RequestForm::Connect, _) => Self::Connect,
            (_, "HEAD") => Self::Head,
            _ => Self::Other,
        }
    }
}

/// What a reader makes of the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All were read; more may follow.
    More,
    /// Nothing further is to be learnt from this direction.
    Done,
    /// A CONNECT ended so many bytes in: what follows belongs to another protocol.
    Tunnel(usize),
    /// HTTP/2 takes over so many bytes in: behind the first part of its preface, or behind the answer to an upgrade
    /// (RFC 7540 section 3.2).
    Http2(usize),
}

/// Reads the direction that carries requests.
#[derive(Debug, Default)]
pub struct RequestReader {
    state: RequestState,
    /// What a head said that a gap cut; reported with the next bytes.
    cut: Option<Box<HttpRequest>>,
}

#[derive(Debug)]
enum RequestState {
    Head(HeadBuffer),
    Body(Body),
    Lost(Resync),
    Done,
}

impl Default for RequestState {
    fn default() -> Self {
        Self::Head(HeadBuffer::default())
    }
}

impl RequestReader {
    /// The next bytes.
    pub fn push(
        &mut self,
        bytes: &[u8],
        exchange: &mut Exchange,
        report: &mut dyn FnMut(HttpRequest),
    ) -> Progress {
        if let Some(cut) = self.cut.take() {
            exchange.report(*cut, report);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, next) = match &mut self.state {
                RequestState::Head(buffer) => match request_head(buffer, rest, exchange, report) {
                    HeadStep::Next(used, next) => (used, next),
                    HeadStep::Tunnel(used) => {
                        self.state = RequestState::Done;
                        return Progress::Tunnel(bytes.len() - rest.len() + used);
                    }
                    HeadStep::Http2(used) => {
                        self.state = RequestState::Done;
                        return Progress::Http2(bytes.len() - rest.len() + used);
                    }
                },
                RequestState::Body(body) => match body.skip(rest) {
                    Skip::All => return Progress::More,
                    Skip::Ended(used) => (used, Some(RequestState::default())),
                    Skip::Broken(used) => (used, Some(RequestState::Lost(Resync::default()))),
                },
                RequestState::Lost(resync) => match resync.search(rest) {
                    resync::Search::All => return Progress::More,
                    resync::Search::Found(used, line) => {
                        (used, Some(RequestState::Head(HeadBuffer::with(line))))
                    }
                    resync::Search::GaveUp => (rest.len(), Some(RequestState::Done)),
                },
                RequestState::Done => return Progress::Done,
            };
            rest = rest.get(used..).unwrap_or_default();
            if let Some(next) = next {
                self.state = next;
            }
        }
        match self.state {
            RequestState::Done => Progress::Done,
            _ => Progress::More,
        }
    }

    /// Bytes are missing: what a head said so far is reported with the next bytes, and the next request line is
    /// looked for.
    pub fn gap(&mut self, exchange: &mut Exchange) -> Progress {
        if let RequestState::Head(buffer) = &self.state
            && let Some(head) = head::request(buffer.cut())
        {
            self.cut = Some(Box::new(head.request));
        }
        // What was asked in between is unknown, and so is which answer belongs to which request.
        exchange.lost_count = true;
        if matches!(self.state, RequestState::Done) {
            return Progress::Done;
        }
        self.state = RequestState::Lost(Resync::default());
        Progress::More
    }
}

enum HeadStep {
    Next(usize, Option<RequestState>),
    Tunnel(usize),
    Http2(usize),
}

fn request_head(
    buffer: &mut HeadBuffer,
    bytes: &[u8],
    exchange: &mut Exchange,
    report: &mut dyn FnMut(HttpRequest),
) -> HeadStep {
    let (used, parsed, whole) = match buffer.push(bytes, fits_request) {
        Found::Not(used) => return HeadStep::Next(used, None),
        Found::Misfit(misfit) => {
            return HeadStep::Next(0, Some(RequestState::Lost(Resync::with(&misfit))));
        }
        Found::Whole(head::HTTP2_PREFACE, used) => return HeadStep::Http2(used),
        Found::Whole(head, used) => (used, head::request(head), true),
        Found::Cut(head, used) => (used, head::request(head), false),
    };
    let lost = || HeadStep::Next(used, Some(RequestState::Lost(Resync::default())));
    let Some(head) = parsed else { return lost() };
    let kind = Kind::of(&head.request);
    exchange.asked(kind);
    exchange.report(head.request, report);
    match (kind, head.framing) {
        _ if !whole => lost(),
        (Kind::Connect, _) => HeadStep::Tunnel(used),
        (_, Framing::Body(body)) => HeadStep::Next(used, Some(RequestState::Body(body))),
        (_, Framing::Unsaid | Framing::Empty) => HeadStep::Next(used, Some(RequestState::default())),
        (_, Framing::Unclear) => lost(),
    }
}

/// Reads the direction that carries responses.
#[derive(Debug, Default)]
pub struct ResponseReader {
    state: ResponseState,
}

#[derive(Debug)]
enum ResponseState {
    Head(HeadBuffer),
    Body(Body),
    Done,
}

impl Default for ResponseState {
    fn default() -> Self {
        Self::Head(HeadBuffer::default())
    }
}

impl ResponseReader {
    /// The next bytes.
    pub fn push(
        &mut self,
        bytes: &[u8],
        exchange: &mut Exchange,
        report: &mut dyn FnMut(HttpResponse),
    ) -> Progress {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, next) = match &mut self.state {
                ResponseState::Head(buffer) => {
                    let (used, after) = response_head(buffer, rest, exchange, report);
                    match after {
                        After::More => (used, None),
                        After::Head => (used, Some(ResponseState::default())),
                        After::Body(body) => (used, Some(ResponseState::Body(body))),
                        After::Nothing => (used, Some(ResponseState::Done)),
                        After::Tunnel => {
                            self.state = ResponseState::Done;
                            return Progress::Tunnel(bytes.len() - rest.len() + used);
                        }
                        After::Http2 => {
                            self.state = ResponseState::Done;
                            return Progress::Http2(bytes.len() - rest.len() + used);
                        }
                    }
                }
                ResponseState::Body(body) => match body.skip(rest) {
                    Skip::All => return Progress::More,
                    Skip::Ended(used) => (used, Some(ResponseState::default())),
                    Skip::Broken(used) => (used, Some(ResponseState::Done)),
                },
                ResponseState::Done => return Progress::Done,
            };
            rest = rest.get(used..).unwrap_or_default();
            if let Some(next) = next {
                self.state = next;
            }
        }
        match self.state {
            ResponseState::Done => Progress::Done,
            _ => Progress::More,
        }
    }
}

/// What follows the head of a response (RFC 9112 section 6.3).
enum After {
    More,
    Head,
    Body(Body),
    Tunnel,
    Http2,
    Nothing,
}

fn response_head(
    buffer: &mut HeadBuffer,
    bytes: &[u8],
    exchange: &mut Exchange,
    report: &mut dyn FnMut(HttpResponse),
) -> (usize, After) {
    let (used, parsed, whole) = match buffer.push(bytes, fits_response) {
        Found::Not(used) => return (used, After::More),
        Found::Misfit(_) => return (bytes.len(), After::Nothing),
        Found::Whole(head, used) => (used, head::response(head), true),
        Found::Cut(head, used) => (used, head::response(head), false),
    };
    let Some(head) = parsed else {
        return (used, After::Nothing);
    };
    report(HttpResponse { status: head.status });
    let interim = matches!(head.status, 100 | 102..=199);
    if interim && whole {
        return (used, After::Head);
    }
    let kind = exchange.pending.pop_front().unwrap_or(Kind::Other);
    let after = match (head.status, kind, head.framing) {
        _ if !whole || exchange.lost_count => After::Nothing,
        (101, ..) if head.upgrades_to_http2 => After::Http2,
        (101, ..) => After::Nothing,
        (200..=299, Kind::Connect, _) => After::Tunnel,
        (204 | 304, ..) | (_, Kind::Head, _) | (_, _, Framing::Empty) => After::Head,
        (_, _, Framing::Body(body)) => After::Body(body),
        // Without a length the body lasts until the connection closes.
        (_, _, Framing::Unsaid | Framing::Unclear) => After::Nothing,
    };
    (used, after)
}

#[cfg(test)]
mod tests;
