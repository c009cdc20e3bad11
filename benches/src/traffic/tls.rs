//! The hellos of TLS 1.3 (RFC 8446, section 4.1), as browsers send them.

use super::chance::Chance;

const CIPHER_SUITES: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8];
const SIGNATURES: [u16; 8] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
const GROUP_X25519: u16 = 0x001d;
const GROUP_X25519_MLKEM768: u16 = 0x11ec;
/// ML-KEM-768's encapsulation key and an X25519 share.
const MLKEM_SHARE_BYTES: usize = 1184 + 32;
/// Bytes of a record of application data that fills a segment.
const RECORD_APPLICATION_DATA: u8 = 0x17;
const RECORD_HANDSHAKE: u8 = 0x16;
const RECORD_CHANGE_CIPHER_SPEC: [u8; 6] = [0x14, 3, 3, 0, 1, 1];

/// A ClientHello as a handshake message. With a post-quantum key share it does not fit into one packet.
pub(super) fn client_hello(chance: &mut Chance, name: &str, alpn: &[&str], is_post_quantum: bool) -> Vec<u8> {
    let mut share = Vec::new();
    if is_post_quantum {
        let mut key = vec![0; MLKEM_SHARE_BYTES];
        chance.fill(&mut key);
        share.extend(GROUP_X25519_MLKEM768.to_be_bytes());
        share.extend(list16(&key));
    }
    share.extend(GROUP_X25519.to_be_bytes());
    share.extend(list16(&chance.bytes::<32>()));
    let protocols: Vec<u8> = alpn.iter().flat_map(|name| list8(name.as_bytes())).collect();
    let host = [&[0_u8][..], &list16(name.as_bytes())].concat();

    let extensions = [
        extension(0x0000, &list16(&host)),
        extension(0x0017, &[]),
        extension(0xff01, &[0]),
        extension(0x000a, &list16(&numbers(&[GROUP_X25519_MLKEM768, GROUP_X25519, 0x0017, 0x0018]))),
        extension(0x000b, &[1, 0]),
        extension(0x0010, &list16(&protocols)),
        extension(0x0005, &[1, 0, 0, 0, 0]),
        extension(0x000d, &list16(&numbers(&SIGNATURES))),
        extension(0x0033, &list16(&share)),
        extension(0x002b, &list8(&numbers(&[0x0304, 0x0303]))),
        extension(0x002d, &[1, 1]),
    ];
    let body = [
        &[3, 3][..],
        &chance.bytes::<32>(),
        &list8(&chance.bytes::<32>()),
        &list16(&numbers(&CIPHER_SUITES)),
        &[1, 0],
        &list16(&extensions.concat()),
    ];
    handshake(1, &body.concat())
}

/// A ServerHello as a handshake message.
pub(super) fn server_hello(chance: &mut Chance) -> Vec<u8> {
    let share = [&GROUP_X25519.to_be_bytes()[..], &list16(&chance.bytes::<32>())].concat();
    let extensions = [extension(0x002b, &[3, 4]), extension(0x0033, &share)];
    let body = [
        &[3, 3][..],
        &chance.bytes::<32>(),
        &list8(&chance.bytes::<32>()),
        &[0x13, 0x01, 0],
        &list16(&extensions.concat()),
    ];
    handshake(2, &body.concat())
}

/// The ClientHello as it goes over TCP.
pub(super) fn client_flight(hello: &[u8]) -> Vec<u8> {
    record(RECORD_HANDSHAKE, hello)
}

/// The ServerHello as it goes over TCP, with as much of what is encrypted as makes a usual flight.
pub(super) fn server_flight(chance: &mut Chance, hello: &[u8]) -> Vec<u8> {
    let mut encrypted = vec![0; 2600];
    chance.fill(&mut encrypted);
    [record(RECORD_HANDSHAKE, hello), RECORD_CHANGE_CIPHER_SPEC.to_vec(), application_data(&encrypted)]
        .concat()
}

/// A record of application data.
pub(super) fn application_data(encrypted: &[u8]) -> Vec<u8> {
    record(RECORD_APPLICATION_DATA, encrypted)
}

fn record(content: u8, bytes: &[u8]) -> Vec<u8> {
    [&[content, 3, 3][..], &list16(bytes)].concat()
}

fn handshake(message: u8, body: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (body.len() as u32).to_be_bytes();
    [&[message, high, middle, low][..], body].concat()
}

fn extension(number: u16, content: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &list16(content)].concat()
}

fn list8(content: &[u8]) -> Vec<u8> {
    [&[content.len() as u8][..], content].concat()
}

fn list16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_be_bytes()).collect()
}
