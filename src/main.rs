//! Weir: turns packets into flows and names, and says which of them meet something known to be bad.
//!
//! The program joins the stages; what each of them does is in its own crate. Start with [`read`], the command that
//! reads captures: it is a table of contents of the way of the data.

mod alerts;
mod audit;
mod canary;
mod cli;
mod collect;
mod config;
mod doctor;
mod errand;
mod explain;
mod helper;
mod intel;
mod journal;
mod latency;
mod ledger;
mod manual;
mod memory;
mod metrics;
mod mute;
mod output;
mod percent;
mod pipeline;
mod process;
mod progress;
mod read;
mod rehearse;
mod report;
mod run;
mod sandbox;
mod service;
mod sinks;
mod state;
mod status;
mod storm;
mod summary;
mod supervisor;
mod table;
mod talkers;
mod timekeeper;
mod user;

use clap::Parser as _;
use std::process::ExitCode;

/// How a run ended, as its exit code says (`docs/CLI.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was read, nothing bad was met.
    Clean = 0,
    /// Everything was read, and alerts were raised.
    Alerts = 1,
    /// A command, a configuration or an output that cannot be.
    Usage = 2,
    /// Some input could not be read, or not to its end; what could be read was processed.
    Incomplete = 3,
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    journal::begin();
    let outcome = match cli.command {
        cli::Command::Read(arguments) => read::run(&arguments),
        cli::Command::Run(arguments) => run::run(&arguments),
        cli::Command::Status(arguments) => status::run(&arguments),
        cli::Command::Doctor(arguments) => doctor::run(&arguments),
        cli::Command::Reload(arguments) => run::reload(&arguments),
        cli::Command::Rehearse(arguments) => rehearse::run(&arguments),
        cli::Command::Config(arguments) => config::run(&arguments),
        cli::Command::Intel(arguments) => intel::run(&arguments),
        cli::Command::Sink(arguments) => sinks::run(&arguments),
        cli::Command::Explain(arguments) => explain::run(&arguments),
        cli::Command::Mute(arguments) => mute::mute(&arguments),
        cli::Command::Unmute(arguments) => mute::unmute(&arguments),
        cli::Command::State(arguments) => state::run(&arguments),
        cli::Command::Completions(arguments) => manual::completions(&arguments),
        cli::Command::CaptureHelper(arguments) => helper::serve(&arguments),
        cli::Command::TellClock(arguments) => timekeeper::run(&arguments),
        cli::Command::TrySandbox(arguments) => sandbox::run(&arguments),
        cli::Command::Manual(arguments) => manual::manual(&arguments),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        output::give_up(&format!("{error:#}"));
        Outcome::Usage
    }) as u8)
}
