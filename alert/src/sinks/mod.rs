//! Where messages go. A kind of sink is a file here and a line in [`SinkSettings`].

mod brief;
mod clock;
mod file;
pub mod kafka;
mod mail;
#[cfg(test)]
mod parcels;
mod remarks;
mod stdout;
mod syslog;
mod webhook;

pub use file::{Compression, FileSettings, RotatedLines};
pub use kafka::KafkaSettings;
pub use mail::MailSettings;
pub use remarks::Remarks;
pub use stdout::StdoutSettings;
pub use syslog::{Facility, Framing, SyslogSettings};
pub use webhook::WebhookSettings;

use crate::{Format, Message};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use weir_model::alert::Severity;
use weir_model::{Timestamp, Tlp};
use weir_net::NetError;

/// Takes parcels to where they are wanted. It belongs to one thread, which may wait in it.
pub trait Sink: Send {
    /// Hands parcels over in their order, and says of each what became of it, in the same order.
    ///
    /// What has the same key must arrive in order: behind a parcel that failed, none with its key may be taken. It comes back at `until` at the
    /// latest; what is not acknowledged by then has failed, and comes again, so that the other side may get it twice.
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome>;

    /// Called at least once a second or so when nothing is delivered, for what is due by time.
    fn idle(&mut self) {}

    /// What somebody should know that is no outcome of a parcel (a file that was mended, one that cannot be rotated): each once, to be
    /// complained of. Without secrets and without anything that parcels say.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Nobody will ever take anything here again, as where the reader of a pipe has left: a run of which all sinks say so is over.
    fn is_over(&self) -> bool {
        false
    }
}

/// What became of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is where it belongs, and stays there.
    Taken,
    /// It was refused for what it is, and would be again. Why, without secrets and without anything that it says.
    Refused(String),
    /// It did not work this time; it shall be tried again. Why, likewise.
    Failed(String),
}

/// What is handed over.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What it is.
    pub kind: Kind,
    /// The same whenever the same is told again.
    pub id: Uuid,
    /// What has the same key stays in order: the incident of an alert, the Community ID of a flow.
    pub key: String,
    /// When it happened.
    pub time: Timestamp,
    /// As the sink's format writes it, without line end.
    pub body: Vec<u8>,
    /// Which format that is.
    pub format: Format,
    /// What is told, as far as this sink may know it; `None` for flows, names and the ledger.
    pub message: Option<Arc<Message>>,
}

/// What a parcel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A message: an alert or a notice.
    Alert,
    /// A flow record.
    Flow,
    /// What a conversation taught of a name.
    Name,
    /// The ledger, as it stands.
    Ledger,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Alert, Self::Flow, Self::Name, Self::Ledger];

    /// In the plural, as topics and settings name it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Alert => "alerts",
            Self::Flow => "flows",
            Self::Name => "names",
            Self::Ledger => "ledger",
        }
    }
}

/// One way out of a sink. Most have one; a mailbox has one for what is urgent and one for digests. Each has a place of its own in the spool.
pub struct Outlet {
    /// What tells it from the sink's others; empty for the only or first one.
    pub part: &'static str,
    /// Which messages go this way.
    pub takes: fn(&Message) -> bool,
    /// Messages are gathered for so long and then handed over at once.
    pub gathers: Option<Duration>,
    /// Who takes them there.
    pub sink: Box<dyn Sink>,
}

impl Outlet {
    /// The only one, for all messages, at once.
    pub fn only(sink: impl Sink + 'static) -> Vec<Self> {
        vec![Self { part: "", takes: |_| true, gathers: None, sink: Box::new(sink) }]
    }
}

/// What is known where a sink is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// As the operator calls the sink.
    pub name: &'a str,
    /// Where relative paths of its settings begin.
    pub base: &'a Path,
}

/// What each kind of sink has.
pub trait Settings: for<'de> Deserialize<'de> + Serialize {
    /// How it is called in a configuration.
    const KIND: &'static str;
    /// The format that it writes if nobody chose.
    const FORMAT: Format = Format::Ecs;
    /// The strictest marking that it takes if nobody chose (FIRST, TLP 2.0).
    const CEILING: Tlp;
    /// Least severity that it takes if nobody chose.
    const SEVERITY: Severity = Severity::Informational;

    /// Opens it. A receiver that is away is no error: it is what the spool is for. Settings that cannot work are.
    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError>;

    /// Whether it could be opened, as far as that can be seen without asking anybody and without changing anything.
    fn check(&self, opening: &Opening<'_>) -> Result<(), NetError> {
        self.open(opening).map(drop)
    }

    /// What in its settings somebody should think about.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

macro_rules! sinks {
    ($($kind:ident: $settings:ty),+ $(,)?) => {
        /// The settings of a sink, of its kind. They are written as they are read, with all defaults; of a secret stands what
        /// [`weir_net::secret::fingerprint`] makes of it.
        #[derive(Clone, Debug, Serialize)]
        #[serde(untagged)]
        pub enum SinkSettings {
            $(
                #[doc = concat!("See [`", stringify!($settings), "`].")]
                $kind(Box<$settings>),
            )+
        }

        impl SinkSettings {
            /// How the kinds are called.
            pub const KINDS: &'static [&'static str] = &[$(<$settings as Settings>::KIND),+];

            /// Reads the settings of a kind; `None` if there is none of that name.
            pub fn read<'de, D: Deserializer<'de>>(kind: &str, written: D) -> Option<Result<Self, D::Error>> {
                $(
                    if kind == <$settings as Settings>::KIND {
                        return Some(<$settings>::deserialize(written).map(|settings| Self::$kind(Box::new(settings))));
                    }
                )+
                None
            }

            /// How its kind is called.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$settings as Settings>::KIND),+ }
            }

            /// The format that it writes if nobody chose.
            pub const fn format(&self) -> Format {
                match self { $(Self::$kind(_) => <$settings as Settings>::FORMAT),+ }
            }

            /// The strictest marking that it takes if nobody chose.
            pub const fn ceiling(&self) -> Tlp {
                match self { $(Self::$kind(_) => <$settings as Settings>::CEILING),+ }
            }

            /// Least severity that it takes if nobody chose.
            pub const fn severity(&self) -> Severity {
                match self { $(Self::$kind(_) => <$settings as Settings>::SEVERITY),+ }
            }

            /// Opens it, see [`Settings::open`].
            pub fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
                match self { $(Self::$kind(settings) => settings.open(opening)),+ }
            }

            /// Whether it could be opened, see [`Settings::check`].
            pub fn check(&self, opening: &Opening<'_>) -> Result<(), NetError> {
                match self { $(Self::$kind(settings) => settings.check(opening)),+ }
            }

            /// What in its settings somebody should think about.
            pub fn warnings(&self) -> Vec<String> {
                match self { $(Self::$kind(settings) => settings.warnings()),+ }
            }
        }
    };
}

sinks! {
    File: FileSettings,
    Kafka: KafkaSettings,
    Stdout: StdoutSettings,
    Syslog: SyslogSettings,
    Webhook: WebhookSettings,
    Mail: MailSettings,
}
