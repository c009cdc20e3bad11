//! What librdkafka has to say, while it is asked: acknowledgements, complaints, and that a token is due.

use super::plan::hidden;
use super::token::Tokens;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use std::error::Error;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;
use weir_model::text::printable;
use weir_net::Secret;

/// Most bytes of a complaint that are shown.
const MAX_COMPLAINT_BYTES: usize = 300;

/// Gathers it.
pub(super) struct Context {
    tokens: Option<Tokens>,
    secrets: Vec<Secret>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    reports: Vec<Report>,
    /// The last error, until something is acknowledged again. librdkafka repeats itself as often as it tries, and this keeps one.
    complaint: Option<Complaint>,
}

/// What became of a message.
pub(super) struct Report {
    pub(super) id: Uuid,
    /// None where it was acknowledged.
    pub(super) error: Option<RDKafkaErrorCode>,
}

/// What librdkafka complains of.
#[derive(Clone)]
pub(super) struct Complaint {
    /// None for a line of its log.
    pub(super) code: Option<RDKafkaErrorCode>,
    pub(super) text: String,
}

impl Context {
    pub(super) fn new(tokens: Option<Tokens>, secrets: Vec<Secret>) -> Self {
        Self { tokens, secrets, heard: Mutex::default() }
    }

    /// What has been reported since this was last asked.
    pub(super) fn reports(&self) -> Vec<Report> {
        let mut heard = self.heard();
        let reports = mem::take(&mut heard.reports);
        if reports.iter().any(|report| report.error.is_none()) {
            heard.complaint = None;
        }
        reports
    }

    /// What there is to complain of.
    pub(super) fn complaint(&self) -> Option<Complaint> {
        self.heard().complaint.clone()
    }

    fn complain(&self, code: Option<RDKafkaErrorCode>, text: &str) {
        let text = printable(&hidden(text, &self.secrets), MAX_COMPLAINT_BYTES);
        self.heard().complaint = Some(Complaint { code, text });
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, _: &str, message: &str) {
        let is_grave = level as i32 <= RDKafkaLogLevel::Warning as i32;
        // What comes as an error says it better.
        if is_grave && self.complaint().is_none_or(|known| known.code.is_none()) {
            self.complain(None, message);
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // That all brokers are away says less than why the last one is.
        let says_less = code == Some(RDKafkaErrorCode::AllBrokersDown);
        if !(says_less && self.complaint().is_some()) {
            self.complain(code, reason);
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let tokens = self.tokens.as_ref().ok_or("no place is known where tokens come from")?;
        tokens.token().map_err(|error| {
            self.complain(Some(RDKafkaErrorCode::Authentication), &error.text);
            // It goes into a C string.
            error.text.replace('\0', " ").into()
        })
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Uuid>;

    fn delivery(&self, result: &DeliveryResult<'_>, id: Box<Uuid>) {
        let error = result.as_ref().err().map(|(error, _)| {
            // An error without a code would be a new one of rdkafka's: it failed.
            error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)
        });
        self.heard().reports.push(Report { id: *id, error });
    }
}
