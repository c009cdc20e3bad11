//! Hellos made by hand, and what is recognised as one.
#![expect(clippy::string_slice, reason = "fingerprints are ASCII, and a test may fail")]

use super::client_hello::{parse, parse_v2};
use super::*;
use proptest::prelude::*;
use weir_model::observation::TlsTransport;

/// Parts of a ClientHello.
pub(super) struct Hello {
    pub(super) version: u16,
    pub(super) ciphers: Vec<u16>,
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
    pub(super) cookie: Option<Vec<u8>>,
}

impl Hello {
    /// What a browser sends, with GREASE: the example of the JA4 specification.
    pub(super) fn browser() -> Self {
        let ciphers = [
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let empty = [
            0x1a1a, 0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000a, 0x000b,
            0x0015,
        ];
        let mut extensions: Vec<_> = empty.map(|kind| (kind, Vec::new())).into();
        extensions.push((0x0000, server_name(b"Example.com")));
        extensions.push((0x0010, protocols(&[b"h2", b"http/1.1"])));
        extensions.push((0x002b, [&[7][..], &words(&[0x3a3a, 0x0304, 0x0303])].concat()[..7].to_vec()));
        extensions.last_mut().unwrap().1[0] = 6;
        extensions
            .push((0x000d, list(&words(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]))));
        Self { version: 0x0303, ciphers: ciphers.into(), extensions, cookie: None }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend([2, 9, 9]);
        if let Some(cookie) = &self.cookie {
            body.push(u8::try_from(cookie.len()).unwrap());
            body.extend(cookie);
        }
        body.extend(list(&words(&self.ciphers)));
        body.extend([1, 0]);
        let each = self
            .extensions
            .iter()
            .flat_map(|(kind, data)| [&kind.to_be_bytes(), list(data).as_slice()].concat());
        let extensions: Vec<u8> = each.collect();
        if !extensions.is_empty() {
            body.extend(list(&extensions));
        }
        body
    }
}

pub(super) fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// With a two-byte length before it.
pub(super) fn list(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

pub(super) fn server_name(host: &[u8]) -> Vec<u8> {
    list(&[&[0], list(host).as_slice()].concat())
}

pub(super) fn protocols(names: &[&[u8]]) -> Vec<u8> {
    let each = names.iter().flat_map(|name| [&[u8::try_from(name.len()).unwrap()], *name].concat());
    list(&each.collect::<Vec<_>>())
}

/// A handshake message, with its header.
pub(super) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A record, with its header.
pub(super) fn record(content: u8, body: &[u8]) -> Vec<u8> {
    [&[content, 3, 1], list(body).as_slice()].concat()
}

fn ja4(hello: &Hello) -> String {
    parse(&hello.body(), TlsTransport::Tcp).unwrap().ja4.to_string()
}

#[test]
fn reads_a_browser_hello() {
    let read = parse(&Hello::browser().body(), TlsTransport::Tcp).unwrap();
    assert_eq!(read.server_name.unwrap().as_str(), "example.com");
    assert_eq!(read.alpn.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["h2", "http/1.1"]);
    assert_eq!(read.version, 0x0304);
    assert!(!read.ech_offered);
    // The hashes are those of the specification's own example.
    assert_eq!(&*read.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

/// JA3 of the text `769,...`, which md5sum gives, too.
#[test]
fn ja3_is_the_md5_of_its_text() {
    let group_list = list(&words(&[0x4a4a, 0x001d, 0x0017]));
    let extensions = vec![(0x0000, server_name(b"a.example")), (0x000a, group_list), (0x000b, vec![1, 0])];
    let hello = Hello { version: 0x0301, ciphers: vec![0xdada, 0xc02b, 0x002f], extensions, cookie: None };
    let read = parse(&hello.body(), TlsTransport::Tcp).unwrap();
    assert_eq!(
        u128::from_be_bytes(read.ja3),
        0x5803_5bb9_e607_812a_a336_2ecd_cab2_5c41,
        "769,49195-47,0-10-11,29-23,0"
    );
}

#[test]
fn ja4_says_what_carried_it_and_what_is_missing() {
    let mut hello = Hello::browser();
    let quic = parse(&hello.body(), TlsTransport::Quic(1)).unwrap();
    assert_eq!(&*quic.ja4, "q13d1516h2_8daaf6152771_e5627efa2ab1");
    hello.extensions.retain(|(kind, _)| *kind == 0x002b);
    assert_eq!(&ja4(&hello)[..10], "t13i150100");
    hello.extensions.clear();
    hello.ciphers.clear();
    assert_eq!(ja4(&hello), "t12i000000_000000000000_000000000000");
    hello.ciphers = vec![0x1301; 120];
    hello.extensions = (0..130).map(|kind| (kind * 0x10 + 1, Vec::new())).collect();
    assert_eq!(&ja4(&hello)[..10], "t12i999900");
}

/// Only numbers of the two equal bytes ?a are GREASE.
#[test]
fn ja4_counts_what_resembles_grease() {
    let ciphers = vec![0x0a0a, 0xfafa, 0x0a1a, 0x1a0a, 0x0a0b];
    let hello = Hello { version: 0x0303, ciphers, extensions: vec![], cookie: None };
    assert_eq!(&ja4(&hello)[..10], "t12i030000");
}

#[test]
fn ja4_versions() {
    for (version, code) in
        [(0x0304, "13"), (0x0303, "12"), (0x0302, "11"), (0x0301, "10"), (0x0300, "s3"), (0x0305, "00")]
    {
        let hello = Hello { version, ciphers: vec![], extensions: vec![], cookie: None };
        assert_eq!(&ja4(&hello)[1..3], code);
    }
}

#[test]
fn dtls_has_a_cookie_and_versions_that_count_down() {
    let mut hello = Hello { version: 0xfeff, cookie: Some(vec![1; 20]), ..Hello::browser() };
    hello.extensions.retain(|(kind, _)| *kind != 0x002b);
    let read = |hello: &Hello| parse(&hello.body(), TlsTransport::Dtls).unwrap();
    assert_eq!((&read(&hello).ja4[..3], read(&hello).version), ("dd1", 0xfeff));
    hello.version = 0xfefd;
    assert_eq!((&read(&hello).ja4[..3], read(&hello).version), ("dd2", 0xfefd));
    hello.extensions.push((0x002b, [&[6][..], &words(&[0xfefd, 0x4a4a, 0xfefc])].concat()));
    assert_eq!((&read(&hello).ja4[..3], read(&hello).version), ("dd3", 0xfefc));
    assert_eq!(parse(&hello.body(), TlsTransport::Tcp).unwrap_err(), TlsError::Version(0xfefd));
}

#[test]
fn ja4_first_protocol() {
    let code = |names: &[&[u8]]| {
        let mut hello = Hello::browser();
        hello.extensions.retain(|(kind, _)| *kind != 0x0010);
        hello.extensions.push((0x0010, protocols(names)));
        ja4(&hello)[8..10].to_string()
    };
    assert_eq!(code(&[b"http/1.1", b"h2"]), "h1");
    assert_eq!(code(&[b"x"]), "xx");
    assert_eq!(code(&[]), "00");
    assert_eq!(code(&[b""]), "00");
    assert_eq!(code(&[b"\x20h2"]), "22");
    assert_eq!(code(&[b"h\x7e"]), "6e");
    assert_eq!(code(&[b"\xba\xad"]), "99");
    assert_eq!(code(&[b"h\xad"]), "h9");
}

#[test]
fn odd_server_names_are_tolerated() {
    let read = |data: Vec<u8>| {
        let mut hello = Hello::browser();
        hello.extensions.retain(|(kind, _)| *kind != 0);
        hello.extensions.push((0, data));
        let read = parse(&hello.body(), TlsTransport::Tcp).unwrap();
        assert_eq!(&read.ja4[3..4], "d");
        read.server_name.map(|name| name.to_string())
    };
    assert_eq!(read(server_name(b"192.0.2.1")).unwrap(), "192.0.2.1");
    assert_eq!(read(server_name(b"trailing.example.")).unwrap(), "trailing.example");
    assert_eq!(read(server_name(b"")), None);
    assert_eq!(read(vec![]), None);
    assert_eq!(read(vec![0, 9, 0, 0, 50, b'a']), None);
    assert_eq!(read(list(&[&[7, 0, 1, b'x', 0][..], &list(b"b.example")].concat())).unwrap(), "b.example");
}

#[test]
fn ech_is_seen_and_of_repeated_extensions_the_first_counts() {
    let mut hello = Hello::browser();
    hello.extensions.push((0xfe0d, vec![0; 10]));
    hello.extensions.push((0x0000, server_name(b"second.example")));
    let read = parse(&hello.body(), TlsTransport::Tcp).unwrap();
    assert!(read.ech_offered);
    assert_eq!(read.server_name.unwrap().as_str(), "example.com");
}

#[test]
fn protocols_are_capped_and_escaped() {
    let mut hello = Hello::browser();
    hello.extensions.retain(|(kind, _)| *kind != 0x0010);
    hello.extensions.push((0x0010, protocols(&[b"\x0aa".as_slice(); 40])));
    let read = parse(&hello.body(), TlsTransport::Tcp).unwrap();
    assert_eq!((read.alpn.len(), &*read.alpn[0]), (16, "\\010a"));
}

#[test]
fn a_server_hello_has_a_version_that_exists() {
    let body = |version| [&[version, 3][..], &[0; 32], &[0, 0x13, 1, 0]].concat();
    assert_eq!(server_hello::parse(&body(3)).unwrap().cipher, 0x1301);
    assert_eq!(server_hello::parse(&body(0xfe)).unwrap().version, 0xfe03);
    assert_eq!(server_hello::parse(&body(2)).unwrap_err(), TlsError::Version(0x0203));
}

#[test]
fn hellos_that_lie_are_refused() {
    let body = Hello::browser().body();
    for length in 0..body.len() {
        // Without any extensions a hello may end; cut anywhere else it is refused.
        let ends_before_extensions = length == 2 + 32 + 3 + 2 + 32 + 2;
        assert_eq!(parse(&body[..length], TlsTransport::Tcp).is_ok(), ends_before_extensions, "{length}");
    }
    let mut odd = body.clone();
    odd[38] = 31;
    assert_eq!(parse(&odd, TlsTransport::Tcp).unwrap_err(), TlsError::OddLength(31));
    let mut version = body;
    version[0] = 4;
    assert_eq!(parse(&version, TlsTransport::Tcp).unwrap_err(), TlsError::Version(0x0403));
}

/// A ClientHello in the format of SSL 2.0, with its record header.
pub(super) fn v2_hello() -> Vec<u8> {
    let ciphers = [0, 0, 0x2f, 1, 0, 0x80, 0, 0, 0x35];
    let body = [&[1, 3, 1, 0, 9, 0, 0, 0, 16][..], &ciphers, &[5; 16]].concat();
    [&[0x80, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

#[test]
fn reads_the_ssl_2_format() {
    let hello = v2_hello();
    assert_eq!(looks_like_client_hello(&hello), Recognition::Yes);
    let read = parse_v2(&hello[2..]).unwrap();
    assert_eq!((read.version, &read.ja4[..10]), (0x0301, "t10i020000"));
    assert!(parse_v2(&hello[2..hello.len() - 1]).is_err());
}

#[test]
fn recognises_hellos_by_their_first_bytes() {
    let client = record(22, &handshake(1, &Hello::browser().body()));
    let server = record(22, &handshake(2, &[3; 70]));
    for length in 0..=client.len() {
        let expected = if length < 10 { Recognition::NeedMore } else { Recognition::Yes };
        assert_eq!(looks_like_client_hello(&client[..length]), expected);
    }
    assert_eq!(looks_like_server_hello(&server), Recognition::Yes);
    assert_eq!(looks_like_client_hello(&server), Recognition::No);
    assert_eq!(looks_like_server_hello(&client), Recognition::No);
    assert_eq!(looks_like_client_hello(&record(22, &[1, 0])), Recognition::Yes);
    assert_eq!(looks_like_client_hello(&record(22, &[1, 0, 0, 90, 2])), Recognition::No);
    assert_eq!(looks_like_client_hello(&record(22, &[1, 0, 0, 90])), Recognition::Yes);
    for other in [
        &b"GET / HTTP/1.1"[..],
        b"SSH-2.0-x",
        b"\x16\x03\x01\x00\x00\x01",
        b"\x16\x03\x01\xff\xff\x01",
        b"\x80\x2e\x02",
    ] {
        assert_eq!(looks_like_client_hello(other), Recognition::No, "{other:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_hellos_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for transport in [TlsTransport::Tcp, TlsTransport::Quic(1), TlsTransport::Dtls] {
            let _ = parse(&bytes, transport);
        }
        let _ = (parse_v2(&bytes), looks_like_client_hello(&bytes), looks_like_server_hello(&bytes));
    }

    #[test]
    fn damaged_hellos_never_panic_and_a_fingerprint_has_36_characters(position: prop::sample::Index, value: u8) {
        let mut body = Hello::browser().body();
        let position = position.index(body.len());
        body[position] = value;
        if let Ok(read) = parse(&body, TlsTransport::Tcp) {
            prop_assert_eq!(read.ja4.len(), 36);
            prop_assert!(read.ja4.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
}
