use super::*;
use crate::Lines;
use crate::samples::{self, ip};
use std::net::{IpAddr, Ipv6Addr};
use weir_model::IndicatorValue;
use weir_model::community_id::community_id;
use weir_model::flow::NameSource;

fn inside() -> Inside {
    let home = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
    Arc::new(RwLock::new(Networks::new(&home)))
}

fn key() -> StripKey {
    StripKey::new(&[7; StripKey::BYTES])
}

fn of(sink: &str) -> Pseudonyms {
    Pseudonyms::new(&key(), sink, inside())
}

/// All that a sink is given of a message.
fn written(message: &Message) -> String {
    let mut text = format!("{} {} ", message.id(), message.key());
    for format in Format::ALL {
        let mut lines = Lines::default();
        format.message(message, &mut lines);
        text.push_str(std::str::from_utf8(lines.bytes()).unwrap());
    }
    text
}

/// What is written, and what becomes of it; `{4}` and `{6}` are the pseudonyms of 10.1.2.3 and of 2001:db8:1::7, in brackets as a name has them.
const WRITTEN: [(&str, &str); 35] = [
    ("10.1.2.3", "{4}"),
    ("10.1.2.3:443 asked 203.0.113.9:53.", "[{4}]:443 asked 203.0.113.9:53."),
    ("It was 10.1.2.3. Then: 10.1.2.3: yes", "It was {4}. Then: {4}: yes"),
    (r#""2001:db8:1::7","[2001:DB8:1:0:0:0:0:7]:80""#, r#""{6}","[{6}]:80""#),
    ("of 2001:db8:1::7.", "of {6}."),
    ("::ffff:10.1.2.3", "{4}"),
    ("2001:db8:1::7:x 2001:db8:1:0:0:0:0:7:443", "{6}:x {6}:443"),
    ("a2001:db8:1:0:0:0:0:7 x:2001:db8:1::7.", "a2001:db8:1:0:0:0:0:7 x:{6}."),
    ("v=spf1 ip4:10.1.2.3 ip6:2001:db8:1::7 -all", "v=spf1 ip4:{4} ip6:{6} -all"),
    ("CN=10.1.2.3,O=x", "CN={4},O=x"),
    ("größer als 10.1.2.3 µs", "größer als {4} µs"),
    ("http://10.1.2.3/x http://10.1.2.3:81/", "http://[{4}]/x http://[{4}]:81/"),
    ("/from=%2010.1.2.3&to=10%2E1%2e2%2E3", "/from=%20{4}&to=(4)"),
    ("/from%3A2001%3Adb8%3A1%3a%3A7%20x", "/from%3A(6)%20x"),
    ("hxxp://10[.]1[.]2[.]3/", "hxxp://(4)/"),
    ("x.10.1.2.3.nip.example", "x.(4).nip.example"),
    ("3.2.1.10.list.example", "(4).list.example"),
    ("host-10-1-2-3.example", "host-(4).example"),
    ("dyn003_002_001_010.example", "dyn(4).example"),
    ("010.001.002.003.example", "(4).example"),
    ("2001-db8-1--7.ipv6-literal.example", "(6).ipv6-literal.example"),
    ("ip-2001-0db8-0001-0000-0000-0000-0000-0007.example", "ip-(6).example"),
    ("n-0A010203.example /0a010203.js", "n-(4).example /0a010203.js"),
    (r"printer\03210.1.2.3.example", r"printer\032(4).example"),
    (r"printer\032(10\0461\0462\0463).example", r"printer\032((4)).example"),
    ("_http.3.2.1.10.in-addr.arpa or", "_http.{r4} or"),
    ("3.0-63.2.1.10.IN-ADDR.ARPA", "{r4}"),
    ("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "{r6}"),
    ("x.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.l.example", "x.{n6}.l.example"),
    // What is none of ours, or no address.
    (
        "9.113.0.203.in-addr.arpa 10.113.0.203.in-addr.arpa",
        "9.113.0.203.in-addr.arpa 10.113.0.203.in-addr.arpa",
    ),
    ("203.0.113.10 203.0.113.10: 203.0.113.10.", "203.0.113.10 203.0.113.10: 203.0.113.10."),
    (
        "110.1.2.3 v9.0.0 12:30:10 1.2.3 10.1.2.256 2026-11-10",
        "110.1.2.3 v9.0.0 12:30:10 1.2.3 10.1.2.256 2026-11-10",
    ),
    ("2001:db8:2::7 fe80::1 203.0.112.0/22", "2001:db8:2::7 fe80::1 203.0.112.0/22"),
    ("0a010203-0c2f-4d11-9a55-0a0102030405", "0a010203-0c2f-4d11-9a55-0a0102030405"),
    ("", ""),
];

#[test]
fn addresses_are_replaced_however_they_are_written() {
    let pseudonyms = of("soc");
    let veil = pseudonyms.veil();
    let IpAddr::V6(four) = veil.ip(ip("10.1.2.3")) else { panic!("of version 6") };
    let IpAddr::V6(six) = veil.ip(ip("2001:db8:1::7")) else { panic!("of version 6") };
    let label = |ip: Ipv6Addr| ip.to_string().replace(':', "-");
    let nibbles = |ip: Ipv6Addr| -> String {
        let digits: Vec<_> = format!("{:032x}", ip.to_bits()).chars().rev().map(String::from).collect();
        digits.join(".")
    };
    for (text, told) in WRITTEN {
        let expected = told
            .replace("{4}", &four.to_string())
            .replace("{6}", &six.to_string())
            .replace("(4)", &label(four))
            .replace("(6)", &label(six))
            .replace("{r4}", &format!("{}.ip6.arpa", nibbles(four)))
            .replace("{r6}", &format!("{}.ip6.arpa", nibbles(six)))
            .replace("{n6}", &nibbles(six));
        let said = veil.text(text);
        assert_eq!(said, expected, "{text}");
        assert_eq!(veil.text(&said), said, "a pseudonym has none");
    }
}

#[test]
fn addresses_and_networks_that_hold_one_of_ours_are_replaced_too() {
    let pseudonyms = of("soc");
    let veil = pseudonyms.veil();
    for text in [
        "64:ff9b::10.1.2.3",
        "2002:a01:203::1",
        "2001:0:cb00:7109:0:f227:f5fe:fdfc",
        "2001:db8:2::5efe:a01:203",
        "192.0.0.0/16",
        "2001:db8::/40",
    ] {
        let said = veil.text(text);
        assert!(said.starts_with("fd") && !said.contains("10.1"), "{text} became {said}");
    }
    let written = "v=spf1 ip6:2001:db8:1::/48 -all";
    assert!(!veil.text(written).contains("2001"), "{}", veil.text(written));
    assert_eq!(veil.text("0.0.0.0/0 ::/0"), "0.0.0.0/0 ::/0", "all there is says nothing");
}

#[test]
fn what_is_ours_and_an_indicator_is_told_without_what_sources_say() {
    let pseudonyms = of("soc");
    let values = [
        IndicatorValue::Address(ip("10.1.2.3")),
        IndicatorValue::AddressPort(ip("10.1.2.3"), 443),
        IndicatorValue::Network("10.1.0.0/16".parse().unwrap()),
        IndicatorValue::Network("192.0.0.0/16".parse().unwrap()),
    ];
    for value in values {
        let indicator = samples::indicator(value.clone());
        let rings = Alert { indicator: Arc::clone(&indicator), ..samples::documented_alert() };
        let Message::Stripped(stripped) = pseudonyms.message(&rings.clone().into()) else {
            panic!("{value}")
        };
        assert!(stripped.id() != rings.id && stripped.key() != rings.incident);
        assert_ne!(Stripped::of_alert(&rings, &key()).id(), stripped.id(), "not that of other sinks");
        let also = Alert { also_matched: vec![indicator], ..samples::documented_alert() };
        let Message::Alert(told) = pseudonyms.message(&also.into()) else { panic!("{value}") };
        assert!(told.also_matched.is_empty());
        let home = "10.0.0.0/8".parse().unwrap();
        let matter = Matter::Listed { value, home, contexts: rings.indicator.contexts.clone() };
        let listed = SourceNotice { time: samples::FIRST, source: Some("feodo".into()), matter };
        assert!(matches!(pseudonyms.message(&listed.into()), Message::Stripped(_)));
    }
}

/// Pseudonyms are longer than addresses, and names are not as long as one likes.
#[test]
fn what_is_too_long_with_pseudonyms_is_told_without_it() {
    let long = samples::name(&"10.1.2.3.".repeat(28));
    let alert = Alert { names: vec![(long, NameSource::TlsSni)], ..samples::documented_alert() };
    let Message::Stripped(stripped) = of("soc").message(&alert.into()) else { panic!("it fits") };
    assert!(!written(&Message::Stripped(stripped)).contains("10.1.2.3"));
}

#[test]
fn nothing_of_a_message_tells_an_inside_address() {
    let (pseudonyms, other) = (of("soc"), of("mail"));
    let alerts = samples::full_alerts().into_iter().map(Message::from);
    let notices = samples::notices().into_iter().map(|notice: SourceNotice| Message::from(notice));
    for message in alerts.chain(notices) {
        let whole = written(&message);
        let made = pseudonyms.message(&message);
        let text = written(&made);
        for inside in ["10.1.2.3", "10.1.2.4", "192.0.2.", "2001:db8:1:"] {
            assert!(!text.contains(inside), "{inside} is in {text}");
        }
        assert_eq!(made, pseudonyms.message(&message), "the same each time");
        let Message::Alert(alert) = &message else { continue };
        let (one, two) = (alert.example.initiator, alert.example.responder);
        let identifier = community_id(0, alert.example.protocol, one, two);
        assert!(whole.contains(&identifier) && !text.contains(&identifier), "{text}");
        assert!(!text.contains(&alert.id.to_string()) && !text.contains(&alert.incident.to_string()));
        assert_ne!(written(&other.message(&message)), text, "sinks cannot compare theirs");
    }
}

#[test]
fn nothing_of_a_flow_or_a_name_tells_an_inside_address() {
    let pseudonyms = of("soc");
    let told = pseudonyms.veil().ip(ip("10.1.2.3")).to_string();
    for format in [Format::Ecs, Format::Ocsf, Format::Eve] {
        let flows = [samples::full_flow(), samples::exported_flow()];
        let flows = flows.iter().filter_map(|flow| {
            let whole = Parcel::of_flow(flow, format)?;
            Some((whole.key, pseudonyms.flow(flow, format)?))
        });
        let observations = samples::observations();
        let names = observations.iter().filter_map(|seen| {
            let whole = Parcel::of_name(FlowId(7), Protocol::TCP, seen, format)?;
            Some((whole.key, pseudonyms.name(FlowId(7), Protocol::TCP, seen, format)?))
        });
        let parcels: Vec<_> = flows.chain(names).collect();
        assert!(parcels.len() > 5, "{}", parcels.len());
        for (key, parcel) in parcels {
            let text = format!("{} {}", parcel.key, std::str::from_utf8(&parcel.body).unwrap());
            assert!(text.contains(&told), "{text}");
            for inside in ["10.1.2.3", "192.0.2.", key.as_str()] {
                assert!(!text.contains(inside), "{inside} is in {text}");
            }
        }
    }
}

#[test]
fn what_is_inside_may_change() {
    let inside = inside();
    let pseudonyms = Pseudonyms::new(&key(), "soc", Arc::clone(&inside));
    assert_eq!(pseudonyms.veil().ip(ip("203.0.113.9")), ip("203.0.113.9"));
    *inside.write().unwrap() = Networks::new(&["203.0.113.0/24".parse().unwrap()]);
    assert_ne!(pseudonyms.veil().ip(ip("203.0.113.9")), ip("203.0.113.9"));
    assert_eq!(format!("{pseudonyms:?}"), "Pseudonyms");
}
