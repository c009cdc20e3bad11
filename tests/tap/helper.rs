//! A service captures without the right to: a helper opens its interfaces, and nothing else.

use super::{DEMO, Net, PATIENCE, Run, ip};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use weir_capture::live;

/// CAP_NET_RAW (capabilities(7)).
const NET_RAW: &str = "0000000000002000";
const NONE: &str = "0000000000000000";

/// What the kernel tells of a process (`/proc/PID/status`); `None` when it is gone.
fn process(id: u32) -> Option<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let lines: BTreeMap<_, _> = lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
    (!lines["State"].starts_with('Z')).then_some(lines)
}

/// The helper of a run.
fn helper_of(run: &Run) -> u32 {
    let parent = run.child.id().to_string();
    let processes = std::fs::read_dir("/proc").expect("it can be listed").flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| process(*id).is_some_and(|process| process["PPid"] == parent);
    ids.find(is_child).expect("there is a helper")
}

/// The interface goes away, and another one comes in its place.
fn make_anew(net: &Net, run: &Run) {
    let before = run.said().matches("tap0 is gone").count();
    assert!(ip(&["-n", &net.side("t"), "link", "del", "tap0"]));
    run.wait_for("that is told", || run.said().matches("tap0 is gone").count() > before);
    let (t, s) = (net.side("t"), net.side("s"));
    let ends = ["type", "veth", "peer", "name", "out0", "netns", &s];
    assert!(ip(&[&["link", "add", "tap0", "netns", &t, "mtu", "9000"][..], &ends].concat()));
    assert!(ip(&["-n", &s, "link", "set", "out0", "mtu", "9000", "up"]));
    assert!(ip(&["-n", &t, "link", "set", "tap0", "up"]));
}

#[test]
fn an_interface_that_vanished_is_taken_up_again_without_the_right_to_capture() {
    let Some(net) = Net::new(1) else { return };
    // Names of services are looked up where files can be read.
    let has_names = std::path::Path::new("/etc/services").exists();
    let filter = if has_names { "not port telnet" } else { "not port 23" };
    let more = ["--sandbox", "on", "--bpf", filter, "--listen", "off"];
    let (mut run, _manager) = Run::as_service(&net, &["tap0"], &more);
    let main = process(run.child.id()).expect("it runs");
    let helper = helper_of(&run);
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(main[set], NONE, "{set}");
    }
    assert_eq!((&*main["NoNewPrivs"], &*main["Seccomp"]), ("1", "2"));
    let kept = process(helper).expect("it runs");
    assert_eq!((&*kept["CapEff"], &*kept["CapPrm"], &*kept["CapInh"]), (NET_RAW, NET_RAW, NONE));
    assert_eq!((&*kept["CapBnd"], &*kept["CapAmb"]), (NONE, NONE));
    assert_eq!((&*kept["NoNewPrivs"], &*kept["Seccomp"], &*kept["Threads"]), ("1", "2", "1"));

    let first = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == first);
    make_anew(&net, &run);
    run.wait_for("it is told", || run.said().contains("tap0 is captured from again"));
    let second = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived again", || run.packets() == first + second);
    assert_eq!(run.end("-TERM"), Some(1), "{}", run.said());
    assert!(run.said().contains("the ledger balances"), "{}", run.said());
    run.wait_for("the helper ends with it", || process(helper).is_none());
}

#[test]
fn without_its_helper_a_run_goes_on_and_says_what_it_cannot_do() {
    let Some(net) = Net::new(1) else { return };
    let (mut run, _manager) = Run::as_service(&net, &["tap0"], &["--listen", "off"]);
    let helper = helper_of(&run);
    assert!(Command::new("kill").args(["-9", &helper.to_string()]).status().is_ok());
    let sent = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == sent);
    make_anew(&net, &run);
    run.wait_for("it is told", || run.said().contains("only a restart helps"));
    assert_eq!(run.end("-TERM"), Some(1), "{}", run.said());
}

/// A helper of our own, and where it is asked.
fn helper_for(net: &Net, interface: &str) -> (Child, OwnedFd) {
    let (here, there) = live::pair().expect("two sockets");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &net.side("t"), env!("CARGO_BIN_EXE_weir"), "capture-helper"]);
    command.args(["--interface", interface, "--workers=2", "--ring-bytes=1048576", "--snaplen=65535"]);
    let helper = command.stdin(Stdio::from(there)).stdout(Stdio::null()).spawn().expect("it starts");
    (helper, here)
}

/// What it answers; descriptors that come with it are not taken.
fn answer(socket: &OwnedFd) -> Vec<u8> {
    let mut bytes = vec![0; 40_000];
    let (_, len) = recv(socket, &mut bytes[..], RecvFlags::empty()).expect("an answer");
    bytes.truncate(len);
    bytes
}

#[test]
fn whatever_the_helper_is_asked_it_opens_what_it_was_started_for() {
    let Some(net) = Net::new(2) else { return };
    let (mut helper, socket) = helper_for(&net, "tap0");
    let descriptors = || {
        let listed = std::fs::read_dir(format!("/proc/{}/fd", helper.id())).expect("it runs");
        listed.count()
    };
    let ask = |request: &[u8]| send(&socket, request, SendFlags::empty()).expect("it listens");
    ask(&1_u32.to_ne_bytes());
    assert_eq!(answer(&socket)[0], 2, "refused");
    let before = descriptors();
    let mut hostile =
        vec![b"tap1".to_vec(), b"tap1\0\0\0\0".to_vec(), vec![0xff; 60_000], vec![0; 8], vec![9]];
    hostile.extend((1..2_000_u32).chain([u32::MAX, 1 << 31]).map(|place| place.to_ne_bytes().to_vec()));
    for request in &hostile {
        ask(request);
        let said = answer(&socket);
        assert_eq!(said[0], 2, "{request:02x?} is not refused");
        assert!(String::from_utf8_lossy(&said).contains("no such interface"), "{said:02x?}");
    }
    assert_eq!(descriptors(), before);
    ask(&0_u32.to_ne_bytes());
    assert_eq!(answer(&socket)[0], 1, "opened");
    assert_eq!((answer(&socket).len(), answer(&socket).len()), (8, 8), "its two rings");
    // By its next answer it is done with this one.
    ask(&1_u32.to_ne_bytes());
    assert_eq!(answer(&socket)[0], 2);
    assert_eq!(descriptors(), before, "it keeps nothing of what it passed on");

    drop(socket);
    let began = Instant::now();
    let status = loop {
        if let Some(status) = helper.try_wait().expect("it can be waited for") {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on without anybody who could ask");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");
}
