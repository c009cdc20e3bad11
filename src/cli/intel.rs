//! The flags of `weir intel` and `weir explain`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `weir intel`.
#[derive(Args, Debug)]
#[command(after_help = "\
The sources stand in the configuration file, in a table [source.NAME] each; what they said is kept in the state directory
(docs/INTELLIGENCE.md). With --indicators, all of this works on files as well, without any configuration.

Examples:
  weir intel test evil.example 192.0.2.1 --indicators lists/
  weir intel sync --config /etc/weir/weir.toml
  weir intel list --refused --source misp
  weir intel diff --since 24h
  weir explain 8.8.8.8")]
pub(crate) struct IntelArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: IntelCommand,
}

/// What can be done with intelligence.
#[derive(Debug, Subcommand)]
pub(crate) enum IntelCommand {
    /// Ask sources, all or some, for what is new; a running `weir run` does it, where there is one
    Sync(SyncArguments),
    /// How each source is: last success, entries, errors, what is held back
    Sources(SourcesArguments),
    /// What is loaded, with its source, since when and until when; or what was refused, expired, held down by warninglists
    List(ListArguments),
    /// How much there is: by kind, source, TLP, reason of refusal, warninglist
    Stats(StatsArguments),
    /// What was added, changed, removed
    Diff(DiffArguments),
    /// What would match: takes values, or a capture, through the set
    Test(TestArguments),
    /// Let the next delivery of a source through that is held back because it looks wrong
    Release(ReleaseArguments),
}

/// Where the intelligence is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HoldingArguments {
    /// Read settings (sources, screening, state) from this file
    #[arg(short, long, value_name = "FILE", help_heading = "Where it is")]
    pub config: Option<PathBuf>,

    /// The state directory, in which the library of intelligence is
    #[arg(long, value_name = "DIR", help_heading = "Where it is")]
    pub state: Option<PathBuf>,

    /// Work on these files alone, as `weir read --indicators` takes them (may be given several times)
    #[arg(short, long, value_name = "PATH", help_heading = "Where it is")]
    pub indicators: Vec<PathBuf>,

    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH", help_heading = "Where it is")]
    pub control: Option<PathBuf>,

    /// Networks that are inside: indicators in them are not used, they say that you are listed
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Where it is")]
    pub home_net: Vec<String>,

    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `weir intel sync`.
#[derive(Args, Debug, Default)]
#[command(
    after_help = "Exit codes: 0 all went well, 1 a source failed or is held back, 2 usage or configuration."
)]
pub(crate) struct SyncArguments {
    /// Sources, by their names; all that are enabled when none is given
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,

    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `weir intel sources`.
#[derive(Args, Debug, Default)]
#[command(
    after_help = "Exit codes: 0 all sources are well, 1 one fails, is held back or never came, 2 usage or configuration."
)]
pub(crate) struct SourcesArguments {
    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir intel list`.
#[derive(Args, Debug, Default)]
pub(crate) struct ListArguments {
    /// Only what this source says
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,

    /// Only this kind: address, network, domain, host, url ...
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,

    /// What was refused, with place and reason
    #[arg(long, conflicts_with_all = ["expired", "suppressed"])]
    pub refused: bool,

    /// What does not count any more, or not yet
    #[arg(long, conflicts_with = "suppressed")]
    pub expired: bool,

    /// What warninglists, public suffixes or your own network keep out
    #[arg(long)]
    pub suppressed: bool,

    /// Lines at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir intel stats`.
#[derive(Args, Debug, Default)]
pub(crate) struct StatsArguments {
    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir intel diff`.
#[derive(Args, Debug, Default)]
pub(crate) struct DiffArguments {
    /// How far back
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub since: String,

    /// Only what this source says
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,

    /// Lines at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir intel test`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 nothing matches, 1 something matches, 2 usage or configuration, 3 a capture that cannot be read to its end.")]
pub(crate) struct TestArguments {
    /// Addresses, address:port, names, URLs, JA3, JA4, fingerprints of certificates; or capture files
    #[arg(required = true, value_name = "VALUE|CAPTURE")]
    pub values: Vec<String>,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir intel release`.
#[derive(Args, Debug, Default)]
pub(crate) struct ReleaseArguments {
    /// The source that is held back
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// Why, for the audit journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}

/// Arguments of `weir explain`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 it rings nothing, 1 it is loaded and rings, 2 usage or configuration.

Examples:
  weir explain 8.8.8.8
  weir explain hxxps://evil[.]example/gate.php --indicators lists/
  weir explain evil.example --json")]
pub(crate) struct ExplainArguments {
    /// An address, name, URL, fingerprint: as indicators are written, defanged or not
    #[arg(value_name = "VALUE")]
    pub value: String,

    /// Where it is.
    #[command(flatten)]
    pub holding: HoldingArguments,
}
