//! Who somebody is on this machine, for the audit journal.

use rustix::fd::AsFd;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, getpid, getuid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of `/etc/passwd` that are looked through for a name; users of a directory service are told by number.
const MAX_PASSWD_BYTES: u64 = 1 << 20;
/// What `/proc/PID/loginuid` says where nobody logged in (proc(5)).
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// A user, as the kernel knows it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    /// Real or, at a socket, effective user.
    pub id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who logged in, where that is somebody else: the person behind sudo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl User {
    /// Who runs this program.
    pub(crate) fn running() -> Self {
        Self::new(getuid().as_raw(), getpid())
    }

    /// Who is at the other end of a Unix socket (`SO_PEERCRED`, unix(7)).
    pub(crate) fn at(socket: impl AsFd) -> Option<Self> {
        let peer = socket_peercred(socket).ok()?;
        Some(Self::new(peer.uid.as_raw(), peer.pid))
    }

    fn new(id: u32, process: Pid) -> Self {
        let path = format!("/proc/{}/loginuid", process.as_raw_nonzero());
        let login = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        let login = login.filter(|login| *login != NOBODY_LOGGED_IN && *login != id);
        Self {
            id,
            name: name(id),
            login: login.map(|login| name(login).unwrap_or_else(|| login.to_string())),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "user {}", self.id)?,
        }
        match &self.login {
            Some(login) => write!(f, " ({login})"),
            None => Ok(()),
        }
    }
}

/// The name that `/etc/passwd` has for a user.
fn name(id: u32) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open("/etc/passwd").ok()?.take(MAX_PASSWD_BYTES).read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_a_socket_is_known() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(User::at(&one), Some(User::running()));
        assert_eq!(name(0).as_deref(), Some("root"));
        assert_eq!(User { id: 7, ..User::default() }.to_string(), "user 7");
    }
}
