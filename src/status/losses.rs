//! What was lost since the start, and when last: what was lost long ago needs nobody to look after it today.

use super::snapshot::Status;
use crate::summary::time;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was lost so long ago is counted and shown, and is no finding any more: long enough for a check that runs every half hour.
const LATELY_SECONDS: u64 = 3_600;

/// Something that is counted when it is lost.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Loss {
    /// `eth1: dropped by the kernel`, `queue of hits`.
    pub what: String,
    /// How much of it since the start.
    pub count: u64,
    /// How long ago that number was last seen to grow.
    pub seconds_ago: u64,
}

pub(super) fn by_kernel(place: &str) -> String {
    format!("{place}: dropped by the kernel")
}

pub(super) fn by_card(interface: &str) -> String {
    format!("{interface}: dropped by the card")
}

pub(super) fn in_queue(what: &str) -> String {
    format!("queue of {what}")
}

pub(super) fn for_sink(name: &str) -> String {
    format!("sink {name}")
}

impl Status {
    /// All that can be lost, and how much was.
    pub(crate) fn lost_so_far(&self) -> Vec<(String, u64)> {
        let interfaces = self.interfaces.iter().flat_map(|interface| {
            let name = &interface.name;
            [(by_kernel(name), interface.kernel_drops), (by_card(name), interface.interface_drops)]
        });
        let sockets = self.collector.iter().flat_map(|collector| &collector.sockets);
        let sockets = sockets.map(|socket| (by_kernel(&socket.name), socket.kernel_drops));
        let queues = self.lost.iter().map(|lost| (in_queue(&lost.name), lost.count));
        let sinks = self.sinks.iter().map(|sink| (for_sink(&sink.name), sink.lost_in_run()));
        interfaces.chain(sockets).chain(queues).chain(sinks).collect()
    }

    /// Since when something is lost, for a finding; `None` when that is long ago.
    pub(super) fn since_when(&self, what: &str) -> Option<String> {
        match self.losses.iter().find(|loss| loss.what == what) {
            // It was lost this moment, or an older program runs.
            None => Some("since the start".to_owned()),
            Some(loss) if loss.seconds_ago < LATELY_SECONDS => {
                let ago = time(Duration::from_secs(loss.seconds_ago));
                Some(format!("since the start, the last {ago} ago"))
            }
            Some(_) => None,
        }
    }
}
