use super::*;
use proptest::prelude::*;
use weir_model::observation::HttpHost;

/// A frame.
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

const SETTINGS: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
const END_STREAM: u8 = 0x01;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// `GET https://www.example.com/`, the first of RFC 7541 appendix C.3, with its name in the table.
const GET: &[u8] = b"\x82\x86\x84\x41\x0fwww.example.com";
/// `POST` to the name that [`GET`] left in the table, of `application/dns-message`.
const POST_DNS: &[u8] = b"\x83\x86\x84\xbe\x0f\x10\x17application/dns-message";
/// `200` with `application/dns-message`.
const ANSWER_DNS: &[u8] = b"\x88\x5f\x17application/dns-message";
/// `200` with a type of no interest.
const NONE_OF_THESE: &[u8] = b"\x88\x5f\x0atext/plain";

fn dns(is_response: bool) -> Vec<u8> {
    let mut message = vec![0, 0, if is_response { 0x81 } else { 1 }, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x01a\x07example\0\0\x01\0\x01");
    message
}

fn short(fact: &Fact) -> String {
    match fact {
        Fact::HttpRequest(request) => {
            let host = match &request.host {
                Some(HttpHost::Name(name)) => name.as_str(),
                _ => "-",
            };
            format!("{} {host} {}", request.method, request.path)
        }
        Fact::HttpResponse(response) => response.status.to_string(),
        Fact::Dns(message) if message.is_response => format!("answer {}", message.questions[0].name),
        Fact::Dns(message) => format!("question {}", message.questions[0].name),
        other => format!("{other:?}"),
    }
}

fn run(mut reader: Reader, pieces: &[&[u8]]) -> (Vec<String>, Appetite) {
    let (mut exchange, mut facts, mut appetite) = (Exchange::default(), Vec::new(), Appetite::More);
    for piece in pieces {
        if appetite == Appetite::More {
            appetite = reader.push(piece, &mut exchange, &mut |fact| facts.push(short(&fact)));
        }
    }
    (facts, appetite)
}

fn client(frames: &[Vec<u8>]) -> (Vec<String>, Appetite) {
    run(Reader::client(PREFACE.len()), &[PREFACE, SETTINGS, &frames.concat()])
}

fn server(frames: &[Vec<u8>]) -> (Vec<String>, Appetite) {
    run(Reader::server(), &[SETTINGS, &frames.concat()])
}

const EXAMPLE: &str = "GET www.example.com /";

#[test]
fn a_request_however_its_block_is_sent() {
    let padded = [&[3, 0, 0, 0, 0, 16][..], GET, &[0; 3]].concat();
    let ways = [
        vec![frame(1, END_HEADERS | END_STREAM, 1, GET)],
        vec![frame(1, END_HEADERS | PADDED | PRIORITY, 1, &padded)],
        vec![frame(1, 0, 1, &GET[..5]), frame(9, 0, 1, &GET[5..9]), frame(9, END_HEADERS, 1, &GET[9..])],
    ];
    for way in ways {
        assert_eq!(client(&way), (vec![EXAMPLE.to_owned()], Appetite::More));
    }
}

#[test]
fn a_tunnel_and_an_old_host_field() {
    let connect = b"\x02\x07CONNECT\x01\x0fa.example:443  \x7a\x04curl";
    let host = b"\x82\x84\x0f\x17\x09b.example";
    let (facts, _) =
        client(&[frame(1, END_HEADERS, 1, connect), frame(1, END_HEADERS | END_STREAM, 3, host)]);
    assert_eq!(facts, ["CONNECT a.example ", "GET b.example /"]);
}

#[test]
fn dns_messages_are_read_when_their_stream_ends() {
    let question = dns(false);
    let asked = [
        frame(1, END_HEADERS | END_STREAM, 1, GET),
        frame(1, END_HEADERS, 3, POST_DNS),
        frame(0, 0, 3, &question[..7]),
        frame(0, PADDED | END_STREAM, 3, &[&[2], &question[7..], &[0, 0]].concat()),
    ];
    let post = "POST www.example.com /";
    assert_eq!(client(&asked).0, [EXAMPLE, post, "question a.example"]);
    assert_eq!(client(&asked[..3]).0, [EXAMPLE, post]);

    let answered = [
        frame(1, END_HEADERS, 1, ANSWER_DNS),
        frame(1, END_HEADERS, 3, NONE_OF_THESE),
        frame(0, END_STREAM, 3, &dns(true)),
        frame(0, 0, 1, &dns(true)),
        frame(1, END_HEADERS | END_STREAM, 1, b"\x0f\x10\x00"),
        frame(1, END_HEADERS, 5, b"\x88\xbf"),
        frame(3, 0, 5, &[0; 4]),
        frame(0, END_STREAM, 5, &dns(true)),
    ];
    assert_eq!(server(&answered).0, ["200", "200", "answer a.example", "200"]);
}

#[test]
fn a_question_in_the_path() {
    let path = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
    let block = [&[0x82, 0x04, path.len() as u8], path.as_bytes()].concat();
    assert_eq!(
        client(&[frame(1, END_HEADERS | END_STREAM, 1, &block)]).0,
        [format!("GET - {path}"), "question www.example.com".into()]
    );
}

#[test]
fn clients_do_not_answer_and_promises_are_not_requests() {
    let wrong = [
        frame(1, END_HEADERS, 1, GET),
        frame(1, END_HEADERS, 3, POST_DNS),
        frame(0, END_STREAM, 3, &dns(true)),
    ];
    assert_eq!(client(&wrong).0.len(), 2);
    let promise = frame(5, END_HEADERS, 1, &[&[0, 0, 0, 2], GET].concat());
    assert_eq!(server(&[promise, frame(1, END_HEADERS, 1, b"\x8d")]).0, ["404"]);
}

#[test]
fn behind_a_block_that_was_not_read_only_whole_messages_count() {
    let too_long = vec![0; MAX_BLOCK_LEN + 1];
    for unread in [b"\xff\xff\xff\xff\xff\xff".as_slice(), &too_long] {
        let (facts, appetite) = server(&[
            frame(1, END_HEADERS, 1, unread),
            frame(0, END_STREAM, 1, &dns(true)),
            frame(1, END_HEADERS, 3, ANSWER_DNS),
            frame(0, END_STREAM, 3, &[dns(true), vec![0]].concat()),
        ]);
        assert_eq!(
            (facts.as_slice(), appetite),
            (["answer a.example".to_owned()].as_slice(), Appetite::More)
        );
    }
}

#[test]
fn what_no_peer_would_accept_is_the_end() {
    let ends = |frames: &[Vec<u8>]| client(frames).1 == Appetite::Done;
    assert!(ends(&[frame(0, 0, 0, b"data")]), "DATA of the connection");
    assert!(ends(&[frame(4, 0, 0, b"seven b")]), "SETTINGS of seven bytes");
    assert!(ends(&[frame(9, END_HEADERS, 1, GET)]), "CONTINUATION of nothing");
    assert!(ends(&[frame(1, 0, 1, GET), frame(0, 0, 1, b"x")]), "DATA within a block");
    assert!(ends(&[frame(0, PADDED, 1, b"\x05abc")]), "more padding than frame");
    assert!(!ends(&[frame(0xee, 0xff, 9, b"of a kind that does not exist")]));
    assert!(!ends(&[vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]]), "16 MiB are not awaited, but passed over");
}

#[test]
fn bodies_that_were_dropped_are_counted() {
    let (mut reader, mut exchange) = (Reader::server(), Exchange::default());
    for stream in 0..20 {
        let bytes = frame(1, END_HEADERS, 2 * stream + 1, ANSWER_DNS);
        reader.push(&bytes, &mut exchange, &mut |_| {});
    }
    assert_eq!(exchange.unread_bodies(), 20 - bodies::MAX_BODIES as u32);
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let stream = prop::sample::select(vec![1_u32, 3]);
    let flags = prop::sample::select(vec![0_u8, 1, 4, 5, 8, 13, 0x2d]);
    let content = prop_oneof![
        Just(GET.to_vec()),
        Just(POST_DNS.to_vec()),
        Just(ANSWER_DNS.to_vec()),
        Just(dns(true)),
        Just(dns(false)),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    (0..10_u8, flags, stream, content).prop_map(|(kind, flags, stream, content)| {
        let stream = if matches!(kind, 4 | 6 | 7) { 0 } else { stream };
        frame(kind, flags, stream, &content)
    })
}

proptest! {
    #[test]
    fn the_same_facts_however_frames_are_cut(
        frames in proptest::collection::vec(frames(), 0..12),
        damage in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in proptest::collection::vec(1_usize..30, 1..10),
    ) {
        let mut bytes = [SETTINGS.to_vec(), frames.concat()].concat();
        if let Some((index, value)) = damage {
            let position = index.index(bytes.len());
            bytes[position] = value;
        }
        let (mut pieces, mut rest, mut lengths) = (Vec::new(), bytes.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
            pieces.push(now);
            rest = later;
        }
        prop_assert_eq!(run(Reader::server(), &[&bytes]), run(Reader::server(), &pieces));
        prop_assert_eq!(run(Reader::client(0), &[&bytes]), run(Reader::client(0), &pieces));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        run(Reader::server(), &pieces);
        run(Reader::client(PREFACE.len()), &pieces);
    }
}
