//! Messages built by hand, hostile ones among them.

use super::*;
use proptest::prelude::*;
use weir_model::observation::DnsData;

mod oracle;

const QUERY: u16 = 0x0100;
const RESPONSE: u16 = 0x8180;

/// A header, then `body`.
fn message(flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(body);
    bytes
}

fn wire_name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

fn question(name: &[u8], qtype: u16) -> Vec<u8> {
    [name, &qtype.to_be_bytes(), &[0, 1]].concat()
}

fn record(name: &[u8], rtype: u16, class: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [name, &rtype.to_be_bytes(), &class.to_be_bytes(), &ttl.to_be_bytes(), &length.to_be_bytes(), data]
        .concat()
}

/// Points to the name of the first question.
const FIRST_NAME: &[u8] = &[0xc0, 12];

fn answer_with(rtype: u16, data: &[u8]) -> DnsMessage {
    let body = [question(&wire_name("a.example"), rtype), record(FIRST_NAME, rtype, 1, 60, data)].concat();
    parse(&message(RESPONSE, [1, 1, 0, 0], &body)).unwrap()
}

fn only_data(message: &DnsMessage) -> &DnsData {
    assert!(!message.cut);
    assert_eq!(message.answers.len(), 1);
    &message.answers[0].data
}

fn name(text: &str) -> weir_model::Name {
    weir_model::Name::from_ascii(text.as_bytes()).unwrap()
}

#[test]
fn reads_a_question() {
    let bytes = message(QUERY, [1, 0, 0, 0], &question(&wire_name("WWW.Example.org"), 28));
    let read = parse(&bytes).unwrap();
    assert_eq!((read.id, read.is_response, read.recursion_desired, read.cut), (0x1234, false, true, false));
    assert_eq!(read.questions, [DnsQuestion { name: name("www.example.org"), qtype: 28, qclass: 1 }]);
    assert!(looks_like(&bytes));
}

#[test]
fn reads_the_data_of_records() {
    assert_eq!(*only_data(&answer_with(1, &[192, 0, 2, 1])), DnsData::A([192, 0, 2, 1].into()));
    assert_eq!(
        *only_data(&answer_with(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        DnsData::Aaaa("2001:db8::1".parse().unwrap())
    );
    let compressed = [1, b'b', 0xc0, 14];
    assert_eq!(*only_data(&answer_with(5, &compressed)), DnsData::Cname(name("b.example")));
    assert_eq!(*only_data(&answer_with(39, &compressed)), DnsData::Cname(name("b.example")));
    for rtype in [2, 12] {
        assert_eq!(*only_data(&answer_with(rtype, &compressed)), DnsData::Name(name("b.example")));
    }
    let mx = [&[0, 10], compressed.as_slice()].concat();
    assert_eq!(*only_data(&answer_with(15, &mx)), DnsData::Name(name("b.example")));
    let srv = [&[0, 1, 0, 2, 0, 80], compressed.as_slice()].concat();
    assert_eq!(*only_data(&answer_with(33, &srv)), DnsData::Name(name("b.example")));
    let soa = [compressed.as_slice(), FIRST_NAME, &[0; 20]].concat();
    assert_eq!(*only_data(&answer_with(6, &soa)), DnsData::Name(name("b.example")));
    assert_eq!(*only_data(&answer_with(16, b"\x03a\\b\x02\x01c")), DnsData::Text("a\\092b\\001c".into()));
    assert_eq!(*only_data(&answer_with(99, b"anything")), DnsData::Other);
}

#[test]
fn reads_service_records() {
    let data = [
        &[0, 1][..],
        &wire_name("svc.example"),
        &[0, 1, 0, 3, 2, b'h', b'2'],
        &[0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2],
        &[0, 5, 0, 2, 9, 9],
        &[0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
    .concat();
    let hints = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|ip| ip.parse().unwrap()).to_vec();
    let expected = DnsData::Service { target: name("svc.example"), hints, ech: true };
    assert_eq!(*only_data(&answer_with(65, &data)), expected);
    assert_eq!(*only_data(&answer_with(64, &data)), expected);
    assert!(answer_with(65, &data[..data.len() - 1]).cut);
}

#[test]
fn reads_edns() {
    let options = [
        &[0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100][..],
        &[0, 15, 0, 2, 0, 3],
        &[0, 15, 0, 6, 0, 15, b't', b'e', b'x', b't'],
        &[0, 15, 0, 2, 0, 22],
    ]
    .concat();
    let opt = record(&[0], 41, 1232, 0x0100_8000, &options);
    let body = [question(&wire_name("a.example"), 1), opt].concat();
    let read = parse(&message(RESPONSE | 3, [1, 0, 0, 1], &body)).unwrap();
    let edns = read.edns.as_ref().unwrap();
    assert!(!read.cut && read.further.is_empty());
    assert_eq!(read.rcode, 0x13);
    assert_eq!((edns.udp_payload, edns.version, edns.dnssec_ok), (1232, 0, true));
    assert_eq!(edns.client_subnet, Some(("198.51.100.0".parse().unwrap(), 24)));
    assert_eq!(edns.extended_error, Some(15));
}

#[test]
fn an_edns_option_that_lies_ends_the_message_after_what_it_said() {
    let opt = record(&[0], 41, 1232, 0, &[0, 15, 0, 2, 0, 17, 0, 8, 0, 9, 0]);
    let body = [question(&wire_name("a.example"), 1), opt].concat();
    let read = parse(&message(RESPONSE, [1, 0, 0, 1], &body)).unwrap();
    assert!(read.cut);
    assert_eq!(read.edns.unwrap().extended_error, Some(17));
}

#[test]
fn hostile_names_are_refused() {
    let refused = |body: &[u8]| parse(&message(QUERY, [1, 0, 0, 0], body)).unwrap_err();
    // To itself, forwards, to a part that leads back to it, and reserved kinds of labels.
    assert_eq!(refused(&[0xc0, 12, 0, 1, 0, 1]), DnsError::Pointer);
    assert_eq!(refused(&[0xc0, 20, 0, 1, 0, 1, 0, 0, 0]), DnsError::Pointer);
    assert_eq!(refused(&[1, b'a', 0xc0, 12, 0, 1, 0, 1]), DnsError::Pointer);
    assert_eq!(refused(&[0x40, b'a', 0, 0, 1, 0, 1]), DnsError::LabelType(0x40));
    assert_eq!(refused(&[0x80, b'a', 0, 0, 1, 0, 1]), DnsError::LabelType(0x80));
    let long = [[3, b'a', b'b', b'c']; 64].concat();
    assert_eq!(refused(&[&long, &[0, 0, 1, 0, 1][..]].concat()), DnsError::NameTooLong);
}

#[test]
fn the_longest_name_is_read_and_one_octet_more_is_not() {
    let labels = |last: usize| {
        let text = [&"a".repeat(63), &"b".repeat(63), &"c".repeat(63), "d".repeat(last).as_str()].join(".");
        message(QUERY, [1, 0, 0, 0], &question(&wire_name(&text), 1))
    };
    assert_eq!(parse(&labels(61)).unwrap().questions[0].name.as_str().len(), 253);
    assert_eq!(parse(&labels(62)).unwrap_err(), DnsError::NameTooLong);
}

#[test]
fn pointers_may_chain_backwards_only() {
    // Two questions; the answer's owner is "x" + the second, which is "b" + the tail of the first.
    let body = [
        question(&wire_name("a.example"), 1),
        question(&[1, b'b', 0xc0, 14], 1),
        record(&[1, b'x', 0xc0, 27], 1, 1, 60, &[192, 0, 2, 1]),
    ]
    .concat();
    let read = parse(&message(RESPONSE, [2, 1, 0, 0], &body)).unwrap();
    assert_eq!(read.questions[1].name, name("b.example"));
    assert_eq!(read.answers[0].name, name("x.b.example"));
    assert!(!read.cut);
}

/// Pointers to each other, to themselves and around a label, in the data of a record that is not read; and a name that
/// leads to them.
#[test]
fn pointers_that_go_round_are_refused() {
    const KNOT: u8 = 38;
    for knot in [[0xc0, KNOT + 2, 0xc0, KNOT], [0xc0, KNOT, 0xc0, KNOT + 2], [1, b'a', 0xc0, KNOT]] {
        let before = [question(&wire_name("a.example"), 1), record(&[0], 99, 1, 0, &knot)].concat();
        assert_eq!(HEADER_LEN + before.len(), usize::from(KNOT) + knot.len());
        for entry in [KNOT, KNOT + 2] {
            let led = record(&[0xc0, entry], 1, 1, 60, &[192, 0, 2, 1]);
            let read = parse(&message(RESPONSE, [1, 2, 0, 0], &[before.clone(), led].concat())).unwrap();
            assert_eq!((read.cut, read.answers.len()), (true, 1), "{knot:?} from {entry}");
        }
    }
}

#[test]
fn what_a_record_may_hold_is_capped() {
    let long = [&[200u8][..], &[b'a'; 200], &[200], &[b'b'; 200]].concat();
    let DnsData::Text(text) = only_data(&answer_with(16, &long)).clone() else { panic!() };
    assert_eq!(*text, *("a".repeat(200) + &"b".repeat(55)));
    let hints = [&[0, 1, 0, 0, 4, 0, 160][..], &[7; 160]].concat();
    let DnsData::Service { hints, .. } = only_data(&answer_with(65, &hints)).clone() else { panic!() };
    assert_eq!(hints.len(), 16);
}

#[test]
fn addresses_are_of_class_in_and_empty_data_is_of_any_type() {
    let read = |class, data: &[u8]| {
        let body = [question(&wire_name("a.example"), 1), record(FIRST_NAME, 1, class, 60, data)].concat();
        only_data(&parse(&message(RESPONSE, [1, 1, 0, 0], &body)).unwrap()).clone()
    };
    assert_eq!(read(3, &[192, 0, 2, 1]), DnsData::Other);
    assert_eq!(read(255, &[]), DnsData::Other);
    assert_eq!(read(1, &[]), DnsData::Other);
}

#[test]
fn client_subnets_of_both_families_are_read_and_of_two_opt_records_the_first() {
    let subnet = |option: &[u8]| {
        let option = [&[0, 8, 0, u8::try_from(option.len()).unwrap()], option].concat();
        let second = record(&[0], 41, 512, 0x0200_0000, &[]);
        let body = [question(&[0], 1), record(&[0], 41, 1232, 0, &option), second].concat();
        let read = parse(&message(RESPONSE, [1, 0, 0, 2], &body)).unwrap();
        assert!(!read.cut && read.further.is_empty());
        assert_eq!((read.rcode, read.edns.as_ref().unwrap().udp_payload), (0, 1232));
        read.edns.unwrap().client_subnet
    };
    let v6 = subnet(&[0, 2, 48, 0, 0x20, 1, 0xd, 0xb8, 0, 1]);
    assert_eq!(v6, Some(("2001:db8:1::".parse().unwrap(), 48)));
    assert_eq!(subnet(&[0, 1, 0, 0]), Some(("0.0.0.0".parse().unwrap(), 0)));
    assert_eq!(subnet(&[0, 1, 33, 0, 1, 2, 3, 4]), None);
    assert_eq!(subnet(&[0, 1, 24, 0, 1, 2, 3, 4, 5]), None);
    assert_eq!(subnet(&[0, 3, 24, 0, 1, 2, 3]), None);
}

#[test]
fn what_precedes_a_fault_is_kept() {
    let good = record(FIRST_NAME, 1, 1, 60, &[192, 0, 2, 1]);
    for bad in [
        record(FIRST_NAME, 1, 1, 60, &[192, 0, 2]),
        record(FIRST_NAME, 1, 1, 60, &[192, 0, 2, 1, 5]),
        record(FIRST_NAME, 5, 1, 60, &[5, b'a']),
        record(FIRST_NAME, 5, 1, 60, &[0xc1, 0]),
        record(FIRST_NAME, 15, 1, 60, &[0]),
        record(FIRST_NAME, 16, 1, 60, &[9, b'a']),
        record(FIRST_NAME, 1, 1, 60, &[0; 4])[..14].to_vec(),
        vec![0xff, 0xff],
        vec![],
    ] {
        let body = [question(&wire_name("a.example"), 1), good.clone(), bad.clone()].concat();
        let bytes = message(RESPONSE, [1, 2, 0, 0], &body);
        let read = parse(&bytes).unwrap();
        assert!(read.cut, "{bad:?}");
        assert_eq!((read.questions.len(), read.answers.len()), (1, 1), "{bad:?}");
        assert!(!looks_like(&bytes));
    }
}

#[test]
fn a_cut_payload_gives_what_it_holds() {
    let body = [question(&wire_name("a.example"), 1), record(FIRST_NAME, 1, 1, 60, &[192, 0, 2, 1])].concat();
    let bytes = message(RESPONSE, [1, 1, 0, 0], &body);
    for length in 0..bytes.len() {
        match parse(&bytes[..length]) {
            Ok(read) => assert!(read.cut && length >= HEADER_LEN, "{length}"),
            Err(error) => assert!(matches!(error, DnsError::Short(_)) && length < HEADER_LEN, "{length}"),
        }
    }
    assert_eq!(parse(&bytes[..27]).unwrap().questions.len(), 1);
}

#[test]
fn counts_that_lie_are_refused_or_cut() {
    assert_eq!(parse(&message(QUERY, [0xffff; 4], &[])).unwrap_err(), DnsError::Counts);
    assert_eq!(parse(&message(0x7800, [1, 0, 0, 0], &[0; 5])).unwrap_err(), DnsError::Opcode(15));
    let many = question(&[0], 1).repeat(MAX_QUESTIONS + 1);
    let read = parse(&message(QUERY, [65, 0, 0, 0], &many)).unwrap();
    assert_eq!((read.questions.len(), read.cut), (MAX_QUESTIONS, true));
    let many = record(&[0], 1, 1, 0, &[1, 2, 3, 4]).repeat(MAX_RECORDS + 1);
    let read = parse(&message(RESPONSE, [0, 257, 0, 0], &many)).unwrap();
    assert_eq!((read.answers.len(), read.cut), (MAX_RECORDS, true));
}

#[test]
fn link_local_classes_lose_their_flag() {
    let mut body = question(&wire_name("printer.local"), 1);
    let class = body.len() - 2;
    body[class] = 0x80;
    body.extend(record(FIRST_NAME, 1, 0x8001, 120, &[192, 168, 1, 9]));
    let bytes = message(0x8400, [1, 1, 0, 0], &body);
    let read = parse_link_local(&bytes).unwrap();
    assert!(read.link_local && read.authoritative);
    assert_eq!((read.questions[0].qclass, read.answers[0].class), (1, 1));
    assert_eq!(*only_data(&read), DnsData::A([192, 168, 1, 9].into()));
    assert_eq!(parse(&bytes).unwrap().questions[0].qclass, 0x8001);
}

#[test]
fn only_whole_and_plain_messages_look_like_dns() {
    let body = question(&wire_name("a.example"), 1);
    let plain = message(QUERY, [1, 0, 0, 0], &body);
    assert!(looks_like(&plain));
    assert!(!looks_like(&plain[..plain.len() - 1]));
    assert!(!looks_like(&[plain.as_slice(), &[0]].concat()));
    assert!(!looks_like(&message(QUERY | 0x0040, [1, 0, 0, 0], &body)));
    assert!(!looks_like(&message(QUERY | 3, [1, 0, 0, 0], &body)));
    assert!(!looks_like(&message(QUERY, [0, 0, 0, 0], &[])));
    assert!(!looks_like(&message(QUERY, [1, 0, 0, 0], &question(&wire_name("a\u{1}.example"), 1))));
    assert!(!looks_like(&message(QUERY, [1, 0, 0, 0], &question(&wire_name("a.example"), 0))));
    let odd_class = [&wire_name("a.example")[..], &[0, 1, 0, 99]].concat();
    assert!(!looks_like(&message(QUERY, [1, 0, 0, 0], &odd_class)));
    let three = [body.clone(), record(FIRST_NAME, 99, 1, 0, &[]).repeat(3)].concat();
    assert!(!looks_like(&message(QUERY, [1, 0, 0, 3], &three)));
    assert!(looks_like(&message(RESPONSE, [1, 0, 0, 3], &three)));
    let netbios = wire_name("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert!(!looks_like(&message(QUERY, [1, 0, 0, 0], &question(&netbios, 33))));
}

#[test]
fn tcp_messages_are_joined_and_split() {
    let one = message(QUERY, [1, 0, 0, 0], &question(&wire_name("one.example"), 1));
    let two = message(QUERY, [1, 0, 0, 0], &question(&wire_name("two.example"), 1));
    let mut stream = Vec::new();
    for bytes in [&one, &two, &one] {
        stream.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        stream.extend(bytes);
    }
    for piece in 1..=stream.len() {
        let mut reader = TcpReader::new();
        let mut names = Vec::new();
        for bytes in stream.chunks(piece) {
            reader.push(bytes, &mut |message| {
                names.push(message.questions[0].name.to_string());
            });
        }
        assert_eq!(names, ["one.example", "two.example", "one.example"], "pieces of {piece}");
        assert_eq!((reader.refused(), reader.held()), (None, 0));
    }
}

#[test]
fn a_tcp_stream_that_is_not_dns_is_given_up() {
    let mut reader = TcpReader::new();
    assert_eq!(
        reader.push(&[0, 5, 1, 2, 3, 4, 5, 0, 0], &mut |_| panic!("no message")),
        crate::inspect::Appetite::Done
    );
    assert!(matches!(reader.refused(), Some(DnsError::Short(_))));
    assert_eq!(reader.held(), 0);
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let label = proptest::collection::vec(any::<u8>(), 0..70)
        .prop_map(|bytes| [&[u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat());
    let pointer = (0xc0..=0xffu8, any::<u8>()).prop_map(|(high, low)| vec![high & 0xc1, low]);
    let number = proptest::sample::select(vec![
        vec![0, 1, 0, 1],
        vec![0, 0, 0, 60, 0, 4],
        vec![0, 5, 0, 1],
        vec![0, 41],
    ]);
    let junk = proptest::collection::vec(any::<u8>(), 0..20);
    let body = proptest::collection::vec(prop_oneof![label, pointer, Just(vec![0]), number, junk], 0..40);
    (any::<u16>(), [0..4u16, 0..4u16, 0..4u16, 0..4u16], body)
        .prop_map(|(flags, counts, parts)| message(flags & 0x87ff, counts, &parts.concat()))
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = (parse(&bytes), parse_link_local(&bytes), looks_like(&bytes));
    }

    #[test]
    fn nearly_messages_never_panic_and_stay_within_the_caps(bytes in any_message()) {
        if let Ok(read) = parse(&bytes) {
            prop_assert!(read.questions.len() <= MAX_QUESTIONS);
            prop_assert!(read.answers.len() + read.further.len() <= MAX_RECORDS);
        }
        let _ = looks_like(&bytes);
    }

    #[test]
    fn random_payloads_do_not_look_like_dns(bytes in proptest::collection::vec(any::<u8>(), 12..200)) {
        prop_assert!(!looks_like(&bytes));
    }

    #[test]
    fn tcp_pieces_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1usize..50) {
        let read = |pieces: std::slice::Chunks<'_, u8>| {
            let mut reader = TcpReader::new();
            let mut messages = Vec::new();
            for piece in pieces {
                reader.push(piece, &mut |message| messages.push(message));
            }
            prop_assert!(reader.held() <= MAX_TCP_BUFFER_BYTES);
            Ok((messages, reader.refused()))
        };
        prop_assert_eq!(read(bytes.chunks(cut))?, read(bytes.chunks(400))?);
    }
}
