//! Whether captures can be opened, and what is configured can be written.

use super::finding::Finding;
use crate::config::RunSettings;
use caps::{CapSet, Capability};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

/// Looks at them.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    let mut found = Vec::new();
    if !settings.tap.interfaces.is_empty() {
        found.push(capture());
    }
    found
        .extend(settings.common.state.as_deref().map(|folder| folder_is_writable("state directory", folder)));
    found.extend(ports(settings));
    found
}

fn capture() -> Finding {
    let about = "right to capture";
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    if has(Capability::CAP_NET_RAW) {
        return Finding::fine(about, "this user has CAP_NET_RAW");
    }
    Finding::note(
        about,
        "this user lacks CAP_NET_RAW",
        "the unit of systemd has it (systemctl start weir); by hand: sudo, or setcap cap_net_raw,cap_net_admin=eip on the program",
    )
}

/// A program that runs has its files there; whether this user may write is what is asked.
fn folder_is_writable(about: &str, folder: &Path) -> Finding {
    let place = folder.ancestors().find(|place| place.exists()).unwrap_or(folder);
    let shown = folder.display();
    match rustix::fs::access(place, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Finding::fine(about, format!("{shown} can be written")),
        Err(error) => Finding::wrong(
            about,
            format!("{shown} cannot be written by this user: {error}"),
            format!(
                "run as the user of the service (sudo -u weir weir doctor ...), or give it the directory: chown weir {}",
                place.display()
            ),
        ),
    }
}

/// Ports at which routers are to be heard are free, or a running weir has them.
fn ports(settings: &RunSettings) -> Vec<Finding> {
    let listen = settings.collector.listen_by_key.iter();
    let each = listen.flat_map(|(key, addresses)| addresses.iter().map(move |address| (*key, *address)));
    each.map(|(key, address)| {
        let about = format!("{key} {address}");
        let is_stream = key.ends_with("tcp") || key.ends_with("tls");
        let bound =
            if is_stream { TcpListener::bind(address).map(drop) } else { UdpSocket::bind(address).map(drop) };
        match bound {
            Ok(()) => Finding::fine(about, "the port is free"),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::note(
                about,
                "somebody has the port",
                "fine if it is the running weir; else: ss -lnp tells who",
            ),
            Err(error) => Finding::wrong(
                about,
                error.to_string(),
                "name an address of this host and a port that this user may have",
            ),
        }
    })
    .collect()
}
