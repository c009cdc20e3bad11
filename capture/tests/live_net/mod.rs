//! Two network namespaces with a pair of virtual interfaces between them, for tests of live capture.

mod asked;
mod compared;
pub(crate) mod frames;
mod tun;

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Removed with all that is in it when dropped.
pub(crate) struct Net {
    name: String,
}

/// Whose end of a pair.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    /// The one that captures.
    Tap,
    /// The one that sends.
    Sender,
}

impl Net {
    /// `None`, and the reason is printed, where that is not allowed.
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("wt{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let net = Self { name };
        if !(run(&["netns", "add", &net.namespace(Side::Tap)])
            && run(&["netns", "add", &net.namespace(Side::Sender)]))
        {
            println!("skipped: network namespaces cannot be made here");
            return None;
        }
        for side in [Side::Tap, Side::Sender] {
            // Nothing but what the test sends.
            net.inside(side, || {
                for which in ["all", "default"] {
                    let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
                    let _no_ipv6 = std::fs::write(path, "1");
                }
            });
        }
        Some(net)
    }

    /// `tap` and `sender` are joined by a wire; both are up.
    pub(crate) fn pair(&self, tap: &str, sender: &str) {
        let (here, there) = (self.namespace(Side::Tap), self.namespace(Side::Sender));
        assert!(run(&[
            "link", "add", tap, "netns", &here, "type", "veth", "peer", "name", sender, "netns", &there
        ]));
        self.ip(Side::Tap, &["link", "set", tap, "up"]);
        self.ip(Side::Sender, &["link", "set", sender, "up"]);
    }

    /// Runs `ip` there.
    pub(crate) fn ip(&self, side: Side, arguments: &[&str]) {
        assert!(self.try_ip(side, arguments), "ip {arguments:?}");
    }

    /// Whether it could be done.
    pub(crate) fn try_ip(&self, side: Side, arguments: &[&str]) -> bool {
        let namespace = self.namespace(side);
        let mut all = vec!["-n", namespace.as_str()];
        all.extend(arguments);
        run(&all)
    }

    /// Calls `what` in a thread that is in the namespace, as are the threads that it starts.
    pub(crate) fn inside<T: Send>(&self, side: Side, what: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.namespace(side));
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                let namespace = File::open(path).unwrap();
                // SAFETY: concerns this thread only.
                assert_eq!(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
                what()
            });
            inside.join().unwrap()
        })
    }

    /// A packet socket that sends frames as they are.
    pub(crate) fn sender(&self, interface: &str) -> Sender {
        self.inside(Side::Sender, || Sender::new(interface))
    }

    pub(crate) fn namespace(&self, side: Side) -> String {
        match side {
            Side::Tap => format!("{}t", self.name),
            Side::Sender => format!("{}s", self.name),
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for side in [Side::Tap, Side::Sender] {
            run(&["netns", "del", &self.namespace(side)]);
        }
    }
}

fn run(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// Sends frames from an interface.
pub(crate) struct Sender {
    socket: std::os::fd::OwnedFd,
    address: libc::sockaddr_ll,
}

impl Sender {
    fn new(interface: &str) -> Self {
        use std::os::fd::FromRawFd;
        let name = CString::new(interface).unwrap();
        // SAFETY: plain system calls; the descriptor is new; zero is valid for each field of the address.
        let (socket, mut address, index) = unsafe {
            let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
            assert!(socket >= 0);
            let address: libc::sockaddr_ll = std::mem::zeroed();
            (std::os::fd::OwnedFd::from_raw_fd(socket), address, libc::if_nametoindex(name.as_ptr()))
        };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = i32::try_from(index).unwrap();
        Self { socket, address }
    }

    /// Whether the kernel took it.
    pub(crate) fn send(&self, frame: &[u8]) -> bool {
        // SAFETY: both are memory of that size.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const self.address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        };
        usize::try_from(sent) == Ok(frame.len())
    }
}
