//! The capture helper: a small process beside `weir run` that keeps the right to capture (CAP_NET_RAW), so that the
//! process which reads what strangers send can live without it, and still take up an interface again that was away.
//!
//! ```text
//!   weir run ──place of an interface──> weir capture-helper
//!            <──rings, descriptors─────  only interfaces of its command line, one capability, few system calls, no files
//! ```
//!
//! It is this same program, started before anything else is, and ends with the one that started it.

mod confine;

use crate::Outcome;
use crate::cli::CaptureHelperArguments;
use anyhow::{Context as _, Result};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use weir_capture::live::{self, Asked, InProcess, Opener, TapOptions};

/// The name of the command, which no page shows.
const COMMAND: &str = "capture-helper";

/// A helper that runs. It ends when nobody opens interfaces by it any more, at the latest with this process.
#[derive(Debug)]
pub(crate) struct Helper(Arc<Asked>);

impl Helper {
    /// Starts one for these interfaces: by a thread that lives as long as the process, and while the process has what
    /// the helper shall keep.
    pub(crate) fn start(options: &TapOptions) -> Result<Self> {
        Self::run(options).context("cannot start the capture helper")
    }

    fn run(options: &TapOptions) -> io::Result<Self> {
        let (here, there) = live::pair()?;
        let opener = Arc::new(Asked::new(here, options)?);
        Command::new("/proc/self/exe")
            .arg0("weir")
            .arg(COMMAND)
            .args(arguments(options))
            .stdin(Stdio::from(there))
            .stdout(Stdio::null())
            // What a terminal sends its processes is for the one that people started.
            .process_group(0)
            .spawn()?;
        Ok(Self(opener))
    }

    /// Who opens interfaces.
    pub(crate) fn opener(&self) -> Arc<dyn Opener> {
        Arc::<Asked>::clone(&self.0)
    }
}

/// The options as flags of [`CaptureHelperArguments`].
fn arguments(options: &TapOptions) -> Vec<String> {
    let mut arguments = vec![
        format!("--workers={}", options.workers),
        format!("--ring-bytes={}", options.ring_bytes),
        format!("--snaplen={}", options.snap_len),
    ];
    arguments.extend(options.interfaces.iter().map(|name| format!("--interface={name}")));
    arguments.extend(options.filter.iter().map(|filter| format!("--bpf={filter}")));
    arguments.extend((!options.promiscuous).then(|| "--no-promiscuous".to_owned()));
    arguments
}

/// Runs the command: opens what is asked for on standard input, which is one end of a pair of sockets.
pub(crate) fn serve(arguments: &CaptureHelperArguments) -> Result<Outcome> {
    let options = TapOptions {
        workers: arguments.workers,
        filter: arguments.bpf.clone(),
        ring_bytes: arguments.ring_bytes,
        snap_len: arguments.snaplen,
        promiscuous: !arguments.no_promiscuous,
        ..TapOptions::new(arguments.interface.clone())
    };
    let socket: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let interfaces = options.interfaces.len();
    let opener = InProcess::new(options);
    opener.prepare();
    confine::enter()?;
    live::serve(&socket, &opener, interfaces)
        .context("the capture helper is for `weir run` to start, which asks it over a socket")?;
    Ok(Outcome::Clean)
}
