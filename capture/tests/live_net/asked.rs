//! Interfaces that somebody else opens: nothing but what is in the list, whatever is asked.

use super::{Net, Side};
use crate::{assert_balanced, capture, datagram, number_in, options, wait_for};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use weir_capture::live::{self, Asked, Happening, InProcess, TapOptions};

/// Serves in a thread of the namespace, until the other end is closed.
fn serving(net: &Net, options: &TapOptions) -> (OwnedFd, thread::JoinHandle<()>) {
    let (here, there) = live::pair().unwrap();
    let options = options.clone();
    let serving = net.inside(Side::Tap, || {
        thread::spawn(move || {
            let interfaces = options.interfaces.len();
            live::serve(&there, &InProcess::new(options), interfaces).unwrap();
        })
    });
    (here, serving)
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn an_interface_that_somebody_else_opens_is_taken_up_again() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let options = TapOptions { filter: Some("udp".to_owned()), ..options(&["tap0"], 3) };
    let (here, serving) = serving(&net, &options);
    let asked = Arc::new(Asked::new(here, &options).unwrap());
    let (workers, monitor) = net.inside(Side::Tap, || live::open_by(&options, asked).unwrap());
    let send = || {
        let sender = net.sender("out0");
        for number in 0..100 {
            assert!(sender.send(&datagram(number)));
        }
        thread::sleep(std::time::Duration::from_millis(50));
    };
    let (got, stats) = capture(workers, &monitor, |monitor| {
        send();
        net.ip(Side::Tap, &["link", "del", "tap0"]);
        wait_for(monitor, &Happening::WentAway);
        net.pair("tap0", "out0");
        wait_for(monitor, &Happening::TakenUp);
        send();
    });
    let mut numbers: Vec<_> = got.iter().map(|frame| number_in(&frame.data)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).flat_map(|number| [number; 2]).collect::<Vec<_>>());
    assert_balanced(&stats);
    drop(monitor);
    // It ends when nobody can ask any more.
    serving.join().unwrap();
}

#[test]
fn why_an_interface_cannot_be_opened_is_passed_on() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let wrong = TapOptions { filter: Some("port port".to_owned()), ..options(&["tap0"], 1) };
    let (here, _serving) = serving(&net, &wrong);
    let asked = Arc::new(Asked::new(here, &wrong).unwrap());
    let error = net.inside(Side::Tap, || live::open_by(&wrong, asked).unwrap_err());
    let message = error.to_string();
    assert!(message.starts_with("filter 'port port': ") && message.contains("syntax error"), "{message}");
}

#[test]
fn an_answer_that_does_not_come_is_said_and_not_waited_for_again() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let options = options(&["tap0"], 1);
    let (here, there) = live::pair().unwrap();
    let asked = Arc::new(Asked::new(here, &options).unwrap());
    drop(there);
    for _ in 0..2 {
        let asked = Arc::<Asked>::clone(&asked);
        let error = net.inside(Side::Tap, || live::open_by(&options, asked).unwrap_err());
        assert!(error.to_string().contains("only a restart helps"), "{error}");
    }
}

#[test]
fn nothing_that_is_not_in_the_list_is_opened() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    net.pair("secret", "out1");
    let (here, serving) = serving(&net, &options(&["tap0"], 2));
    let before = open_descriptors();
    let mut hostile: Vec<Vec<u8>> = vec![b"secret".to_vec(), b"secret\0".to_vec(), vec![0; 3], vec![0; 5]];
    hostile.push(vec![0xff; 100_000]);
    hostile.extend([1, 2, 256, 0x8000_0000, u32::MAX].map(|place: u32| place.to_ne_bytes().to_vec()));
    for request in &hostile {
        send(&here, request);
        let (answer, descriptors) = answer(&here);
        assert_eq!((answer[0], descriptors), (2, 0), "{request:02x?}");
        let said = String::from_utf8_lossy(&answer[2..]).into_owned();
        assert!(said.contains("no such interface"), "{said}");
    }
    assert_eq!(open_descriptors(), before);
    send(&here, &0_u32.to_ne_bytes());
    assert_eq!(answer(&here).0[0], 1);
    let rings = [answer(&here), answer(&here)];
    assert!(rings.iter().all(|(ring, descriptors)| ring.len() == 8 && *descriptors == 1));
    // By its next answer it is done with this one.
    send(&here, &1_u32.to_ne_bytes());
    assert_eq!(answer(&here).0[0], 2);
    assert_eq!(open_descriptors(), before, "what was passed stays open on neither side");
    send(&here, &[]);
    // An empty message is the end.
    serving.join().unwrap();
}

fn send(socket: &OwnedFd, bytes: &[u8]) {
    // SAFETY: memory of that size.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    assert_eq!(usize::try_from(sent), Ok(bytes.len()));
}

/// A message, and how many descriptors came with it, which are closed.
fn answer(socket: &OwnedFd) -> (Vec<u8>, usize) {
    let (mut bytes, mut control) = (vec![0_u8; 40_000], [0_u64; 32]);
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: zero is valid for each of its fields.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the kernel writes at most as much as is said.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    bytes.truncate(usize::try_from(len).unwrap());
    let control: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let used = message.msg_controllen.saturating_sub(16);
    // A control message: length u64, level i32, type i32, descriptors.
    let len = if used == 0 { 16 } else { u64::from_ne_bytes(*control.first_chunk().unwrap()) as usize };
    let descriptors: Vec<i32> =
        control[16..len].chunks(4).map(|four| i32::from_ne_bytes(four.try_into().unwrap())).collect();
    for descriptor in &descriptors {
        // SAFETY: it came with the message, and nobody else knows it.
        assert_eq!(unsafe { libc::close(*descriptor) }, 0);
    }
    (bytes, descriptors.len())
}
