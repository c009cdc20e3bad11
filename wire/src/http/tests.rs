use super::*;
use proptest::prelude::*;
use weir_model::Name;
use weir_model::observation::HttpHost;

fn requests_in(pieces: &[&[u8]]) -> (Vec<HttpRequest>, Progress) {
    let (mut reader, mut exchange, mut seen) = (RequestReader::default(), Exchange::default(), Vec::new());
    let mut progress = Progress::More;
    for piece in pieces {
        progress = reader.push(piece, &mut exchange, &mut |request| seen.push(request));
    }
    (seen, progress)
}

fn one(bytes: &[u8]) -> HttpRequest {
    let (mut seen, _) = requests_in(&[bytes]);
    assert_eq!(seen.len(), 1, "{}", String::from_utf8_lossy(bytes));
    seen.remove(0)
}

fn host(text: &str) -> Option<HttpHost> {
    Name::from_ascii(text.as_bytes()).map(HttpHost::Name)
}

#[test]
fn the_three_forms_of_a_target() {
    let origin = one(b"GET /a?b=c HTTP/1.1\r\nHost: WWW.Example.org:8080\r\nUser-Agent: curl/8\r\n\r\n");
    assert_eq!((origin.form, &*origin.method, &*origin.path), (RequestForm::Origin, "GET", "/a?b=c"));
    assert_eq!((origin.host, origin.port), (host("www.example.org"), Some(8080)));
    assert_eq!(origin.user_agent.as_deref(), Some("curl/8"));

    let absolute = one(b"GET http://user@evil.example:81/x y\xff HTTP/1.0\r\nHost: proxy.example\r\n\r\n");
    assert_eq!((absolute.form, &*absolute.path), (RequestForm::Absolute, "/x%20y%FF"));
    assert_eq!((absolute.host, absolute.port), (host("evil.example"), Some(81)));
    assert_eq!(&*one(b"GET http://evil.example HTTP/1.1\r\n\r\n").path, "/");

    let connect = one(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n");
    assert_eq!((connect.form, &*connect.path), (RequestForm::Connect, ""));
    assert_eq!(connect.host, Some(HttpHost::Address("2001:db8::1".parse().unwrap())));
    assert_eq!(connect.port, Some(443));
}

#[test]
fn hosts_as_they_are_written() {
    let host_of = |value: &str| one(format!("GET / HTTP/1.1\nhost:{value}\n\n").as_bytes()).host;
    assert_eq!(host_of(" 192.0.2.1"), Some(HttpHost::Address("192.0.2.1".parse().unwrap())));
    assert_eq!(host_of("192.0.2.1:80 "), Some(HttpHost::Address("192.0.2.1".parse().unwrap())));
    assert_eq!(host_of(" evil.example."), host("evil.example"));
    assert_eq!(host_of(""), None);
}

#[test]
fn a_head_without_sense_in_its_fields_still_says_its_host() {
    let request =
        one(b"GET /x HTTP/1.1\r\nbroken line\r\n: empty\r\n\x01\x02: y\r\nHost: evil.example\r\n\r\n");
    assert_eq!(request.host, host("evil.example"));
}

#[test]
fn bodies_between_pipelined_requests_are_skipped() {
    let bytes = b"POST /1 HTTP/1.1\r\nContent-Length: 21\r\n\r\nGET /no HTTP/1.1\r\n\r\nX\
        PUT /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\r\n\
        GET /3 HTTP/1.1\r\n\r\n";
    let (seen, progress) = requests_in(&[bytes]);
    assert_eq!(seen.iter().map(|request| &*request.path).collect::<Vec<_>>(), ["/1", "/2", "/3"]);
    assert_eq!(progress, Progress::More);
}

#[test]
fn after_a_gap_the_next_request_line_is_found() {
    let (mut reader, mut exchange, mut seen) = (RequestReader::default(), Exchange::default(), Vec::new());
    let mut push = |reader: &mut RequestReader, exchange: &mut Exchange, bytes: &[u8]| {
        reader.push(bytes, exchange, &mut |request| seen.push(request))
    };
    push(&mut reader, &mut exchange, b"POST /1 HTTP/1.1\r\nHost: a.example\r\nX-Cut");
    assert_eq!(reader.gap(&mut exchange), Progress::More);
    push(&mut reader, &mut exchange, b"rest of a body GET / HTTP/1.1 x\n{}POST /2 HT");
    push(&mut reader, &mut exchange, b"TP/1.1\r\nHost: b.example\r\n\r\n");
    assert_eq!(seen.iter().map(|request| &*request.path).collect::<Vec<_>>(), ["/1", "/2"]);
    assert_eq!((seen[0].host.clone(), seen[1].host.clone()), (host("a.example"), host("b.example")));
}

#[test]
fn a_head_beyond_the_cap_is_cut_and_a_search_ends() {
    let mut bytes = b"GET /long HTTP/1.1\r\nHost: a.example\r\nCookie: ".to_vec();
    bytes.resize(40_000, b'x');
    bytes.extend_from_slice(b"\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
    let (seen, _) = requests_in(&[&bytes]);
    assert_eq!(seen.iter().map(|request| &*request.path).collect::<Vec<_>>(), ["/long", "/next"]);
    assert_eq!(seen[0].host, host("a.example"));

    let (seen, progress) =
        requests_in(&[b"GET / HTTP/1.1\r\n\r\n", &vec![0; 1_100_000], b"GET / HTTP/1.1\r\n\r\n"]);
    assert_eq!((seen.len(), progress), (1, Progress::Done));
}

#[test]
fn requests_beyond_the_cap_are_counted() {
    let (mut reader, mut exchange, mut seen) = (RequestReader::default(), Exchange::default(), 0_u32);
    for _ in 0..MAX_REQUESTS_REPORTED + 3 {
        reader.push(b"GET / HTTP/1.1\r\n\r\n", &mut exchange, &mut |_| seen += 1);
    }
    assert_eq!((seen, exchange.unreported()), (MAX_REQUESTS_REPORTED, 3));
}

#[test]
fn a_connect_ends_http_where_the_tunnel_begins() {
    let (seen, progress) = requests_in(&[b"CONNECT a.example:443 HTTP/1.1\r\n\r\n\x16\x03\x01"]);
    assert_eq!((seen.len(), progress), (1, Progress::Tunnel(34)));
}

fn responses(methods: &[&str], bytes: &[u8]) -> (Vec<u16>, Progress) {
    let (mut exchange, mut seen) = (Exchange::default(), Vec::new());
    let mut reader = RequestReader::default();
    for method in methods {
        reader.push(format!("{method} / HTTP/1.1\r\n\r\n").as_bytes(), &mut exchange, &mut |_| {});
    }
    let progress =
        ResponseReader::default().push(bytes, &mut exchange, &mut |response| seen.push(response.status));
    (seen, progress)
}

#[test]
fn answers_are_as_long_as_their_requests_say() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n\
        HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n\
        HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 in a body without length\r\n\r\n";
    assert_eq!(
        responses(&["HEAD", "GET", "GET", "GET", "GET"], bytes),
        (vec![100, 200, 404, 304, 200], Progress::Done)
    );
    let upgraded = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(responses(&["GET"], upgraded), (vec![101], Progress::Done));
}

#[test]
fn only_an_accepted_connect_opens_a_tunnel() {
    let connect = |bytes: &[u8]| {
        let (mut exchange, mut seen) = (Exchange::default(), Vec::new());
        RequestReader::default().push(b"CONNECT a:1 HTTP/1.1\r\n\r\n", &mut exchange, &mut |_| {});
        ResponseReader::default().push(bytes, &mut exchange, &mut |response| seen.push(response.status))
    };
    assert_eq!(connect(b"HTTP/1.0 200 OK\r\n\r\n\x16\x03"), Progress::Tunnel(19));
    assert_eq!(connect(b"HTTP/1.0 407 No\r\nContent-Length: 2\r\n\r\nno"), Progress::More);
}

#[test]
fn recognition_is_by_content() {
    assert_eq!(fits_request(b"GET /"), Fit::Yes);
    assert_eq!(fits_request(b"PROPFIND http://x"), Fit::Yes);
    assert_eq!(fits_request(b"CONNECT evil.example:443"), Fit::Yes);
    assert_eq!(fits_request(b"OPTIONS * HTTP/1.1"), Fit::Yes);
    assert_eq!(fits_request(b"OPTIONS ht"), Fit::Perhaps);
    assert_eq!(fits_request(b"G"), Fit::Perhaps);
    assert_eq!(fits_request(b"INVITE sip:a@b SIP/2.0"), Fit::No);
    assert_eq!(fits_request(b"USER anonymous"), Fit::No);
    assert_eq!(fits_request(b"\x16\x03\x01"), Fit::No);
    assert_eq!(fits_request(&[b'A'; 30]), Fit::No);
    assert_eq!(fits_response(b"HTTP/1.1 2"), Fit::Yes);
    assert_eq!(fits_response(b"HTTP/2"), Fit::No);
    assert_eq!(fits_response(b"HT"), Fit::Perhaps);
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec()),
        Just(b"POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody".to_vec()),
        Just(b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec()),
        Just(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::string::string_regex("[A-Z]{0,6} ?/? ?[a-z\r\n:]{0,12}")
            .unwrap()
            .prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_same_however_the_bytes_are_cut(bytes in messages(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let pieces: Vec<&[u8]> = ends.scan(0, |from, end| { let piece = &bytes[*from..end]; *from = end; Some(piece) }).collect();

        prop_assert_eq!(until_tunnel(&[&bytes]), until_tunnel(&pieces));
    }
}

/// What both readers report; a tunnel ends it.
fn until_tunnel(pieces: &[&[u8]]) -> (Vec<HttpRequest>, Vec<u16>) {
    let (mut requests, mut statuses) = (Vec::new(), Vec::new());
    let (mut reader, mut exchange) = (RequestReader::default(), Exchange::default());
    for piece in pieces {
        if let Progress::Tunnel(_) = reader.push(piece, &mut exchange, &mut |request| requests.push(request))
        {
            break;
        }
    }
    let (mut reader, mut exchange) = (ResponseReader::default(), Exchange::default());
    for piece in pieces {
        reader.push(piece, &mut exchange, &mut |response| {
            statuses.push(response.status);
        });
    }
    (requests, statuses)
}

proptest! {
    /// Whatever a strict parser accepts is read, and read the same.
    #[test]
    fn agrees_with_httparse(
        method in "[A-Z]{3,8}",
        target in "/[!-~]{0,20}",
        fields in proptest::collection::vec(("(Host|HOST|X-[a-z]{1,5}|User-Agent)", "[ -~]{0,20}"), 0..5),
        line_end in prop::sample::select(vec!["\r\n", "\n"]),
    ) {
        let mut head = format!("{method} {target} HTTP/1.1{line_end}");
        for (name, value) in &fields {
            head.extend([name, ":", value, line_end]);
        }
        head.push_str(line_end);
        let mut headers = [httparse::EMPTY_HEADER; 8];
        let mut strict = httparse::Request::new(&mut headers);
        prop_assume!(strict.parse(head.as_bytes()).is_ok_and(|status| status.is_complete()));

        let read = one(head.as_bytes());
        prop_assert_eq!(Some(&*read.method), strict.method);
        prop_assert_eq!(Some(&*read.path), strict.path);
        let field = |name: &str| strict.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        let agent = field("user-agent").map(|field| String::from_utf8_lossy(field.value.trim_ascii()));
        prop_assert_eq!(read.user_agent.as_deref(), agent.as_deref());
    }
}
