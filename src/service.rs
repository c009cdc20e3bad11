//! A running `weir run`, asked through its control socket: plain HTTP, one request a connection.

use crate::output::complain;
use crate::run::usual_places;
use anyhow::{Context as _, Result, anyhow, bail};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program that is alive answers at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// Far more than an answer has; whoever else listens there cannot fill the memory.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// Where a running program answers.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    path: PathBuf,
}

impl Service {
    /// The first place at which one answers; the error says where it was looked for.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        let places = named.map_or_else(usual_places, |path| vec![path.to_owned()]);
        let mut tried = Vec::new();
        for path in &places {
            match UnixStream::connect(path) {
                Ok(_) => return Ok(Self { path: path.clone() }),
                Err(error) => tried.push(format!("{}: {error}", path.display())),
            }
        }
        complain_of_rights(&places);
        bail!("no `weir run` answers ({}); say --control PATH if it was given one", tried.join("; "))
    }

    /// The same, for who can be told otherwise where to look: that stands behind what is wrong.
    pub(crate) fn find_or(named: Option<&Path>, advice: &str) -> Result<Self> {
        Self::find(named).map_err(|error| anyhow!("{error:#}, or {advice}"))
    }

    /// The page at a path, with what stands behind its question mark.
    pub(crate) fn get(&self, target: &str) -> Result<String> {
        self.ask("GET", target)
    }

    /// Orders something.
    pub(crate) fn post(&self, target: &str) -> Result<String> {
        self.ask("POST", target)
    }

    fn ask(&self, method: &str, target: &str) -> Result<String> {
        let asked = UnixStream::connect(&self.path).map_err(Into::into);
        let answered = asked.and_then(|stream| exchange(stream, method, target));
        let answer = answered.with_context(|| format!("no answer at {}", self.path.display()))?;
        let Some((head, body)) =
            answer.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.1 "))
        else {
            bail!("what answers at {} is no weir", self.path.display());
        };
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{}", body.trim_end());
        }
        Ok(body.to_owned())
    }
}

fn exchange(mut stream: UnixStream, method: &str, target: &str) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: weir\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

fn complain_of_rights(places: &[PathBuf]) {
    let is_closed = |path: &&PathBuf| {
        path.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    if let Some(path) = places.iter().find(is_closed) {
        complain(&format!("{} may be there, but this user must not look (try sudo)", path.display()));
    }
}
