//! The flags of `weir sink`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `weir sink`.
#[derive(Args, Debug)]
#[command(after_help = "\
Sinks stand in the configuration file, in a table [sink.NAME] each (docs/ALERTING.md).

Examples:
  weir sink list --config /etc/weir/weir.toml
  weir sink test soc --config /etc/weir/weir.toml")]
pub(crate) struct SinkArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: SinkCommand,
}

/// What can be done with sinks.
#[derive(Debug, Subcommand)]
pub(crate) enum SinkCommand {
    /// Which sinks there are, what each gets, and how a running `weir run` gets on with them
    List(SinkListArguments),
    /// Send a harmless test alert, marked as such and TLP:CLEAR, straight to a sink, and say what happened
    Test(SinkTestArguments),
}

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SinkHolding {
    /// The configuration file [default: that of the running `weir run`]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `weir sink list`.
#[derive(Args, Debug, Default)]
#[command(
    after_help = "Exit codes: 0 all sinks are well, 1 one fails or lost messages, 2 usage or configuration."
)]
pub(crate) struct SinkListArguments {
    /// Where it is.
    #[command(flatten)]
    pub holding: SinkHolding,
}

/// Arguments of `weir sink test`.
#[derive(Args, Debug, Default)]
#[command(after_help = "Exit codes: 0 the receiver took it, 1 it did not, 2 usage or configuration.")]
pub(crate) struct SinkTestArguments {
    /// The sink
    #[arg(value_name = "SINK")]
    pub sink: String,

    /// Where it is.
    #[command(flatten)]
    pub holding: SinkHolding,
}
