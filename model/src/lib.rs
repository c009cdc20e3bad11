//! The nouns that every stage of Weir shares.
//!
//! A frame is captured ([`frame`]), becomes part of a flow ([`flow`]), on which something is observed
//! ([`observation`]); an indicator ([`indicator`]) may match it, and then people get an alert ([`alert`]).
//! What a router saw comes as a record ([`record`]), and what is known of a flow from records is [`exported`].
//! What is well known is in a [`warninglist`], and what there is to tell about intelligence itself is a [`notice`].
//! This crate holds what these words mean and nothing that acts: it does no I/O, reads no clock and knows no
//! other stage.

pub mod alert;
pub mod clock;
pub mod community_id;
pub mod dealing;
pub mod exported;
pub mod flow;
pub mod frame;
pub mod held;
pub mod indicator;
pub mod name;
pub mod net;
pub mod notice;
pub mod observation;
pub mod privacy;
pub mod record;
pub mod text;
pub mod time;
pub mod warninglist;

pub use alert::{Alert, Direction, Grade, Role};
pub use clock::ClockQuality;
pub use exported::Exported;
pub use flow::{Flow, FlowId};
pub use frame::Frame;
pub use indicator::{Context, Effect, Further, Indicator, IndicatorValue, Tlp, Warning};
pub use name::Name;
pub use net::{Endpoint, Protocol};
pub use notice::SourceNotice;
pub use observation::Observation;
pub use privacy::{Networks, Told};
pub use record::{ExportVersion, ExportedRecord, SampledFrame, Sampling};
pub use time::Timestamp;
pub use warninglist::Warninglist;
