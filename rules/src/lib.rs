//! What counts as suspicious: indicator sets, matching, grading, incidents.
//!
//! [`Screen`] says which indicators are not worth meeting. [`IndicatorSet`] is what is known to be bad, compiled. [`Matcher`] compares with it whatever is new in a flow: its
//! addresses when it begins, names and fingerprints when they are seen; what matches is a [`Hit`]. When the flow ends,
//! [`grade`] says how far it got and [`Incidents`] folds its hits into incidents, whose notices are the alerts.
//!
//! This crate decides: it does no I/O, reads no clock (`now` is an argument) and knows neither runtime nor metrics.
//! No result depends on the order of a hash map, so the same input gives the same alerts.

pub mod grade;
pub mod hits;
pub mod incidents;
pub mod matching;
pub mod screen;
pub mod set;
pub mod severity;
pub mod site;
mod specificity;
#[cfg(test)]
mod testing;

pub use hits::{FlowHits, Hit};
pub use incidents::{
    IncidentConfig, IncidentStats, Incidents, Notify, RESOLVER_RINGS_AFTER, Remembered, Told,
};
pub use matching::{Matcher, Questions, Sweep};
pub use screen::{Screen, Screening, Verdict};
pub use set::{IndicatorSet, SetBuilder};
pub use site::Site;
