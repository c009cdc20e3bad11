//! What is wrong, and what to do about it: what a person reads first.

use super::losses;
use super::snapshot::{CollectorStatus, InterfaceStatus, Status};
use crate::sinks::SinkRow;
use crate::summary::{bytes, number, time};
use std::time::Duration;

/// Something that somebody should look after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub what: String,
    pub remedy: String,
}

/// As `/healthz` has it.
const STALLED_AFTER_MS: u64 = 30_000;
/// The spool is said to fill up from here on, in percent.
const SPOOL_FULL_PERCENT: u64 = 80;
/// A disk on which less than this share is free (in percent) is nearly full.
const DISK_FREE_PERCENT: u64 = 5;

impl Status {
    /// Whether nobody has to look after anything.
    pub(crate) fn is_well(&self) -> bool {
        findings(self).is_empty()
    }
}

fn finding(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: remedy.into() }
}

/// All that is wrong, the worst first.
pub(super) fn findings(status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    if !status.is_balanced {
        found.push(finding(
            "the ledger does not balance: something was lost or counted twice",
            "please report this, with `weir status --json`",
        ));
    }
    threads(status, &mut found);
    status.interfaces.iter().for_each(|interface| of_interface(status, interface, &mut found));
    if let Some(collector) = &status.collector {
        of_collector(status, collector, &mut found);
    }
    intelligence(status, &mut found);
    status.sinks.iter().for_each(|sink| of_sink(status, sink, &mut found));
    storage(status, &mut found);
    for lost in status.lost.iter().filter(|lost| lost.count > 0) {
        let Some(since) = status.since_when(&losses::in_queue(&lost.name)) else { continue };
        found.push(finding(
            format!("{} {} were lost in a queue {since}", number(lost.count), lost.name),
            "what writes or matches them is too slow: look at the disk, or at what raises so many alerts",
        ));
    }
    if let Some(problem) = &status.reload.problem {
        found.push(finding(
            format!("the configuration that was read last is not used: {problem}"),
            "`weir config check` tries a file; what was there before counts",
        ));
    }
    found
}

fn threads(status: &Status, found: &mut Vec<Finding>) {
    let silent =
        status.threads.iter().filter(|thread| !status.is_ending && thread.silent_ms >= STALLED_AFTER_MS);
    for thread in silent {
        let since = time(Duration::from_millis(thread.silent_ms));
        found.push(finding(
            format!("{} has made no progress for {since}", thread.name),
            "a disk or a network file system that does not answer? Else restart it, and report this",
        ));
    }
    for (index, worker) in status.workers.iter().enumerate() {
        if let Some(effort) = &worker.reduced_to {
            found.push(finding(
                format!("worker {index} cannot keep up and is down to {effort}"),
                "more `workers`, or a filter (`bpf`); addresses are compared all the same",
            ));
        }
    }
    for canary in status.canaries.iter().filter(|canary| canary.is_late) {
        let age = time(Duration::from_secs(canary.age_seconds));
        found.push(finding(
            format!("no canary came through {} for {age}: what it sees may not be told", canary.thread),
            "the journal says more; restart it, and report this if it comes again",
        ));
    }
}

fn of_interface(status: &Status, interface: &InterfaceStatus, found: &mut Vec<Finding>) {
    let name = &interface.name;
    if !interface.is_up {
        found.push(finding(
            format!("{name} is not captured from: it is {}", interface.state),
            format!("`ip -br link show {name}`: a cable, a transceiver, or the other end"),
        ));
    }
    if interface.kernel_drops > 0
        && let Some(since) = status.since_when(&losses::by_kernel(name))
    {
        let drops = number(interface.kernel_drops);
        found.push(finding(
            format!("{drops} frames of {name} were dropped by the kernel {since}"),
            "if that goes on: more `workers`, a larger `ring_size`, or a filter (`bpf`)",
        ));
    }
    if interface.interface_drops > 0
        && let Some(since) = status.since_when(&losses::by_card(name))
    {
        let drops = number(interface.interface_drops);
        found.push(finding(
            format!("{drops} frames were dropped by {name} itself {since}"),
            format!(
                "larger rings of the card: `ethtool -g {name}` shows them, `ethtool -G {name} rx N` sets them"
            ),
        ));
    }
}

fn of_collector(status: &Status, collector: &CollectorStatus, found: &mut Vec<Finding>) {
    for socket in collector.sockets.iter().filter(|socket| socket.kernel_drops > 0) {
        let Some(since) = status.since_when(&losses::by_kernel(&socket.name)) else { continue };
        found.push(finding(
            format!("{} datagrams at {} found no room {since}", number(socket.kernel_drops), socket.name),
            "if that goes on: more `collectors`, or a larger `receive_buffer`",
        ));
    }
    for exporter in &collector.exporters {
        if let Some(trouble) = &exporter.trouble {
            found.push(finding(
                format!("{}: {trouble}", exporter.exporter),
                "docs/COLLECTOR.md says what that means, and what to set there",
            ));
        }
    }
}

fn intelligence(status: &Status, found: &mut Vec<Finding>) {
    for source in status.intelligence.iter().flat_map(|intelligence| &intelligence.sources) {
        let name = &source.name;
        match source.health {
            super::Health::Failing => found.push(finding(
                format!("source {name} does not deliver, and what it said grows old"),
                "`weir intel sources` says why",
            )),
            super::Health::Held => found.push(finding(
                format!("what source {name} delivered looks wrong, and is held back"),
                format!(
                    "`weir intel sources` says why; `weir intel release {name}` lets it through if it is right"
                ),
            )),
            _ => {}
        }
    }
    let is_unarmed = status.checks.iter().any(|check| check.what.starts_with("indicators") && !check.is_met);
    if is_unarmed {
        found.push(finding(
            "indicators are not armed yet",
            "`weir intel sources` says which source is waited for",
        ));
    } else if status.indicators.is_empty() {
        let remedy = match status.intelligence {
            Some(_) => "`weir intel sources` says what each source gives, and what of it cannot be used",
            None => {
                "write `indicators` or a [source.NAME] into the configuration, or name files by --indicators"
            }
        };
        found.push(finding("no indicators: nothing can be recognised", remedy));
    }
}

fn of_sink(status: &Status, sink: &SinkRow, found: &mut Vec<Finding>) {
    let name = &sink.name;
    withheld(sink, found);
    if sink.failing_since.is_some() {
        let waiting = number(sink.waiting);
        found.push(finding(
            format!("sink {name} takes nothing; {waiting} messages wait for it"),
            format!("`weir sink test {name}` tries it; the table of sinks below has its last error"),
        ));
    }
    if sink.lost_in_run() > 0
        && sink.failing_since.is_none()
        && let Some(since) = status.since_when(&losses::for_sink(name))
    {
        let lost = number(sink.lost_in_run());
        found.push(finding(
            format!("{lost} messages, flows or names for sink {name} were lost {since}"),
            "it was away for too long, or is too slow: a larger [spool] `size`, or fewer lines (`send`)",
        ));
    }
}

/// Nothing is lost: it was never meant to go there, and whoever waits for it should know.
fn withheld(sink: &SinkRow, found: &mut Vec<Finding>) {
    if sink.withheld == 0 || sink.delivered > 0 {
        return;
    }
    let (name, count) = (&sink.name, number(sink.withheld));
    let ceiling = sink.ceiling.as_ref().map_or(String::new(), |ceiling| format!(" ({ceiling})"));
    found.push(finding(
        format!("sink {name} got no alert: {count} were withheld, as they are marked above its ceiling{ceiling}"),
        "raise `tlp` of the sink, or lower `tlp` in [source.NAME.policy], if its readers may know what the source says",
    ));
}

fn storage(status: &Status, found: &mut Vec<Finding>) {
    let held =
        status.messages.iter().find(|message| message.name == "held").map_or(0, |message| message.count);
    if held > 0 {
        found.push(finding(
            format!("{} messages wait for the spool to take them", number(held)),
            "the disk of the state directory is full, read-only or slow",
        ));
    }
    if let Some(spool) = &status.spool
        && spool.bytes > spool.limit_bytes / 100 * SPOOL_FULL_PERCENT
    {
        found.push(finding(
            format!("the spool is nearly full: {} of {}", bytes(spool.bytes), bytes(spool.limit_bytes)),
            "a sink is away; if it does not come back soon, the oldest messages are lost, or raise [spool] `size`",
        ));
    }
    if let Some(disk) = &status.disk
        && disk.free_bytes < disk.size_bytes / 100 * DISK_FREE_PERCENT
    {
        found.push(finding(
            format!("{} are free on the disk of the state directory", bytes(disk.free_bytes)),
            "make room there, or what is told waits in memory",
        ));
    }
}
