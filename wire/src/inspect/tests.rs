use super::Side::{A, B};
use super::*;
use crate::quic::tests::{client_hello, handshake};
use proptest::prelude::*;
use weir_model::observation::{Fact, TlsTransport};

/// A fact in short.
fn short(fact: &Fact) -> String {
    match fact {
        Fact::Dns(message) => {
            format!("dns {}{}", message.questions[0].name, if message.link_local { " local" } else { "" })
        }
        Fact::ClientHello(hello) => {
            format!("hello {} {:?}", hello.server_name.as_ref().unwrap(), hello.transport)
        }
        Fact::ServerHello(hello) => format!("server {:#06x}", hello.cipher),
        Fact::Certificate(_) => "certificate".into(),
        Fact::HttpRequest(request) => format!("{} {}", request.method, request.path),
        Fact::HttpResponse(response) => format!("status {}", response.status),
        Fact::Told(_) => "told".into(),
        Fact::Application(name) => (*name).into(),
    }
}

fn stream(ports: [u16; 2], pieces: &[(Side, &[u8])]) -> Vec<String> {
    let (mut inspector, mut facts) = (StreamInspector::new(ports[0], ports[1]), Vec::new());
    for (side, bytes) in pieces {
        inspector.push(*side, bytes, &mut |fact| facts.push(short(&fact)));
    }
    facts
}

/// A client's first record.
fn hello() -> Vec<u8> {
    let message = client_hello();
    [&[0x16, 3, 1, 0, message.len() as u8][..], &message].concat()
}

const HELLO_TCP: &str = "hello example.com Tcp";
const HELLO_STARTTLS: &str = "hello example.com StartTls";

fn dns_message() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x07example\x03org\0\0\x01\0\x01");
    message
}

fn with_length(message: &[u8]) -> Vec<u8> {
    [&[0, message.len() as u8][..], message].concat()
}

#[test]
fn tls_is_recognised_on_any_port() {
    assert_eq!(stream([40_000, 9_999], &[(B, &hello())]), ["tls", HELLO_TCP]);
}

#[test]
fn http_and_a_tunnel_through_a_proxy() {
    let connect = b"CONNECT example.com:443 HTTP/1.1\r\n\r\n";
    let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno";
    let facts = stream(
        [40_000, 8_080],
        &[
            (A, connect),
            (B, refused),
            (A, connect),
            (B, b"HTTP/1.1 200 OK\r\n\r\n"),
            (A, &hello()),
            (B, b"\x15\x03\x01\0\x02\x02\x28"),
        ],
    );
    assert_eq!(facts, ["http", "CONNECT ", "status 407", "CONNECT ", "status 200", "tls", HELLO_TCP]);
}

#[test]
fn tls_begun_by_a_command() {
    let smtp = stream(
        [40_000, 25],
        &[
            (B, b"220 mx ESMTP\r\n"),
            (A, b"EHLO me\r\n"),
            (B, b"250 STARTTLS\r\n"),
            (A, b"STARTTLS\r\n"),
            (B, b"220 go\r\n"),
            (A, &hello()),
        ],
    );
    assert_eq!(smtp, ["smtp", "tls", HELLO_STARTTLS]);
    assert_eq!(
        stream([40_000, 143], &[(A, b"a1 STARTTLS\r\n"), (A, &hello())]),
        ["imap", "tls", HELLO_STARTTLS]
    );
    let postgresql = [b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(), hello()].concat();
    assert_eq!(stream([40_000, 1], &[(A, &postgresql)]), ["postgresql", "tls", HELLO_STARTTLS]);
    let mut greeting = b"\x4a\0\0\0\x0a8.0.36".to_vec();
    greeting.resize(78, 0);
    let request = [&[0x20, 0, 0, 1, 0, 0x08][..], &[0; 30], &hello()].concat();
    assert_eq!(stream([40_000, 1], &[(B, &greeting), (A, &request)]), ["mysql", "tls", HELLO_STARTTLS]);
    let ldap = [b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037".to_vec(), hello()].concat();
    assert_eq!(stream([40_000, 389], &[(A, &ldap)]), ["ldap", "tls", HELLO_STARTTLS]);
    let rdp = [b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0".to_vec(), hello()].concat();
    assert_eq!(stream([40_000, 3_389], &[(A, &rdp)]), ["rdp", "tls", HELLO_STARTTLS]);
}

#[test]
fn the_stream_inside_socks_is_read() {
    let version5 = stream(
        [40_000, 1_080],
        &[
            (A, b"\x05\x02\0\x02"),
            (B, b"\x05\x02"),
            (A, b"\x01\x02me\x01p"),
            (B, b"\x01\0"),
            (A, b"\x05\x01\0\x03\x09a.example\x01\xbb"),
            (B, b"\x05\0\0\x01\0\0\0\0\0\0"),
            (A, &hello()),
            (B, b"HTTP/1.1 200 OK\r\n\r\n"),
        ],
    );
    assert_eq!(version5, ["socks", "tls", HELLO_TCP, "http", "status 200"]);
    let version4 = stream(
        [40_000, 1_080],
        &[
            (A, b"\x04\x01\0\x50\xc0\0\x02\x01\0"),
            (B, b"\0\x5a\0\0\0\0\0\0"),
            (A, b"GET / HTTP/1.1\r\n\r\n"),
            (B, b"HTTP/1.1 404 No\r\n\r\n"),
        ],
    );
    assert_eq!(version4, ["socks", "http", "GET /", "status 404"]);
}

#[test]
fn a_load_balancers_header_is_passed_over() {
    let v1 = [b"PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n".to_vec(), hello()].concat();
    assert_eq!(stream([40_000, 443], &[(A, &v1)]), ["tls", HELLO_TCP]);
    let v2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec(), vec![7; 12], hello()].concat();
    assert_eq!(stream([40_000, 443], &[(A, &v2)]), ["tls", HELLO_TCP]);
}

#[test]
fn dns_over_tcp_on_its_port_and_elsewhere() {
    let message = with_length(&dns_message());
    assert_eq!(stream([40_000, 53], &[(A, &message)]), ["dns", "dns example.org"]);
    assert_eq!(
        stream([40_000, 5_300], &[(A, &message), (A, &message)]),
        ["dns", "dns example.org", "dns example.org"]
    );
    let mut odd = message;
    odd[4] ^= 0x40;
    assert_eq!(stream([40_000, 5_300], &[(A, &odd)]), [""; 0]);
}

#[test]
fn what_fits_nothing_is_let_go_at_once() {
    let mut inspector = StreamInspector::new(40_000, 40_001);
    let mut learn = |fact: Fact| panic!("{fact:?}");
    assert_eq!(inspector.push(A, b"hello world, nothing to see", &mut learn), Appetite::Done);
    assert_eq!(inspector.push(B, &[0x17, 3, 3, 0, 40, 1, 2, 3], &mut learn), Appetite::Done);
    assert_eq!(inspector.push(A, &hello(), &mut learn), Appetite::Done);
}

#[test]
fn recognised_and_nothing_to_read() {
    assert_eq!(stream([40_000, 22], &[(B, b"SSH-2.0-OpenSSH\r\n"), (A, b"SSH-2.0-x\r\n")]), ["ssh"]);
}

/// SETTINGS of a server.
const SETTINGS: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
/// A frame of HEADERS: `GET /`, or `200`.
const HTTP2_GET: &[u8] = b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84";
const HTTP2_OK: &[u8] = b"\0\0\x01\x01\x05\0\0\0\x01\x88";

#[test]
fn http_2_from_its_preface_or_its_servers_settings() {
    let preface = [crate::http2::PREFACE, SETTINGS, HTTP2_GET].concat();
    let settings = [SETTINGS, HTTP2_OK].concat();
    let expected = ["http2", "GET /", "status 200"];
    assert_eq!(stream([40_000, 80], &[(A, &preface), (B, &settings)]), expected);
    assert_eq!(
        stream([80, 40_000], &[(A, &settings), (B, &preface)]),
        ["http2", "status 200", "GET /"],
        "the server is seen first"
    );
    let bare = [&[0, 0, 0, 4, 0, 0, 0, 0, 0], HTTP2_OK].concat();
    assert_eq!(stream([40_000, 80], &[(A, &preface), (B, &bare)]), expected);
    assert_eq!(stream([40_000, 80], &[(B, &bare), (A, &preface)]), ["http2", "GET /"], "nothing tells it");
}

#[test]
fn http_1_upgraded_to_2() {
    let upgrade = b"GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
    let facts = |agreed: &[u8]| {
        let answer = [agreed, SETTINGS, HTTP2_OK].concat();
        let preface = [crate::http2::PREFACE, SETTINGS, HTTP2_GET].concat();
        stream([40_000, 80], &[(A, upgrade), (B, &answer), (A, &preface)])
    };
    assert_eq!(facts(agreed), ["http", "GET /a", "status 101", "http2", "status 200", "GET /"]);
    let other = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(facts(other), ["http", "GET /a", "status 101", "http2", "GET /"]);
}

#[test]
fn a_dns_question_in_the_target_of_a_request() {
    let get = b"GET /dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB HTTP/1.1\r\n\r\n";
    assert_eq!(stream([40_000, 80], &[(A, get)])[2..], ["dns www.example.com"]);
}

#[test]
fn behind_a_gap_requests_are_found_and_tls_is_not() {
    let (mut inspector, mut facts) = (StreamInspector::new(40_000, 80), Vec::new());
    inspector
        .push(A, b"POST /a HTTP/1.1\r\nContent-Length: 9000\r\n\r\nxx", &mut |fact| facts.push(short(&fact)));
    assert_eq!(inspector.gap(A), Appetite::More);
    inspector.push(A, b"xxGET /b HTTP/1.1\r\n\r\n", &mut |fact| {
        facts.push(short(&fact));
    });
    assert_eq!(facts, ["http", "POST /a", "GET /b"]);

    let mut inspector = StreamInspector::new(40_000, 443);
    inspector.push(A, &hello()[..100], &mut |_| {});
    assert_eq!(inspector.gap(A), Appetite::Done);
}

fn datagrams(ports: [u16; 2], pieces: &[(Side, &[u8])]) -> (Vec<String>, Appetite) {
    let (mut inspector, mut facts) = (DatagramInspector::new(ports[0], ports[1]), Vec::new());
    let mut appetite = Appetite::More;
    for (side, payload) in pieces {
        appetite = inspector.push(*side, payload, &mut |fact| facts.push(short(&fact)));
    }
    (facts, appetite)
}

#[test]
fn quic_is_over_with_the_two_hellos() {
    let [client, server] = handshake();
    let hello = format!("hello example.com {:?}", TlsTransport::Quic(1));
    let (facts, appetite) = datagrams([40_000, 8_443], &[(A, &client)]);
    assert_eq!((facts, appetite), (vec!["quic".into(), hello.clone()], Appetite::More));
    let (facts, appetite) = datagrams([40_000, 53], &[(A, &client), (B, &server)]);
    assert_eq!((facts, appetite), (vec!["quic".into(), hello, "server 0x1301".into()], Appetite::Done));
}

#[test]
fn quic_without_server_ends() {
    let [client, _] = handshake();
    let pieces = vec![(A, client.as_slice()); 17];
    assert_eq!(datagrams([40_000, 443], &pieces[..16]).1, Appetite::More);
    assert_eq!(datagrams([40_000, 443], &pieces).1, Appetite::Done);
}

#[test]
fn dns_over_udp_and_its_relatives() {
    let message = dns_message();
    assert_eq!(
        datagrams([40_000, 53], &[(A, &message)]),
        (vec!["dns".into(), "dns example.org".into()], Appetite::More)
    );
    assert_eq!(datagrams([5_353, 5_353], &[(A, &message)]).0, ["mdns", "dns example.org local"]);
    assert_eq!(datagrams([40_000, 5_355], &[(A, &message)]).0, ["llmnr", "dns example.org local"]);
    assert_eq!(datagrams([40_000, 5_300], &[(A, &message)]).0, ["dns", "dns example.org"]);
    assert_eq!(datagrams([40_000, 5_300], &[(A, &message[..28])]).0, [""; 0]);
}

#[test]
fn a_port_of_dns_that_carries_something_else_is_let_go() {
    let noise: &[u8] = &[0x38, 1, 2, 3];
    let pieces = vec![(A, noise); 8];
    assert_eq!(datagrams([40_000, 53], &pieces[..7]), (vec![], Appetite::More));
    assert_eq!(datagrams([40_000, 53], &pieces), (vec![], Appetite::Done));
    assert_eq!(datagrams([40_000, 40_001], &vec![(A, noise); 12]).1, Appetite::More);
    assert_eq!(datagrams([40_000, 40_001], &vec![(A, noise); 13]).1, Appetite::Done);
}

#[test]
fn other_protocols_over_udp() {
    let mut ntp = vec![0x23];
    ntp.resize(48, 0);
    assert_eq!(datagrams([123, 123], &[(A, &ntp)]), (vec!["ntp".into()], Appetite::Done));
    assert_eq!(datagrams([40_000, 40_001], &[(A, &ntp)]), (vec![], Appetite::More));
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.resize(20, 7);
    assert_eq!(datagrams([40_000, 40_001], &[(A, &stun), (B, &stun)]), (vec!["stun".into()], Appetite::More));
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(hello()),
        Just(with_length(&dns_message())),
        Just(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec()),
        Just(b"POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody".to_vec()),
        Just(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\n\r\n".to_vec()),
        Just([crate::http2::PREFACE, SETTINGS, HTTP2_GET].concat()),
        Just([SETTINGS, HTTP2_OK].concat()),
        Just(b"EHLO a\r\nSTARTTLS\r\n".to_vec()),
        Just(b"220 mx ESMTP\r\n".to_vec()),
        Just(b"a1 STARTTLS\r\n".to_vec()),
        Just(b"\x05\x01\0\x05\x01\0\x01abcd\0\x50".to_vec()),
        Just(b"\x05\0\x05\0\0\x01\0\0\0\0\0\0".to_vec()),
        Just(b"\x04\x01\0\x50\xc0\0\x02\x01\0".to_vec()),
        Just(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n".to_vec()),
        Just(b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
        Just(b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0".to_vec()),
        Just(b"\x4a\0\0\0\x0a8.0.36".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..12),
    ]
}

proptest! {
    #[test]
    fn the_same_facts_however_streams_are_cut(
        turns in proptest::collection::vec((any::<bool>(), proptest::collection::vec(pieces(), 1..4)), 1..5),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
        ports in prop::sample::select(vec![[40_000, 443], [40_000, 53], [40_000, 25], [1_080, 40_000]]),
    ) {
        let turns: Vec<(Side, Vec<u8>)> =
            turns.into_iter().map(|(is_a, parts)| (if is_a { A } else { B }, parts.concat())).collect();
        let whole: Vec<(Side, &[u8])> = turns.iter().map(|(side, bytes)| (*side, bytes.as_slice())).collect();
        let mut lengths = cuts.iter().copied().cycle();
        let mut cut: Vec<(Side, &[u8])> = Vec::new();
        for (side, bytes) in &turns {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(lengths.next().unwrap().min(rest.len()));
                cut.push((*side, now));
                rest = later;
            }
        }
        prop_assert_eq!(stream(ports, &whole), stream(ports, &cut));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        pushes in proptest::collection::vec((any::<bool>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..12),
        ports in any::<[u16; 2]>(),
    ) {
        let mut streams = StreamInspector::new(ports[0], ports[1]);
        let mut datagrams = DatagramInspector::new(ports[0], ports[1]);
        for (is_a, gap, bytes) in pushes {
            let side = if is_a { A } else { B };
            if gap {
                streams.gap(side);
            }
            streams.push(side, &bytes, &mut |_| {});
            datagrams.push(side, &bytes, &mut |_| {});
        }
    }
}
