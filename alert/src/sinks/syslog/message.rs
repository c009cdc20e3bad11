//! A message as RFC 5424 has it: `<PRI>1 TIMESTAMP HOSTNAME weir PROCID MSGID STRUCTURED-DATA MSG`.
//!
//! MSG is a line of JSON. Letters beyond ASCII are escaped in it (RFC 8259, section 7), so that it needs no byte order mark, which
//! RFC 5424 wants before UTF-8 and which readers of JSON stumble over.

use crate::Message;
use crate::sinks::{Kind, Parcel};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use weir_model::Timestamp;
use weir_model::alert::Severity;
use weir_net::{NetError, NetErrorKind};

/// Longest HOSTNAME (RFC 5424, section 6).
const MAX_HOSTNAME: usize = 255;

/// Highest `sequenceId` (RFC 5424, 7.3.1); after it comes 1.
const MAX_NUMBER: u32 = 2_147_483_647;

macro_rules! facilities {
    ($($(#[$attribute:meta])? $name:ident = $number:literal),+ $(,)?) => {
        /// Facilities, by their usual names and numbers (RFC 5424, table 1).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Facility {
            $(
                #[doc = concat!("`", stringify!($name), "`, number ", stringify!($number), ".")]
                $(#[$attribute])?
                $name = $number
            ),+
        }
    };
}

facilities! {
    Kern = 0, User = 1, Mail = 2, Daemon = 3, Auth = 4, Syslog = 5, Lpr = 6, News = 7, Uucp = 8, Cron = 9, AuthPriv = 10, Ftp = 11,
    Ntp = 12, Audit = 13, Console = 14, Cron2 = 15, #[default] Local0 = 16, Local1 = 17, Local2 = 18, Local3 = 19, Local4 = 20,
    Local5 = 21, Local6 = 22, Local7 = 23,
}

/// Writes messages, and numbers them.
pub(super) struct Writer {
    facility: Facility,
    hostname: String,
    enterprise_number: Option<u32>,
    /// Of the next message.
    number: u32,
}

impl Writer {
    pub(super) fn new(
        facility: Facility,
        hostname: Option<&str>,
        enterprise_number: Option<u32>,
    ) -> Result<Self, NetError> {
        let fits = |name: &str| {
            (1..=MAX_HOSTNAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let hostname = match hostname {
            Some(name) if fits(name) => name.to_owned(),
            Some(_) => {
                let text = "`hostname` is at most 255 printable ASCII characters without spaces";
                return Err(NetError::new(NetErrorKind::Settings, text));
            }
            None => machine().filter(|name| fits(name)).unwrap_or_else(|| "-".to_owned()),
        };
        Ok(Self { facility, hostname, enterprise_number, number: 1 })
    }

    /// The number of the next message, by which a receiver sees that some are missing.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// Goes back to a number, because what had it was not sent.
    pub(super) const fn set_number(&mut self, number: u32) {
        self.number = number;
    }

    /// A message, with the next number.
    pub(super) fn write(&mut self, parcel: &Parcel) -> Vec<u8> {
        let (severity, kind) = match (parcel.kind, parcel.message.as_deref()) {
            (Kind::Alert, Some(message @ Message::Notice(_))) => (message.severity(), "notice"),
            (Kind::Alert, message) => (message.map_or(Severity::Informational, Message::severity), "alert"),
            (kind, _) => (Severity::Informational, singular(kind)),
        };
        let priority = self.facility as u8 * 8 + number_of(severity);
        let time = timestamp(parcel.time);
        let (hostname, process) = (&self.hostname, std::process::id());
        let data = self.structured_data(parcel);
        let header = format!("<{priority}>1 {time} {hostname} weir {process} {kind} {data} ");
        self.number = if self.number >= MAX_NUMBER { 1 } else { self.number + 1 };
        let mut message = header.into_bytes();
        push_ascii(&parcel.body, &mut message);
        message
    }

    /// `origin` and `meta` are registered with IANA. What is ours has a name with an enterprise number in it (RFC 5424, 6.3.2), which
    /// must be one that somebody owns.
    fn structured_data(&self, parcel: &Parcel) -> String {
        let mut data = format!(
            "[origin software=\"weir\" swVersion=\"{}\"][meta sequenceId=\"{}\"]",
            env!("CARGO_PKG_VERSION"),
            self.number
        );
        if let Some(number) = self.enterprise_number {
            let (id, schema) = (parcel.id, parcel.format.schema());
            // Writing into a text cannot fail.
            let _ = write!(
                data,
                "[weir@{number} id=\"{id}\" key=\"{}\" schema=\"{schema}\"]",
                escaped(&parcel.key)
            );
        }
        data
    }
}

/// This machine's name.
fn machine() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

const fn singular(kind: Kind) -> &'static str {
    match kind {
        Kind::Alert => "alert",
        Kind::Flow => "flow",
        Kind::Name => "name",
        Kind::Ledger => "ledger",
    }
}

/// Severities of RFC 5424, table 2: alert ("action must be taken immediately"), warning, notice, informational.
const fn number_of(severity: Severity) -> u8 {
    match severity {
        Severity::High => 1,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Informational => 6,
    }
}

/// With microseconds: RFC 5424 allows no more digits.
fn timestamp(time: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(time.as_nanos().into())
        .map_or_else(|_| "-".to_owned(), |time| format!("{time:.6}"))
}

/// A PARAM-VALUE (RFC 5424, 6.3.3).
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for letter in value.chars() {
        if matches!(letter, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// JSON without letters beyond ASCII, which are only in its strings.
fn push_ascii(json: &[u8], out: &mut Vec<u8>) {
    if json.is_ascii() {
        return out.extend_from_slice(json);
    }
    for letter in String::from_utf8_lossy(json).chars() {
        if letter.is_ascii() {
            out.push(letter as u8);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
}
