use super::*;
use crate::Lines;
use crate::samples::{self, ip};
use weir_model::SourceNotice;
use weir_model::community_id::community_id;

fn inside() -> Inside {
    let home = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
    Arc::new(RwLock::new(Networks::new(&home)))
}

fn of(sink: &str) -> Pseudonyms {
    Pseudonyms::new(&StripKey::new(&[7; StripKey::BYTES]), sink, inside())
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

#[test]
fn addresses_are_replaced_wherever_they_stand() {
    let pseudonyms = of("soc");
    let veil = pseudonyms.veil();
    let told = |text: &str| veil.ip(ip(text)).to_string();
    let (four, six) = (told("10.1.2.3"), told("2001:db8:1::7"));
    assert!(four.starts_with("fd") && six.starts_with("fd") && four != six);
    assert_eq!(told("203.0.113.9"), "203.0.113.9");
    assert_eq!(told(&four), four, "a pseudonym has none");
    assert_eq!(told("::ffff:10.1.2.3"), four);
    for (text, expected) in [
        ("10.1.2.3", four.clone()),
        ("10.1.2.3:443 asked 203.0.113.9:53.", format!("[{four}]:443 asked 203.0.113.9:53.")),
        ("It was 10.1.2.3. Then: 10.1.2.3: yes", format!("It was {four}. Then: {four}: yes")),
        ("\"2001:db8:1::7\",\"[2001:DB8:1:0:0:0:0:7]:80\"", format!("\"{six}\",\"[{six}]:80\"")),
        ("of 2001:db8:1::7.", format!("of {six}.")),
        ("CN=10.1.2.3,O=x", format!("CN={four},O=x")),
        ("x.10.1.2.3.nip.example", format!("x.{four}.nip.example")),
        ("110.1.2.3 v9.0.0 12:30:10 1.2.3", "110.1.2.3 v9.0.0 12:30:10 1.2.3".to_owned()),
        ("9.113.0.203.in-addr.arpa", "9.113.0.203.in-addr.arpa".to_owned()),
        ("größer als 10.1.2.3 µs", format!("größer als {four} µs")),
    ] {
        assert_eq!(veil.text(text), expected, "{text}");
    }
    let reverse = veil.text("_http.3.2.1.10.in-addr.arpa or").into_owned();
    let six_reverse =
        veil.text("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa").into_owned();
    let nibbles = |text: &str| -> String { text.chars().filter(char::is_ascii_hexdigit).rev().collect() };
    let expected = format!("{:032x}", veil.pseudonym(ip("10.1.2.3")).unwrap().to_bits());
    assert!(reverse.starts_with("_http.") && reverse.ends_with(".ip6.arpa or"), "{reverse}");
    assert!(
        nibbles(reverse.trim_start_matches("_http.").split(".ip6").next().unwrap()) == expected,
        "{reverse}"
    );
    assert!(!six_reverse.contains("8.b.d.0"), "{six_reverse}");
}

#[test]
fn nothing_of_a_message_tells_an_inside_address() {
    let (pseudonyms, other) = (of("soc"), of("mail"));
    let alerts = samples::full_alerts().into_iter().map(Message::from);
    let notices = samples::notices().into_iter().map(|notice: SourceNotice| Message::from(notice));
    for message in alerts.chain(notices) {
        let whole = written(&message);
        let made = pseudonyms.message(&message).expect("it can be made");
        let text = written(&made);
        for inside in ["10.1.2.3", "10.1.2.4", "192.0.2.", "2001:db8:1:"] {
            assert!(!text.contains(inside), "{inside} is in {text}");
        }
        assert_eq!(Some(&made), pseudonyms.message(&message).as_ref(), "the same each time");
        let Message::Alert(alert) = &message else { continue };
        let (one, two) = (alert.example.initiator, alert.example.responder);
        let identifier = community_id(0, alert.example.protocol, one, two);
        assert!(whole.contains(&identifier) && !text.contains(&identifier), "{text}");
        assert!(!text.contains(&alert.id.to_string()) && !text.contains(&alert.incident.to_string()));
        assert_ne!(written(&other.message(&message).unwrap()), text, "sinks cannot compare theirs");
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
    let pseudonyms = Pseudonyms::new(&StripKey::new(&[7; StripKey::BYTES]), "soc", Arc::clone(&inside));
    assert_eq!(pseudonyms.veil().ip(ip("203.0.113.9")), ip("203.0.113.9"));
    *inside.write().unwrap() = Networks::new(&["203.0.113.0/24".parse().unwrap()]);
    assert_ne!(pseudonyms.veil().ip(ip("203.0.113.9")), ip("203.0.113.9"));
    assert_eq!(format!("{pseudonyms:?}"), "Pseudonyms");
}
