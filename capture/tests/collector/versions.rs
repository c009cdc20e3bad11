//! Both versions of IP on one port, in a network namespace of the test's own.

use super::{drain_until, udp};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use weir_capture::collector;
use weir_model::dealing;

/// Calls `what` in a namespace with a loopback interface that has many addresses of IPv6; removed afterwards.
fn in_namespace(what: impl FnOnce() + Send) {
    let name = format!("wc{}", std::process::id());
    let ip = |arguments: &[&str]| {
        Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !ip(&["netns", "add", &name]) {
        println!("skipped: network namespaces cannot be made here");
        return;
    }
    let ready = ip(&["-n", &name, "link", "set", "lo", "up"])
        && ip(&["-n", &name, "route", "add", "local", "2001:db8::/64", "dev", "lo"]);
    let result = std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            let namespace = File::open(format!("/run/netns/{name}")).unwrap();
            // SAFETY: concerns this thread only.
            assert_eq!(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
            std::fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").unwrap();
            what();
        });
        inside.join()
    });
    ip(&["netns", "del", &name]);
    assert!(ready, "the loopback interface could not be set up");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

fn ipv6(number: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, number, number ^ 0x5a5a, 7, number))
}

fn ipv4(number: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 3, (number >> 8) as u8, number as u8))
}

fn send(from: IpAddr, to: &str, content: &[u8]) {
    UdpSocket::bind((from, 0)).unwrap().send_to(content, to.parse::<SocketAddr>().unwrap()).unwrap();
}

#[test]
fn both_versions_are_dealt_by_the_same_hash_on_one_port() {
    in_namespace(|| {
        for addresses in [&["0.0.0.0:2055", "[::]:2055"][..], &["[::]:2055"]] {
            let (mut workers, _monitor) = collector::open(&udp(addresses, 3)).unwrap();
            for round in 0..2 {
                for number in 1..=64 {
                    send(ipv4(number), "127.0.0.1:2055", &[4, round]);
                    send(ipv6(number), "[::1]:2055", &[6, round]);
                }
            }
            let got = drain_until(&mut workers, 256);
            assert_eq!(got.len(), 256);
            let mut sizes = [0; 3];
            for one in &got {
                let version = if one.from.is_ipv4() { 4 } else { 6 };
                assert_eq!(one.bytes[0], version, "{one:?}");
                let expected = if addresses.len() == 2 { usize::from(version == 6) } else { 0 };
                assert_eq!(one.listen, expected);
                assert_eq!(one.worker, dealing::worker(dealing::exporter(one.from.ip()), 3), "{one:?}");
                sizes[one.worker] += 1;
            }
            assert!(sizes.iter().all(|size| *size >= 40), "{sizes:?}");
        }
    });
}
