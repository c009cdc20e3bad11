//! Every metric that there is. `docs/METRICS.md` is made from this table.

#[cfg(test)]
use super::metric::Section;
use super::metric::{Kind, Metric};

/// A line each: the constant, its kind, name, labels and unit, what it says, and when to look and what to do.
macro_rules! declare {
    ($($title:literal {
        $($constant:ident = $kind:ident $name:literal [$($label:literal),*] in $unit:literal: $help:literal, $advice:literal;)*
    })*) => {
        $($(
            pub(crate) static $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                unit: $unit,
                labels: &[$($label),*],
                help: $help,
                advice: $advice,
            };
        )*)*
        /// All of them, in the order in which they are documented.
        #[cfg(test)]
        pub(crate) static SECTIONS: &[Section] = &[$(Section { title: $title, metrics: &[$(&$constant),*] }),*];
    };
}

declare! {
    "The program and its process" {
        BUILD_INFO = Gauge "weir_build_info" ["version", "build"] in "1":
            "Which Weir runs; always 1.", "";
        READY = Gauge "weir_ready" [] in "0 or 1":
            "1 while all that is to be captured is captured from and indicators are armed, as /readyz says.",
            "0 for minutes: `weir status` says what is missing.";
        CLOCK = Gauge "weir_clock_timestamp_seconds" [] in "seconds since 1970":
            "What the clock here says.",
            "Seconds away from the clock of whoever asks: times in alerts are wrong; `timedatectl`, chrony.";
        CLOCK_SYNCHRONISED = Gauge "weir_clock_synchronised" [] in "0 or 1":
            "1 while NTP, PTP or the like keeps the clock here, as the kernel says; absent where it does not say.",
            "0: times in alerts may be wrong, and each alert says so; `timedatectl`, chrony.";
        CLOCK_ESTIMATED_ERROR = Gauge "weir_clock_estimated_error_seconds" [] in "seconds":
            "How far off the clock here is, as whatever keeps it estimates; absent while nothing does. systemd-timesyncd always says 0.", "";
        CLOCK_MAXIMUM_ERROR = Gauge "weir_clock_maximum_error_seconds" [] in "seconds":
            "How far off it is at most, likewise.",
            "Growing for hours: servers of time do not answer; `chronyc sources`, `timedatectl timesync-status`.";
        THREAD_BUSY = Counter "weir_thread_busy_seconds_total" ["thread"] in "seconds":
            "Time that each thread that takes packets or records spent working.",
            "A rate near 1 means that it is at its limit: give it another worker (`workers`) or a filter (`bpf`).";
        THREAD_IDLE = Gauge "weir_thread_silent_seconds" ["thread"] in "seconds":
            "Since each thread last showed that it makes progress; /healthz fails at 30.",
            "Above 30: the thread hangs, most likely in a disk that does not answer. The service manager restarts it.";
        SANDBOX = Gauge "weir_sandbox_holds" ["part"] in "0 or 1":
            "Whether each part of the sandbox holds: files, capabilities, calls, threads (docs/SANDBOX.md).",
            "0 in a service: `weir status` and the journal say why.";
        PROCESS_MEMORY = Gauge "process_resident_memory_bytes" [] in "bytes":
            "Resident memory size.", "Growing for days: please report it, with this curve.";
        PROCESS_VIRTUAL = Gauge "process_virtual_memory_bytes" [] in "bytes": "Virtual memory size.", "";
        PROCESS_OPEN_FDS = Gauge "process_open_fds" [] in "descriptors": "Open file descriptors.", "";
        PROCESS_MAX_FDS = Gauge "process_max_fds" [] in "descriptors":
            "Most open file descriptors.", "When open ones come near it, raise LimitNOFILE of the unit.";
        PROCESS_CPU = Counter "process_cpu_seconds_total" [] in "seconds":
            "User and system CPU time.", "";
        PROCESS_START = Gauge "process_start_time_seconds" [] in "seconds since 1970":
            "When the process started.", "Changing again and again: it is restarted; the journal says why.";
    }
    "The ledger" {
        LEDGER_BALANCED = Gauge "weir_ledger_balanced" [] in "0 or 1":
            "1 when every boundary of the ledger balances.",
            "0: something was lost or counted twice unseen. Please report it, with `weir status --json`.";
        LEDGER = Counter "weir_ledger_total" ["unit", "side", "entry"] in "what `unit` says":
            "What entered and left each boundary, without what is still on its way.", "";
        LEDGER_HELD = Gauge "weir_ledger_held" ["unit", "entry"] in "what `unit` says":
            "What entered a boundary and has not left it yet.", "";
        EVENTS = Counter "weir_events_total" ["stage", "event"] in "events":
            "Counts of each stage: wire (decoding), flow, export (what routers send), exported_flow, rules, queue, lane, overload.",
            "stage=\"queue\" grows: a thread behind the queue is too slow; flows and names: the disk, hits: too many alerts.";
        EVENT_BYTES = Counter "weir_event_bytes_total" ["stage", "event"] in "bytes":
            "The same of bytes.", "";
        EVENT_SECONDS = Counter "weir_event_seconds_total" ["stage", "event"] in "seconds":
            "The same of time: overload, how long workers, added up, left out payload (headers) or small flows too (addresses).", "";
    }
    "Interfaces" {
        INTERFACE_UP = Gauge "weir_interface_up" ["interface"] in "0 or 1":
            "1 while the interface is captured from.", "0: the link is down or the interface is gone (`ip -br link`).";
        INTERFACE_RECEIVED = Counter "weir_interface_received_frames_total" ["interface"] in "frames":
            "Frames that the kernel had for us, dropped ones included.",
            "A rate of 0 on a link that carries traffic: the mirror port is off.";
        INTERFACE_DROPPED = Counter "weir_interface_dropped_frames_total" ["interface", "by"] in "frames":
            "Frames that were lost before we saw them: by the kernel, whose ring was full, or by the interface itself.",
            "kernel: more `workers`, a larger `ring_size`, a `bpf` filter. interface: larger rings of the card (`ethtool -G`).";
        INTERFACE_EARLY = Counter "weir_interface_before_joining_frames_total" ["interface"] in "frames":
            "Frames that came before all workers had joined.", "";
        INTERFACE_FREEZES = Counter "weir_interface_freezes_total" ["interface"] in "freezes":
            "How often the kernel's ring was full and stood still.", "";
        INTERFACE_WENT_DOWN = Counter "weir_interface_went_down_total" ["interface"] in "times":
            "How often it went down or away.", "Growing: a cable, a transceiver or the other end.";
    }
    "Workers, tables and queues" {
        WORKER_FRAMES = Counter "weir_worker_frames_total" ["thread"] in "frames": "Frames each worker took.",
            "Very different from worker to worker: one flow carries most of the traffic.";
        WORKER_BYTES = Counter "weir_worker_bytes_total" ["thread"] in "bytes": "Bytes of these frames.", "";
        WORKER_REDUCED = Gauge "weir_worker_reduced" ["thread"] in "0 or 1":
            "1 while a worker cannot keep up and leaves out payload, then small flows; addresses are always compared.",
            "1 again and again: more `workers`, or a filter (`bpf`).";
        COLLECTOR_DATAGRAMS = Counter "weir_collector_datagrams_total" ["thread"] in "datagrams":
            "Datagrams and messages of routers that each collector took.", "";
        COLLECTOR_RECORDS = Counter "weir_collector_records_total" ["thread"] in "records":
            "Records and sampled packets in them.", "";
        FLOWS_OPEN = Gauge "weir_flows_open" ["table"] in "flows":
            "Flows that are open: those of packets, those of routers' records.", "";
        FLOWS_OPEN_PEAK = Gauge "weir_flows_open_peak" ["table"] in "flows":
            "Most that were open at a time, in each worker, added up.", "";
        FLOWS_CAPACITY = Gauge "weir_flows_capacity" ["table"] in "flows":
            "How many may be open; beyond it those that never got an answer go first.",
            "weir_flows_open comes near it: raise `flow_memory`, or it is a flood.";
        FACTS_MEMORY = Gauge "weir_facts_memory_bytes" [] in "bytes":
            "Memory used by what payloads of open flows said.", "";
        STREAMS_MEMORY = Gauge "weir_streams_memory_bytes" [] in "bytes":
            "TCP payload that is held until what is missing before it comes.", "";
        PASSIVE_DNS = Gauge "weir_passive_dns_entries" ["answers"] in "names":
            "Names by address that are known from answers: those that clients got themselves (own), and all others.", "";
        FRAGMENTS_FRAMES = Gauge "weir_fragments_held_frames" [] in "frames":
            "Fragments that wait for the rest of their datagram.", "";
        FRAGMENTS_DATAGRAMS = Gauge "weir_fragments_held_datagrams" [] in "datagrams":
            "Datagrams of which fragments wait.", "";
        FRAGMENTS_MEMORY = Gauge "weir_fragments_memory_bytes" [] in "bytes": "Memory used by them.", "";
        QUEUE_LENGTH = Gauge "weir_queue_length" ["queue"] in "entries":
            "What waits between threads: hits, those for which that queue had no room (hits_behind), bundles of flows and names (lines).", "";
        QUEUE_CAPACITY = Gauge "weir_queue_capacity" ["queue"] in "entries":
            "What has room there.", "weir_queue_length stays near it: see weir_events_total of stage queue.";
    }
    "Routers" {
        SOCKET_DATAGRAMS = Counter "weir_socket_datagrams_total" ["socket"] in "datagrams":
            "Datagrams (of streams: messages) at each address.", "";
        SOCKET_BYTES = Counter "weir_socket_bytes_total" ["socket"] in "bytes": "Bytes in them.", "";
        SOCKET_DROPPED = Counter "weir_socket_dropped_datagrams_total" ["socket"] in "datagrams":
            "Datagrams for which the receive buffer had no room.",
            "Growing: more `collectors`, a larger `receive_buffer`.";
        SOCKET_CUT_OFF = Counter "weir_socket_cut_off_total" ["socket"] in "streams":
            "Streams that were cut off or turned away: slow, no IPFIX, or too many.", "";
        SOCKET_BUFFER = Gauge "weir_socket_buffer_bytes" ["socket"] in "bytes":
            "Receive buffer that the kernel granted to each socket.",
            "Less than `receive_buffer`: raise net.core.rmem_max.";
        SOCKET_SESSIONS = Gauge "weir_socket_sessions" ["socket"] in "streams": "Streams that are open.", "";
        COLLECTOR_STRANGERS = Counter "weir_collector_strangers_total" [] in "datagrams":
            "Datagrams and connections of exporters that are not in the list, which are not decoded.",
            "Growing: a new router (`exporter`), or somebody forges.";
        EXPORTERS = Gauge "weir_exporters" ["listed"] in "exporters":
            "Exporters that are known: those that settings name one by one (yes), and others (no).", "";
        EXPORTER_DATAGRAMS = Counter "weir_exporter_datagrams_total" ["exporter"] in "datagrams":
            "Datagrams of each exporter that settings name one by one, and of all others together.", "";
        EXPORTER_BYTES = Counter "weir_exporter_bytes_total" ["exporter"] in "bytes": "Bytes in them.", "";
        EXPORTER_RECORDS = Counter "weir_exporter_records_total" ["exporter"] in "records": "Flow records in them.", "";
        EXPORTER_SAMPLES = Counter "weir_exporter_samples_total" ["exporter"] in "packets":
            "Sampled packets in them.", "";
        EXPORTER_LOST = Counter "weir_exporter_lost_units_total" ["exporter"] in "units":
            "What its sequence numbers say was sent and did not come: flows (v5), datagrams (v9, sFlow), records (IPFIX).",
            "Growing while weir_socket_dropped_datagrams_total does not: lost in the network or in the router.";
        EXPORTER_RESTARTS = Counter "weir_exporter_restarts_total" ["exporter"] in "times":
            "How often its numbers began anew.", "";
        EXPORTER_UNTEMPLATED = Counter "weir_exporter_untemplated_data_sets_total" ["exporter"] in "data sets":
            "Data sets that were not read for want of a template.",
            "Growing: have the router send templates more often (each minute), or by packets.";
        EXPORTER_REFUSED = Counter "weir_exporter_refused_total" ["exporter", "reason"] in "datagrams":
            "Datagrams, and parts of them, that were not taken.", "Growing: docs/COLLECTOR.md says what each reason means.";
        EXPORTER_TEMPLATES = Gauge "weir_exporter_templates" ["exporter"] in "templates": "Templates that are known.", "";
        EXPORTER_WAITING = Gauge "weir_exporter_waiting_bytes" ["exporter"] in "bytes":
            "Data that waits for its template.",
            "For minutes above 0: templates do not come (weir_exporter_untemplated_data_sets_total).";
        EXPORTER_SAMPLING = Gauge "weir_exporter_sampled_one_in" ["exporter"] in "packets":
            "It looks at one packet in so many; absent while that is not known.", "";
        EXPORTER_CLOCK_SKEW = Gauge "weir_exporter_clock_skew_seconds" ["exporter"] in "seconds":
            "Its clock less ours; old versions tell whole seconds.",
            "More than 5 either way: set its clock by NTP, or ours.";
        EXPORTER_SILENT = Gauge "weir_exporter_silent_seconds" ["exporter"] in "seconds":
            "Since its last datagram; absent before the first.",
            "Minutes, of a router that carries traffic: it stopped exporting, or a firewall.";
    }
    "Intelligence" {
        INDICATORS = Gauge "weir_indicators" ["kind"] in "indicators":
            "Indicators in the set that counts, without the canary.",
            "0 of all kinds: nothing can be recognised. A sudden fall: a source emptied; `weir intel sources`.";
        INDICATORS_KEPT_OUT = Gauge "weir_indicators_kept_out" ["by"] in "values":
            "Values that are not in the set, by what keeps them out.", "";
        SET_GENERATION = Gauge "weir_indicator_set_generation" [] in "sets":
            "Sets that counted before it in this run.", "";
        SET_MEMORY = Gauge "weir_indicator_set_memory_bytes" [] in "bytes": "Memory of the set.", "";
        SET_MADE = Gauge "weir_indicator_set_made_timestamp_seconds" [] in "seconds since 1970":
            "When what is in the set was gathered; absent without sources.", "";
        SET_BUILD = Gauge "weir_indicator_set_build_seconds" [] in "seconds":
            "How long gathering, screening and compiling it took.", "";
        SOURCE_ENTRIES = Gauge "weir_source_entries" ["source"] in "entries": "What the source says that counts.", "";
        SOURCE_REFUSED = Gauge "weir_source_refused_entries" ["source"] in "entries":
            "What it says that cannot be used.", "";
        SOURCE_SUCCESS = Gauge "weir_source_last_success_timestamp_seconds" ["source"] in "seconds since 1970":
            "When it last delivered; 0 for never.",
            "Longer ago than a day: what it said grows stale; `weir intel sources` says why.";
        SOURCE_HELD = Gauge "weir_source_held" ["source"] in "0 or 1":
            "1 while what it delivered is held back because it looks wrong.",
            "1: `weir intel sources` says why; then `weir intel release NAME` if it is right, or let the source be mended.";
        SOURCE_FAILING = Gauge "weir_source_failing" ["source"] in "0 or 1":
            "1 while it does not deliver.", "1 for hours: `weir intel sources` says why.";
        SOURCE_FETCH = Gauge "weir_source_fetch_seconds" ["source"] in "seconds":
            "How long it took when it was last asked.", "";
        SOURCE_ERRORS = Counter "weir_source_errors_total" ["source"] in "attempts": "Attempts that came to nothing.", "";
    }
    "Findings" {
        HITS = Counter "weir_hits_total" [] in "hits": "Indicators that flows met, canaries included.", "";
        HITS_HELD = Gauge "weir_hits_held" [] in "hits": "Hits in incidents that are open.", "";
        INCIDENTS_OPEN = Gauge "weir_incidents_open" [] in "incidents": "Incidents that are open.", "";
        NOTICES = Counter "weir_notices_total" ["notice"] in "notices":
            "Notices about incidents: opened, raised, repeated, closed.", "";
        MESSAGES = Counter "weir_messages_total" ["became"] in "messages":
            "What became of messages: spooled, muted, folded by storm control, lost before the spool; of_weir: about Weir itself.",
            "folded grows: a storm; the summary that is sent instead says of what. lost grows: the disk of `state`.";
        MESSAGES_HELD = Gauge "weir_messages_held" [] in "messages":
            "Messages that wait for the spool to take them.", "Above 0 for minutes: the disk of `state` is full or read-only.";
        MUTES = Gauge "weir_mutes_active" [] in "mutes": "Mutes in force (`weir mute list`).", "";
        CANARY_AGE = Gauge "weir_canary_age_seconds" ["thread"] in "seconds":
            "Since the last canary of each thread came through to the desk.", "";
        CANARY_LATE = Gauge "weir_canary_late" ["thread"] in "0 or 1":
            "1 when a thread's canary should long have come through.",
            "1: what this thread sees may not be compared or told of. `weir status`, the journal, then restart it.";
    }
    "Latency" {
        ALERT_LATENCY = Histogram "weir_alert_latency_seconds" [] in "seconds":
            "From the packet (or the router's datagram) that caused an alert until its message is durable.",
            "Above a few seconds: the disk of `state` is slow, or a storm.";
        ALERT_LATENCY_QUANTILES = Summary "weir_alert_latency_quantiles_seconds" [] in "seconds":
            "The same, as quantiles since the start (quantile 1 is the longest).", "";
        STAGE_LATENCY = Histogram "weir_stage_batch_seconds" ["stage"] in "seconds":
            "Time of each batch in each stage; its sum is the time the stage worked.", "";
        STAGE_LATENCY_QUANTILES = Summary "weir_stage_batch_quantiles_seconds" ["stage"] in "seconds":
            "The same, as quantiles since the start.", "";
        SINK_LATENCY = Histogram "weir_sink_latency_seconds" ["sink"] in "seconds":
            "From the spool to the receiver, of messages delivered in this run.", "";
        SINK_LATENCY_QUANTILES = Summary "weir_sink_latency_quantiles_seconds" ["sink"] in "seconds":
            "The same, as quantiles since the start.", "";
    }
    "Sinks and the spool" {
        SINK_MESSAGES = Counter "weir_sink_messages_total" ["sink", "became"] in "messages":
            "What became of messages for a sink, since it was first configured.",
            "expired grows: they were lost, because the sink was away too long. refused grows: the receiver does not want them.";
        SINK_WAITING = Gauge "weir_sink_waiting_messages" ["sink"] in "messages": "Messages that wait for the sink.", "";
        SINK_OLDEST = Gauge "weir_sink_oldest_waiting_seconds" ["sink"] in "seconds":
            "How long the oldest of them has waited.", "Growing: the receiver is away or too slow.";
        SINK_FAILING = Gauge "weir_sink_failing" ["sink"] in "0 or 1":
            "1 while the sink does not take messages.", "1 for minutes: `weir status` says why; they wait in the spool meanwhile.";
        SINK_BREAKDOWNS = Counter "weir_sink_breakdowns_total" ["sink"] in "times":
            "How often the sink broke down, and was opened again.", "";
        SINK_FREIGHT = Counter "weir_sink_freight_total" ["sink", "kind", "became"] in "lines":
            "What became of flows, names and ledgers for a sink.", "lost grows: the sink is too slow for them.";
        SINK_FREIGHT_WAITING = Gauge "weir_sink_freight_waiting" ["sink", "kind"] in "lines":
            "Flows, names and ledgers that wait for it.", "";
        SPOOL_BYTES = Gauge "weir_spool_bytes" [] in "bytes": "Bytes in use in the spool.", "";
        SPOOL_LIMIT = Gauge "weir_spool_limit_bytes" [] in "bytes":
            "Bytes that may be.", "weir_spool_bytes comes near it: a sink is away, and soon the oldest messages are lost.";
        SPOOL_MESSAGES = Gauge "weir_spool_messages" [] in "messages": "Messages in the spool.", "";
        SPOOL_OLDEST = Gauge "weir_spool_oldest_seconds" [] in "seconds":
            "Age of the oldest of them; 0 when it is empty.", "Growing: some sink does not take them (weir_sink_failing).";
        SPOOL_APPENDED = Counter "weir_spool_appended_total" [] in "messages":
            "Messages that were ever appended to the spool.", "";
        SPOOL_EXPIRED = Counter "weir_spool_expired_total" [] in "messages":
            "Messages that fell off the end before all sinks had them.", "Growing: messages are lost.";
        STATE_FREE = Gauge "weir_state_free_bytes" [] in "bytes":
            "Free on the file system of the state directory; absent without one.",
            "Little: make room, or what is told waits in memory.";
        STATE_SIZE = Gauge "weir_state_size_bytes" [] in "bytes": "Size of that file system.", "";
    }
    "Settings" {
        RELOADS = Counter "weir_config_reloads_total" ["outcome"] in "times":
            "How often the configuration was read again while running, by outcome.", "";
        RELOAD_OK = Gauge "weir_config_last_reload_successful" [] in "0 or 1":
            "1 unless the configuration that was read last was refused; then the one before it counts.",
            "0: `weir status` says what is wrong with the file; `weir config check` tries it.";
        RELOAD_TIME = Gauge "weir_config_last_reload_timestamp_seconds" [] in "seconds since 1970":
            "When the configuration was last read again; absent before.", "";
        RELOAD_WAITING = Gauge "weir_config_changes_waiting" [] in "settings":
            "Settings that differ from the file and only count after a restart.", "Above 0: restart when it suits.";
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::OPEN_LABELS;
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> impl Iterator<Item = &'static Metric> {
        SECTIONS.iter().flat_map(|section| section.metrics.iter().copied())
    }

    /// <https://prometheus.io/docs/practices/naming/>
    #[test]
    fn names_and_units_keep_the_rules() {
        let mut names = BTreeSet::new();
        for metric in all() {
            let Metric { name, kind, unit, .. } = metric;
            assert!(names.insert(name), "{name} twice");
            assert!(name.starts_with("weir_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let stem = name.trim_end_matches("_total");
            for base in ["seconds", "bytes"] {
                assert_eq!(stem.ends_with(base), unit.split(' ').next() == Some(base), "{name} in {unit}");
            }
            let is_time = matches!(kind, Kind::Histogram | Kind::Summary);
            assert!(!is_time || stem.ends_with("_seconds"), "{name}");
            assert_eq!(
                stem.ends_with("_timestamp_seconds") || stem.ends_with("start_time_seconds"),
                *unit == "seconds since 1970",
                "{name}"
            );
            assert!(!metric.help.is_empty() && metric.help.ends_with('.'), "{name}: {}", metric.help);
        }
    }

    #[test]
    fn labels_are_bounded_or_from_tables() {
        let from_tables = [
            "version", "build", "side", "entry", "stage", "event", "by", "table", "answers", "queue",
            "listed", "reason", "kind", "notice", "became", "outcome", "part",
        ];
        for metric in all() {
            for label in metric.labels {
                let is_open = OPEN_LABELS.iter().any(|(open, _)| open == label);
                assert!(is_open != from_tables.contains(label), "{}: {label}", metric.name);
            }
        }
    }
}
