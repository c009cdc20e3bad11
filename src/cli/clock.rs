//! The command line of `weir tell-clock`, which only its unit gives.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `weir tell-clock`.
#[derive(Args, Debug)]
pub(crate) struct TellClockArguments {
    /// Where to write it; its folder is there
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
