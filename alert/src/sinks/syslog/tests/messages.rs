use super::{open, settings};
use crate::sinks::parcels::{alerts, parcel, soon};
use crate::sinks::syslog::message::{Facility, Writer};
use crate::sinks::syslog::sent::Sent;
use crate::sinks::{Kind, Outcome, Settings};
use crate::{Message, samples};
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

fn written(writer: &mut Writer, parcel: &crate::sinks::Parcel) -> String {
    String::from_utf8(writer.write(parcel)).unwrap().replace(&format!(" {} ", std::process::id()), " PROCID ")
}

const ORIGIN: &str = concat!("[origin software=\"weir\" swVersion=\"", env!("CARGO_PKG_VERSION"), "\"]");

#[test]
fn a_message_is_as_the_rfc_has_it() {
    let mut writer = Writer::new(Facility::Local0, Some("tap1.example.org"), None).unwrap();
    let mut alert = parcel(Kind::Alert, "{\"a\":1}");
    alert.time = weir_model::Timestamp::new(1_763_800_000, 123_456_789);
    let severity = alert.message.as_ref().unwrap().severity();
    assert_eq!(severity.keyword(), "high", "what follows is of that");
    let expected = format!(
        "<129>1 2025-11-22T08:26:40.123456Z tap1.example.org weir PROCID alert {ORIGIN}[meta sequenceId=\"1\"] {{\"a\":1}}"
    );
    assert_eq!(written(&mut writer, &alert), expected);
    let flow = parcel(Kind::Flow, "{}");
    assert!(written(&mut writer, &flow).starts_with("<134>1 2025-11-22T08:26:40.250000Z "));
    let notice = weir_model::notice::Matter::Released;
    let notice = weir_model::SourceNotice { time: samples::FIRST, source: None, matter: notice };
    let notice = crate::sinks::Parcel { message: Some(Message::from(notice).into()), ..alert };
    assert!(
        written(&mut writer, &notice).contains(" notice [origin")
            && written(&mut writer, &notice).starts_with("<134>")
    );
}

#[test]
fn letters_beyond_ascii_are_escaped_so_that_no_mark_is_needed() {
    let mut writer = Writer::new(Facility::Daemon, None, None).unwrap();
    let body = "{\"name\":\"b\u{fc}cher \u{1f4a5} \\u00e4 \u{feff}\"}";
    let message = writer.write(&parcel(Kind::Alert, body));
    assert!(message.is_ascii());
    let text = String::from_utf8(message).unwrap();
    let json = text.split_once("] {").map(|(_, json)| format!("{{{json}")).unwrap();
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read, serde_json::from_str::<serde_json::Value>(body).unwrap());
}

#[test]
fn structured_data_of_ours_wants_an_enterprise_number() {
    let mut writer = Writer::new(Facility::Audit, Some("h"), Some(64_512)).unwrap();
    let mut alert = parcel(Kind::Alert, "{}");
    alert.key = "a\"b\\c]d".to_owned();
    let id = alert.id;
    let expected = format!("[weir@64512 id=\"{id}\" key=\"a\\\"b\\\\c\\]d\" schema=\"ecs/9.0.0\"] {{}}");
    let text = written(&mut writer, &alert);
    assert!(text.starts_with("<105>1 ") && text.ends_with(&expected), "{text}");
}

#[test]
fn settings_that_cannot_work_say_why() {
    let error = |toml: &str| open(toml, Path::new("")).map(|_| ()).unwrap_err().text;
    for (url, says) in [
        ("siem.example", "`url`"),
        ("https://siem.example", "begins with https"),
        ("tcp://", "no host"),
        ("tcp://siem/path", "more than a host"),
        ("tls://user@siem", "more than a host"),
    ] {
        assert!(
            error(&format!("url = \"{url}\"")).contains(says),
            "{url}: {}",
            error(&format!("url = \"{url}\""))
        );
    }
    assert!(error("url = \"udp://h\"\nhostname = \"two words\"").contains("`hostname`"));
    assert!(error("url = \"tls://h\"\ntls.system_ca = false").contains("ca_file"));
    for good in ["udp://192.0.2.1", "tcp://[2001:db8::1]:601", "tls://siem.example.org"] {
        open(&format!("url = \"{good}\""), Path::new("")).unwrap();
    }
    assert_eq!(settings("url = \"tls://h\"\ntls.verify = false").warnings().len(), 1);
    assert_eq!(settings("url = \"udp://h\"\ntls.verify = false").warnings().len(), 2);
    assert!(settings("url = \"tcp://h\"").warnings().is_empty());
}

#[test]
fn over_udp_a_refusal_is_heard_and_what_it_may_have_hit_is_sent_again() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let address = receiver.local_addr().unwrap();
    let mut sink = open(&format!("url = \"udp://{address}\"\nmax_size = \"1GB\""), Path::new("")).unwrap();
    let body = |socket: &UdpSocket| {
        let mut buffer = vec![0; 70_000];
        let length = socket.recv(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        text.rsplit_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(sink.deliver(&alerts(["{\"n\":1}"]), soon()), [Outcome::Taken]);
    assert_eq!(body(&receiver), "{\"n\":1}");
    drop(receiver);
    let outcomes = sink.deliver(&alerts(["{\"n\":2}"]), soon());
    assert!(
        matches!(&outcomes[..], [Outcome::Failed(why)] if why.contains("nobody listens")),
        "{outcomes:?}"
    );
    let receiver = UdpSocket::bind(address).unwrap();
    receiver.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let large = format!("{{\"n\":\"{}\"}}", "x".repeat(66_000));
    let outcomes = sink.deliver(&alerts([&*large, "{\"n\":2}"]), soon());
    assert!(
        matches!(&outcomes[..], [Outcome::Refused(why), Outcome::Taken] if why.contains("65507")),
        "{outcomes:?}"
    );
    assert_eq!([body(&receiver), body(&receiver)], ["{\"n\":1}", "{\"n\":2}"], "the first again: who knows");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "times to reckon with")]
fn what_was_sent_is_remembered_for_a_time_and_in_bounds() {
    let (start, second) = (std::time::Instant::now(), Duration::from_secs(1));
    let mut sent = Sent::new(30 * second);
    let again = |sent: &mut Sent| {
        let mut messages = Vec::new();
        sent.again(|again| {
            messages = again.to_vec();
            Ok::<_, ()>(())
        })
        .unwrap();
        messages
    };
    sent.add(vec![b"1".to_vec()], start);
    sent.add(vec![b"2".to_vec()], start + 20 * second);
    assert!(again(&mut sent).is_empty() && !sent.is_unsure());
    sent.broke(start + 40 * second);
    sent.broke(start + 400 * second);
    assert_eq!(again(&mut sent), [b"2"], "however long the receiver is away");
    sent.all_sent(start + 400 * second);
    assert!(again(&mut sent).is_empty());
    sent.broke(start + 420 * second);
    assert_eq!(again(&mut sent), [b"2"], "it may have been lost once more");
    sent.all_sent(start + 420 * second);
    sent.add((0..10).map(|_| vec![0; 1 << 20]).collect(), start + 420 * second);
    sent.broke(start + 420 * second);
    assert_eq!(again(&mut sent).len(), 4);
}
