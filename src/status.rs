//! `weir status`: asks a running `weir run` how it is.

mod collector;
mod snapshot;
mod table;

pub(crate) use snapshot::{
    CollectorStatus, CollectorThreadStatus, Count, ExporterRow, InterfaceStatus, SocketStatus, StageStatus,
    Status, VERSION, WorkerStatus,
};

use crate::Outcome;
use crate::cli::StatusArguments;
use crate::output::{self, complain};
use crate::run::usual_places;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program that is alive answers at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// Far more than an answer has; whoever else listens there cannot fill the memory.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// Runs the command.
pub(crate) fn run(arguments: &StatusArguments) -> Result<Outcome> {
    let answer = ask(arguments.control.as_deref())?;
    let status = parse(&answer)?;
    let text = if arguments.json { format!("{}\n", answer.trim_end()) } else { table::render(&status) };
    let mut out = output::open(Path::new("-"))?;
    // Whoever closed standard output does not want to know.
    drop(out.write_all(text.as_bytes()));
    Ok(if status.is_well() { Outcome::Clean } else { Outcome::Alerts })
}

/// The body of `/status` from the first socket that answers.
fn ask(named: Option<&Path>) -> Result<String> {
    let places = named.map_or_else(usual_places, |path| vec![path.to_owned()]);
    let mut tried = Vec::new();
    for path in &places {
        match UnixStream::connect(path) {
            Ok(stream) => return get(stream).with_context(|| format!("no answer at {}", path.display())),
            Err(error) => tried.push(format!("{}: {error}", path.display())),
        }
    }
    complain_of_rights(&places);
    bail!("no `weir run` answers ({}); say --control PATH if it was given one", tried.join("; "))
}

fn complain_of_rights(places: &[PathBuf]) {
    let is_closed = |path: &&PathBuf| {
        path.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    if let Some(path) = places.iter().find(is_closed) {
        complain(&format!("{} may be there, but this user must not look (try sudo)", path.display()));
    }
}

fn get(mut stream: UnixStream) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /status HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("what answers is no weir");
    };
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("it says {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

fn parse(answer: &str) -> Result<Status> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_str(answer).context("what answers is no weir")?;
    if head.version != VERSION {
        bail!("it answers in version {}, and this weir knows version {VERSION} only", head.version);
    }
    serde_json::from_str(answer).context("its answer is damaged")
}
