use super::*;
use proptest::prelude::*;

/// RFC 9001 appendix A.2 and RFC 9369 appendix A.2: the CRYPTO frame of the client's Initial; PADDING up to 1,162
/// bytes follows.
const CLIENT_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578\
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
    0d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
    75300901100f088394c8f03e51570806048000ffff";

/// RFC 9001 appendix A.3: the server's Initial.
const SERVER_V1: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a\
    5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3\
    dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
    022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4\
    2158407dd074ee";

/// RFC 9369 appendix A.3.
const SERVER_V2: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698\
    baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17\
    f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
    c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8\
    4bed8521e2e140";

/// The handshake message in both servers' Initials, behind an ACK frame and the head of the CRYPTO frame.
const SERVER_HELLO: &str = "020000560303eefce7f7b37ba1d1632e96677825ddf739\
    88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94\
    0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00\
    020304";

const DESTINATION: &str = "8394c8f03e515708";

/// The ClientHello of the appendices, for `example.com`, with its handshake header.
pub(crate) fn client_hello() -> Vec<u8> {
    hex(CLIENT_FRAME).split_off(4)
}

/// The client's and the server's datagram of RFC 9001 appendix A.
pub(crate) fn handshake() -> [Vec<u8>; 2] {
    let destination = hex(DESTINATION);
    let client = client_initial(Version::V1, &destination, &destination, 2, &padded(&hex(CLIENT_FRAME)));
    [client, hex(SERVER_V1)]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn keys(version: Version, destination: &[u8]) -> Keys {
    Keys::derive(version, &ConnectionId::try_from(destination).unwrap()).unwrap()
}

/// A client's Initial without token, packet number in 4 bytes.
fn client_initial(
    version: Version,
    keys_of: &[u8],
    destination: &[u8],
    number: u32,
    frames: &[u8],
) -> Vec<u8> {
    let first_byte = if version == Version::V2 { 0xd3 } else { 0xc3 };
    let mut header = vec![first_byte];
    header.extend(version.number().to_be_bytes());
    header.push(destination.len() as u8);
    header.extend(destination);
    header.extend([0, 0]);
    header.extend((0x4000 | (frames.len() as u16 + 20)).to_be_bytes());
    header.extend(number.to_be_bytes());
    keys(version, keys_of).client.seal(&header, number, frames)
}

fn crypto_frame(offset: u16, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x06];
    frame.extend((0x4000 | offset).to_be_bytes());
    frame.extend((0x4000 | bytes.len() as u16).to_be_bytes());
    frame.extend(bytes);
    frame
}

fn padded(frame: &[u8]) -> Vec<u8> {
    let mut frames = frame.to_vec();
    frames.resize(1_162, 0);
    frames
}

/// The ends of the packets that the appendices print; the tag at the end covers all in between.
#[test]
fn initials_of_the_rfcs() {
    let destination = hex(DESTINATION);
    let frames = padded(&hex(CLIENT_FRAME));
    for (version, begin, tag, server) in [
        (
            Version::V1,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
            SERVER_V1,
        ),
        (
            Version::V2,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
            SERVER_V2,
        ),
    ] {
        let client = client_initial(version, &destination, &destination, 2, &frames);
        assert_eq!((client.len(), &client[..32], &client[1_184..]), (1_200, &*hex(begin), &*hex(tag)));
        assert_eq!(looks_like(&client), Some(Form::Long(version)));

        let mut connection = Connection::new();
        assert_eq!(connection.push(Side::B, &client), Some(Progress { version, from_client: true }));
        assert_eq!(connection.client_handshake(), &hex(CLIENT_FRAME)[4..]);
        assert_eq!(connection.push(Side::A, &hex(server)), Some(Progress { version, from_client: false }));
        assert_eq!(connection.server_handshake(), hex(SERVER_HELLO));
    }
}

#[test]
fn a_server_packet_alone_tells_nothing() {
    let mut connection = Connection::new();
    assert_eq!(connection.push(Side::A, &hex(SERVER_V1)), None);
    assert_eq!(connection.server_handshake(), b"");
}

#[test]
fn a_changed_byte_is_noticed() {
    let destination = hex(DESTINATION);
    let mut packet = client_initial(Version::V1, &destination, &destination, 2, &padded(&hex(CLIENT_FRAME)));
    packet[600] ^= 1;
    assert_eq!(Connection::new().push(Side::A, &packet), None);
}

#[test]
fn a_handshake_over_several_packets_is_joined() {
    let (first_id, server_id) = (b"first-id", b"servers!");
    let initial = |destination: &[u8], number, offset, bytes: &[u8]| {
        client_initial(Version::V1, first_id, destination, number, &crypto_frame(offset, bytes))
    };
    let mut connection = Connection::new();
    // The end comes first; two packets share a datagram; later ones go to the server's own identifier.
    connection.push(Side::A, &initial(first_id, 1, 10, b"klmno"));
    assert_eq!(connection.client_handshake(), b"");
    let coalesced = [initial(first_id, 0, 0, b"abcde"), initial(server_id, 300, 5, b"fghij")].concat();
    assert!(connection.push(Side::A, &coalesced).is_some());
    assert_eq!(connection.client_handshake(), b"abcdefghijklmno");
}

#[test]
fn after_a_retry_keys_derive_from_the_new_identifier() {
    let mut connection = Connection::new();
    connection
        .push(Side::A, &client_initial(Version::V1, b"first-id", b"first-id", 0, &crypto_frame(0, b"lost")));
    let retry = hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    assert_eq!(connection.push(Side::B, &retry), None);
    let again = client_initial(Version::V1, b"retry-id", b"retry-id", 1, &crypto_frame(0, b"hello"));
    assert!(connection.push(Side::A, &again).is_some());
    assert_eq!(connection.client_handshake(), b"hello");
}

#[test]
fn the_version_may_change_inside_a_connection() {
    let mut connection = Connection::new();
    connection
        .push(Side::A, &client_initial(Version::V1, b"first-id", b"first-id", 0, &crypto_frame(0, b"he")));
    let second = client_initial(Version::V2, b"first-id", b"servers!", 1, &crypto_frame(2, b"llo"));
    assert_eq!(connection.push(Side::A, &second), Some(Progress { version: Version::V2, from_client: true }));
    assert_eq!(connection.client_handshake(), b"hello");
}

#[test]
fn attempts_are_bounded() {
    let mut connection = Connection::new();
    let mut packet = client_initial(Version::V1, b"first-id", b"first-id", 0, &crypto_frame(0, b"hello"));
    packet[30] ^= 1;
    for _ in 0..MAX_INITIALS {
        assert!(!connection.is_exhausted());
        connection.push(Side::A, &packet);
    }
    packet[30] ^= 1;
    assert!(connection.is_exhausted());
    assert_eq!(connection.push(Side::A, &packet), None);
}

proptest! {
    #[test]
    fn arbitrary_datagrams_and_frames_do_no_harm(
        datagram in proptest::collection::vec(any::<u8>(), 0..200),
        frames in proptest::collection::vec(any::<u8>(), 4..200),
        version in prop::sample::select(vec![Version::V1, Version::V2, Version::Draft29(0xff00_001d)]),
    ) {
        let mut connection = Connection::new();
        let _ = looks_like(&datagram);
        connection.push(Side::A, &datagram);
        let long = [&[0xc3][..], &version.number().to_be_bytes(), &datagram].concat();
        let _ = looks_like(&long);
        connection.push(Side::A, &long);
        let sealed = client_initial(version, b"first-id", b"first-id", 0, &frames);
        prop_assert!(connection.push(Side::A, &sealed).is_some());
    }
}
