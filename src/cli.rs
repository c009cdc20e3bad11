//! The command line. Every flag of `weir read` and `weir run` has a key of the same name (with `_` for `-`) in the
//! configuration file.

mod clock;
mod collector;
mod config;
mod doctor;
mod guard;
mod helper;
mod intel;
mod manual;
mod mute;
mod rehearse;
mod reload;
mod sink;
mod state;

pub(crate) use clock::TellClockArguments;
pub(crate) use collector::CollectorArguments;
pub(crate) use config::{CheckArguments, ConfigArguments, ConfigCommand, DumpArguments};
pub(crate) use doctor::DoctorArguments;
pub(crate) use guard::GuardArguments;
pub(crate) use helper::CaptureHelperArguments;
pub(crate) use intel::{
    DiffArguments, ExplainArguments, HoldingArguments, IntelArguments, IntelCommand, ListArguments,
    ReleaseArguments, SourcesArguments, StatsArguments, SyncArguments, TestArguments,
};
pub(crate) use manual::{CompletionsArguments, ManualArguments};
pub(crate) use mute::{MuteArguments, MuteCommand, MutePlaceArguments, UnmuteArguments};
pub(crate) use rehearse::RehearseArguments;
pub(crate) use reload::ReloadArguments;
pub(crate) use sink::{SinkArguments, SinkCommand, SinkHolding, SinkListArguments, SinkTestArguments};

pub(crate) use state::{StateArguments, StateCommand, StatePlaceArguments};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Weir turns packets into flows and names, and says which of them meet something known to be bad.
#[derive(Debug, Parser)]
#[command(name = "weir", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What Weir can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read captures; print alerts as JSON lines on stdout and a summary on stderr.
    Read(Box<ReadArguments>),
    /// Watch network interfaces, and records that routers export; print alerts as JSON lines on stdout as they come.
    Run(Box<RunArguments>),
    /// Ask a running `weir run` how it is: packets, drops, flows, alerts, losses, latency.
    Status(StatusArguments),
    /// Look whether this machine can do what its settings ask of it: cards, rights, memory, clock, disk, sources and sinks
    Doctor(Box<DoctorArguments>),
    /// Have a running `weir run` read its configuration again, and say what of it counts at once.
    Reload(ReloadArguments),
    /// Show what would ring, and ring nobody: on captures, or on interfaces and routers for a while.
    Rehearse(Box<RehearseArguments>),
    /// The configuration: check a file, show what would be used, explain keys.
    Config(ConfigArguments),
    /// Threat intelligence: sync sources, list what is loaded, see what changed, test values and captures against it.
    Intel(IntelArguments),
    /// Sinks, where alerts go: list them, send a test alert to one.
    Sink(SinkArguments),
    /// Say all that is known of a value: is it loaded, from where, until when, what holds it down, what it raised.
    Explain(ExplainArguments),
    /// Silence alerts of a value for a while, with a reason; `weir mute list` says what is silent and how often
    Mute(MuteArguments),
    /// Let a value ring again
    Unmute(UnmuteArguments),
    /// What Weir remembers between runs: show it, check it, back it up, restore it
    State(StateArguments),
    /// Print what a shell wants to know to complete command lines: bash, zsh, fish, elvish or powershell
    Completions(CompletionsArguments),
    /// Open interfaces for the `weir run` that started this.
    #[command(hide = true)]
    CaptureHelper(CaptureHelperArguments),
    /// Write down how right the clock is, again and again, for services that may not ask.
    #[command(hide = true)]
    TellClock(TellClockArguments),
    /// Confine itself as `weir run` does with the same settings, and try what must not be possible.
    #[command(hide = true)]
    TrySandbox(Box<RunArguments>),
    /// Write a manual page for each command.
    #[command(hide = true)]
    Manual(ManualArguments),
}

/// Arguments of `weir read`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 nothing found, 1 alerts raised, 2 usage or configuration, 3 input unreadable or truncated
(what was readable is still processed and reported).

Examples:
  weir read capture.pcap --indicators bad.txt --home-net 192.0.2.0/24
  weir read *.pcap.gz --indicators lists/ --flows flows.jsonl --names names.jsonl
  zstdcat day.pcapng.zst | weir read - --indicators bad.csv --bpf 'not port 22'
  weir read export.pcap --netflow-port 2055 --sflow-port 6343 --indicators bad.txt --flows flows.jsonl")]
pub(crate) struct ReadArguments {
    /// Capture files or folders of them; `-` is standard input. pcap or pcapng, plain, gzip or zstd
    #[arg(required_unless_present = "datagrams", value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// What both commands take.
    #[command(flatten)]
    pub common: CommonArguments,

    /// Routers' records in the capture.
    #[command(flatten)]
    pub exported: ExportedArguments,

    /// Write the counters of the run in Prometheus text format (for node_exporter's textfile collector)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub metrics: Option<PathBuf>,
}

/// Flow records that routers exported, as `weir read` finds them.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ExportedArguments {
    /// Decode NetFlow that was sent to this UDP port (often 2055 or 9995; may be given several times)
    #[arg(long, value_name = "PORT", help_heading = "Routers' records", value_parser = clap::value_parser!(u16).range(1..))]
    pub netflow_port: Vec<u16>,

    /// The same for IPFIX (4739). Every version is recognised on each of these ports
    #[arg(long, value_name = "PORT", help_heading = "Routers' records", value_parser = clap::value_parser!(u16).range(1..))]
    pub ipfix_port: Vec<u16>,

    /// The same for sFlow (6343)
    #[arg(long, value_name = "PORT", help_heading = "Routers' records", value_parser = clap::value_parser!(u16).range(1..))]
    pub sflow_port: Vec<u16>,

    /// Decode the files of this folder, each one datagram, in the order of their names. One folder is one exporter, whose address
    /// is the folder's name if that is one (may be given several times)
    #[arg(long, value_name = "DIR", help_heading = "Routers' records")]
    pub datagrams: Vec<PathBuf>,
}

/// Arguments of `weir run`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 ended by a signal, no alert; 1 ended by a signal, alerts raised; 2 usage, configuration or rights;
3 ended because an output could not be written.
Capturing needs rights: run as root, or once: setcap cap_net_raw=eip /path/to/weir
Without --config, and without an interface or an address to listen at, /etc/weir/weir.toml is read if it is there.
docs/TAP.md says how to set up a tap or a mirror port, docs/COLLECTOR.md how to listen to routers, and both what the lines
of the ledger mean.

Examples:
  weir run --interface eth1 --indicators lists/ --home-net 192.0.2.0/24
  weir run --interface eth1 --interface eth2 --workers 4 --pin --indicators bad.txt --alerts alerts.jsonl
  weir run --netflow 0.0.0.0:2055 --ipfix 0.0.0.0:4739 --sflow 0.0.0.0:6343 --exporter 192.0.2.1 --indicators lists/
  weir status")]
pub(crate) struct RunArguments {
    /// An interface to watch; give it twice for a tap whose two directions arrive on two interfaces
    #[arg(long, value_name = "NAME", help_heading = "What is read")]
    pub interface: Vec<String>,

    /// What is heard of routers.
    #[command(flatten)]
    pub collector: CollectorArguments,

    /// What both commands take.
    #[command(flatten)]
    pub common: CommonArguments,

    /// Bytes kept of each packet; less saves memory and loses names [default: 65535]
    #[arg(long, value_name = "BYTES", help_heading = "What is read")]
    pub snaplen: Option<u32>,

    /// Memory of the kernel for packets that wait, per interface and worker [default: 64MiB]
    #[arg(long, value_name = "BYTES", help_heading = "What is read")]
    pub ring_size: Option<String>,

    /// Only packets that are for this host (by default all that the interface sees)
    #[arg(long, help_heading = "What is read")]
    pub no_promiscuous: bool,

    /// Keep each worker on a core of its own
    #[arg(long, help_heading = "What is read")]
    pub pin: bool,

    /// Where /metrics is served, `off` for nowhere [default: 127.0.0.1:9347]
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Control")]
    pub listen: Option<String>,

    /// Who may ask there.
    #[command(flatten)]
    pub guard: GuardArguments,

    /// The socket that `weir status` asks [default: /run/weir/control.sock, else $XDG_RUNTIME_DIR/weir/control.sock]
    #[arg(long, value_name = "PATH", help_heading = "Control")]
    pub control: Option<PathBuf>,

    /// At the end, sinks may take this long for what still waits for them; then it waits for the next start [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub drain: Option<String>,

    /// How often each thread sends itself a canary, `off` for never [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Control")]
    pub canary: Option<String>,

    /// Whether the running program gives up its rights once its ports are open: `auto` where a service manager started it, `on`, `off`
    /// (docs/SANDBOX.md) [default: auto]
    #[arg(long, value_name = "MODE", help_heading = "Control")]
    pub sandbox: Option<String>,
}

/// Arguments of `weir status`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
First what is wrong and what to do about it, then what happens in a second (from two looks), then all that was counted.
Exit codes: 0 all is well, 1 something is wrong (an interface is away, packets or lines were lost, a sink or a source
fails, the disk is full, or the ledger does not balance), 2 nobody answers.

Examples:
  weir status
  weir status --watch
  weir status --json | jq .latency
  weir status --control /tmp/second.sock")]
pub(crate) struct StatusArguments {
    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// For programs: everything, as one JSON object
    #[arg(long)]
    pub json: bool,

    /// Look again every few seconds, until Ctrl-C; a program that is restarted meanwhile is waited for
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub watch: Option<u64>,
}

/// What `weir read` and `weir run` both take.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CommonArguments {
    /// Indicators: lists, tables, MISP, STIX, RPZ and more, or a folder of them (may be given several times). The format is recognised, or
    /// named: rpz:PATH, csv,value=3:PATH (docs/INDICATORS.md)
    #[arg(short, long, value_name = "PATH", help_heading = "What is bad")]
    pub indicators: Vec<PathBuf>,

    /// Take indicators as they stand: also public resolvers, public suffixes, private addresses, and your own
    #[arg(long, help_heading = "What is bad")]
    pub no_screening: bool,

    /// Networks that are inside; private ranges when not given (may be given several times, or separated by commas)
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Your network")]
    pub home_net: Vec<String>,

    /// What a host is for: resolver, mail, proxy, nat, scanner, honeypot or tor (`resolver=10.0.0.53`)
    #[arg(long, value_name = "ROLE=CIDR", help_heading = "Your network")]
    pub role: Vec<String>,

    /// Networks that are left out altogether: what has an end there is counted, and nothing is told or kept of it (may be given several
    /// times, or separated by commas; docs/PRIVACY.md)
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Your network")]
    pub leave_out: Vec<String>,

    /// Tell of HTTP requests also what is otherwise dropped: url_query, userinfo, user_agent (may be given several times, or separated
    /// by commas). Indicators are compared with all of it in any case
    #[arg(long, value_name = "WHAT", value_delimiter = ',', help_heading = "Output")]
    pub tell_also: Vec<String>,

    /// Where alerts go; `-` is standard output. Not used by `weir run` where the configuration has sinks (docs/ALERTING.md)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub alerts: Option<PathBuf>,

    /// Alerts are told without what sources marked above this: clear, green, amber, amber+strict or red. What is not marked counts as
    /// amber [default: red]
    #[arg(long, value_name = "TLP", help_heading = "Output")]
    pub alerts_tlp: Option<String>,

    /// Write a JSON line for every flow
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub flows: Option<PathBuf>,

    /// Write a JSON line for every DNS message, TLS or QUIC handshake, HTTP request and certificate
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub names: Option<PathBuf>,

    /// In what form alerts, flows and names are written: ecs, ocsf, eve (Suricata's) or pdnssoc (alerts only) [default: ecs]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<String>,

    /// No progress, no summary; only errors are said
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Only packets that match this filter (pcap-filter(7))
    #[arg(long, value_name = "EXPRESSION", help_heading = "What is read")]
    pub bpf: Option<String>,

    /// Threads that decode and match, each with an equal share of the flow memory and of other caps; the results are the same
    /// [default: one for each core, at most 8; for a tap 1]
    #[arg(short, long, value_name = "N", help_heading = "What is read")]
    pub workers: Option<usize>,

    /// A TCP flow ends after this long without a packet [default: 5m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub tcp_idle_timeout: Option<String>,

    /// Any other flow ends after this long without a packet [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub idle_timeout: Option<String>,

    /// A flow that lasts longer is reported in parts of this length [default: 30m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub active_timeout: Option<String>,

    /// Memory for open flows; when it is full, flows that never got an answer go first [default: 1GiB]
    #[arg(long, value_name = "BYTES", help_heading = "Flows")]
    pub flow_memory: Option<String>,

    /// Read settings from this file; flags win over it
    #[arg(short, long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,

    /// Remember incidents here between runs, to link the next with the same indicator and host; one process at a time
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    pub state: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
