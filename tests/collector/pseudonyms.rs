//! Sinks with pseudonyms beside one without: no byte of theirs tells an inside address, in whatever form.

use crate::build::{self, Told};
use crate::run::{BAD, Exporter, Run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;

/// It looks bad names up, and speaks with a bad address.
const HOST: [u8; 4] = [10, 1, 2, 3];
const RESOLVER: [u8; 4] = [10, 1, 0, 53];
/// Another host speaks with it, and nothing there is bad.
const SERVER: [u8; 4] = [10, 7, 7, 7];
const ROUTER: [u8; 4] = [127, 0, 0, 2];
const INSIDE: [[u8; 4]; 4] = [HOST, RESOLVER, SERVER, ROUTER];
const KINDS: [&str; 3] = ["alerts", "flows", "names"];
/// Sinks with pseudonyms, by the names of their formats, and what each has a place for.
const VEILED: [(&str, &[&str]); 4] =
    [("ecs", &KINDS), ("ocsf", &KINDS), ("eve", &KINDS), ("pdnssoc", &["alerts"])];

fn configure(root: &Path, syslog: &UdpSocket) -> String {
    let mut text =
        "state = \"state\"\ndrain = \"2s\"\nhome_net = [\"10.0.0.0/8\", \"127.0.0.0/8\"]\n".to_owned();
    let add = |text: &mut String, name: &str, format: &str, kinds: &[&str], more: &str| {
        let _ = write!(
            text,
            "[sink.{name}]\ntype = \"file\"\npath = \"{name}-{{kind}}\"\nrotate = false\nformat = \"{format}\"\ntlp = \"red\"\n\
             send = {kinds:?}\n{more}\n"
        );
    };
    add(&mut text, "plain", "ecs", &KINDS, "");
    for (format, kinds) in VEILED {
        add(&mut text, format, format, kinds, "pseudonyms = true");
    }
    let to = syslog.local_addr().expect("an address");
    let log = "tlp = \"red\"\npseudonyms = true";
    let _ = writeln!(text, "[sink.log]\ntype = \"syslog\"\nurl = \"udp://{to}\"\n{log}");
    std::fs::write(root.join("weir.toml"), text).expect("a configuration");
    root.join("weir.toml").display().to_string()
}

/// A DNS message about one name; an answer gives it this address, or this name where it is a reverse look-up.
fn dns(name: &str, answer: Option<[u8; 4]>) -> Vec<u8> {
    let is_reverse = name.contains(".in-addr.");
    let encoded = |name: &str| -> Vec<u8> {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        labels.chain([0]).collect()
    };
    let mut bytes =
        vec![0x12, 0x34, if answer.is_some() { 0x81 } else { 0x01 }, 0x80 * u8::from(answer.is_some())];
    bytes.extend([0, 1, 0, u8::from(answer.is_some()), 0, 0, 0, 0]);
    bytes.extend(encoded(name));
    let kind = if is_reverse { 12 } else { 1 };
    bytes.extend([0, kind, 0, 1]);
    if let Some(address) = answer {
        let target = encoded("dyn-3-2-1-10.pool.example");
        let data = if is_reverse { target.as_slice() } else { &address };
        bytes.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        bytes.extend(data);
    }
    bytes
}

/// What happens: a flow to what is bad, another one, and look-ups.
fn happen(run: &Run) {
    let router = Exporter::new(ROUTER, run);
    let (bad, other) = (Told::new(HOST, BAD), Told::new(HOST, SERVER));
    router.send(&build::v5(0, &[bad, bad.back(), other, other.back()]));
    let asked = Told { ports: (5353, 53), ..Told::new(HOST, RESOLVER) };
    for (number, (name, answer)) in (1..).zip([
        ("host-10-1-2-3.bad.example", HOST),
        ("3.2.1.10.in-addr.arpa", HOST),
        ("3.2.1.10.zen.bad.example", [127, 0, 0, 2]),
        ("0a010203.bad.example", HOST),
    ]) {
        router.send(&build::sflow_of(2 * number, asked, &dns(name, None)));
        router.send(&build::sflow_of(2 * number + 1, asked.back(), &dns(name, Some(answer))));
    }
    run.wait_for("all is counted", || run.taken() == 9);
    let told = |sink: &str| run.lines(&format!("{sink}-alerts")).len();
    for (sink, _) in [&[("plain", &KINDS[..])], &VEILED[..2]].concat() {
        run.wait_for("all is alerted", || told(sink) >= 2);
    }
}

/// An address as it may be written.
fn forms(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address;
    let joined = |numbers: [u8; 4], between: &str| numbers.map(|number| number.to_string()).join(between);
    let mut forms: Vec<_> = [".", "-", "_"]
        .into_iter()
        .flat_map(|between| [joined([a, b, c, d], between), joined([d, c, b, a], between)])
        .collect();
    forms.push(format!("{a:02x}{b:02x}{c:02x}{d:02x}"));
    forms.push(format!("{a:02x}{b:02x}:{c:02x}{d:02x}"));
    forms.push(format!(":{}", Ipv4Addr::from(address)));
    forms.push(u32::from_be_bytes(address).to_string());
    forms
}

/// All texts with this name, wherever they stand.
fn texts(value: &Value, name: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| match member {
            Value::String(text) if key == name => into.extend([text.clone()]),
            other => texts(other, name, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| texts(item, name, into)),
        _ => {}
    }
}

/// What stands for the host, as flows have it.
fn pseudonym(run: &Run, kind: &str) -> String {
    let bad = Ipv4Addr::from(BAD).to_string();
    let lines = run.lines(&format!("ecs-{kind}"));
    let line = lines.iter().rev().find(|line| line["destination"]["ip"] == bad).expect("it is told");
    line["source"]["ip"].as_str().expect("an address").to_owned()
}

/// What a sink has of a kind.
fn written(run: &Run, sink: &str, kind: &str) -> String {
    std::fs::read_to_string(run.file(&format!("{sink}-{kind}"))).unwrap_or_default()
}

/// What came at a socket.
fn received(socket: &UdpSocket) -> String {
    let (mut text, mut datagram) = (String::new(), vec![0; 65_536]);
    while let Ok(length) = socket.recv(&mut datagram) {
        text.push_str(&String::from_utf8_lossy(&datagram[..length]));
    }
    text
}

/// What no sink with pseudonyms is to have: inside addresses in all forms, and the Community IDs and identifiers that the plain sink has.
fn secrets(run: &Run) -> BTreeSet<String> {
    let plain: String = KINDS.map(|kind| written(run, "plain", kind)).concat();
    for address in INSIDE {
        assert!(plain.contains(&Ipv4Addr::from(address).to_string()), "{address:?} is not in {plain}");
    }
    let mut secrets: BTreeSet<String> = INSIDE.into_iter().flat_map(forms).collect();
    for line in plain.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        texts(&line, "community_id", &mut secrets);
        let places = ["/event/id", "/weir/incident/id"];
        let identifiers = places.into_iter().filter_map(|place| line.pointer(place)?.as_str());
        secrets.extend(identifiers.map(str::to_owned));
    }
    assert!(secrets.iter().filter(|secret| secret.starts_with("1:")).count() >= 3, "{secrets:?}");
    secrets
}

fn tells_nothing(place: &str, text: &str, secrets: &BTreeSet<String>) {
    let mut words = text.split(|one: char| !(one.is_ascii_hexdigit() || one == ':'));
    let is_pseudonym = |ip: Ipv6Addr| ip.octets()[0] == 0xfd;
    assert!(words.any(|word| word.parse().is_ok_and(is_pseudonym)), "{place} has pseudonyms: {text}");
    let text = text.to_lowercase();
    for secret in secrets {
        assert!(!text.contains(&secret.to_lowercase()), "{secret} is in {place}: {text}");
    }
}

#[test]
fn sinks_with_pseudonyms_learn_no_inside_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let syslog = UdpSocket::bind("127.0.0.1:0").expect("a port of the loopback");
    syslog.set_nonblocking(true).expect("what has come is there when the program has ended");
    let config = configure(folder.path(), &syslog);
    let arguments = ["--config", &config];
    let mut run = Run::start_in(folder.path().to_owned(), &arguments);
    happen(&run);
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances") && !said.contains("DOES NOT"), "{said}");

    let secrets = secrets(&run);
    tells_nothing("the log", &received(&syslog), &secrets);
    for (sink, kinds) in VEILED {
        for kind in kinds {
            tells_nothing(&format!("{sink} {kind}"), &written(&run, sink, kind), &secrets);
        }
    }
    let host = pseudonym(&run, "alerts");
    assert!(host.starts_with("fd") && host == pseudonym(&run, "flows"), "one host, one pseudonym");
    assert!(written(&run, "ecs", "names").contains(&host), "in names, too");
    assert!(!written(&run, "eve", "names").contains(&host), "each sink has its own");
    drop(run);

    let again = |expected: bool, what: &str| {
        let mut run = Run::start_in(folder.path().to_owned(), &arguments);
        let bad = Told::new(HOST, BAD);
        Exporter::new(ROUTER, &run).send(&build::v5(0, &[bad, bad.back()]));
        run.wait_for("it is counted", || run.taken() == 1);
        run.end("-TERM");
        assert_eq!(pseudonym(&run, "flows") == host, expected, "{what}");
    };
    again(true, "after a start it is the same");
    std::fs::remove_file(folder.path().join("state/strip.key")).expect("there is a key");
    again(false, "with another key it is another");
}
