//! `weir try-sandbox`: confines itself as `weir run` does with the same settings, and tries what must not be possible any more. What it
//! finds is true of a running Weir, because both confine themselves by the same call with the same places.

use super::{Access, Sandbox, enter};
use crate::Outcome;
use crate::cli::RunArguments;
use crate::config::Settings;
use crate::output;
use crate::run::usual_places;
use anyhow::Result;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that is tried.
struct Attempt {
    what: String,
    /// Whether a confined Weir must be able to do it.
    must_work: bool,
    came: Result<()>,
}

/// Runs the command.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome> {
    let settings = Settings::for_run(arguments)?;
    let control =
        settings.tap.control.clone().or_else(|| usual_places().into_iter().next()).unwrap_or_default();
    let state = settings.common.state.clone();
    if let Some(state) = &state {
        crate::state::make_directory(state)?;
    }
    let mode = if settings.sandbox == Sandbox::Off { Sandbox::Off } else { Sandbox::On };
    let confinement = enter(mode, Access::of(&settings, &control))?;
    let mut said = String::new();
    for part in confinement.parts() {
        let _ = writeln!(said, "{}: {}", part.name, part.text);
    }
    let attempts = attempts(state.as_deref());
    for attempt in &attempts {
        said.push_str(&attempt.line());
    }
    output::open(Path::new("-"))?.write_all(said.as_bytes())?;
    Ok(if attempts.iter().all(Attempt::is_right) { Outcome::Clean } else { Outcome::Alerts })
}

impl Attempt {
    fn is_right(&self) -> bool {
        self.came.is_ok() == self.must_work
    }

    fn line(&self) -> String {
        let wrong = if self.is_right() { "" } else { "  <-- WRONG" };
        match &self.came {
            Ok(()) => format!("can:    {}{wrong}\n", self.what),
            Err(error) => format!("cannot: {} ({error:#}){wrong}\n", self.what),
        }
    }
}

fn attempts(state: Option<&Path>) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut try_to = |must_work, what: &str, came: Result<()>| {
        attempts.push(Attempt { what: what.to_owned(), must_work, came });
    };
    if let Some(state) = state {
        try_to(true, "write in the state directory", write(&state.join("try-sandbox")));
    }
    try_to(true, "read /etc/hosts", File::open("/etc/hosts").map(drop).map_err(Into::into));
    try_to(true, "make a UDP socket", open(AddressFamily::INET, SocketType::DGRAM, None));
    for place in ["/", "/etc", "/tmp", "/var/tmp", "/root", "/usr/bin", "/dev/shm"] {
        let file = PathBuf::from(place).join("try-sandbox");
        try_to(false, &format!("write in {place}"), write(&file));
    }
    try_to(false, "read /root", std::fs::read_dir("/root").map(drop).map_err(Into::into));
    try_to(false, "read /usr/bin/env", File::open("/usr/bin/env").map(drop).map_err(Into::into));
    try_to(false, "open a packet socket", open(AddressFamily::PACKET, SocketType::RAW, None));
    try_to(false, "open a packet socket of datagrams", open(AddressFamily::PACKET, SocketType::DGRAM, None));
    try_to(false, "open a raw IPv4 socket", open(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)));
    try_to(
        false,
        "open a raw IPv6 socket",
        open(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)),
    );
    try_to(false, "open a netlink socket", open(AddressFamily::NETLINK, SocketType::RAW, None));
    try_to(false, "listen on TCP", TcpListener::bind("127.0.0.1:0").map(drop).map_err(Into::into));
    try_to(false, "listen on UDP", UdpSocket::bind("127.0.0.1:0").map(drop).map_err(Into::into));
    let socket = state.unwrap_or(Path::new("/tmp")).join("try-sandbox.sock");
    try_to(false, "listen on a Unix socket", UnixListener::bind(&socket).map(drop).map_err(Into::into));
    drop(std::fs::remove_file(&socket));
    try_to(false, "run a program", Command::new("/bin/true").status().map(drop).map_err(Into::into));
    attempts
}

/// Makes a file and removes it.
fn write(path: &Path) -> Result<()> {
    File::create(path)?.write_all(b"try-sandbox\n")?;
    Ok(std::fs::remove_file(path)?)
}

fn open(family: AddressFamily, kind: SocketType, protocol: Option<Protocol>) -> Result<()> {
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, protocol).map(drop)?)
}
