use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv6Addr};
use weir_model::Timestamp;

fn written(value: impl Value) -> String {
    let mut text = Text::default();
    value.write(&mut text);
    String::from_utf8(text.bytes).unwrap()
}

#[test]
fn objects_nest_and_what_is_empty_stays_out() {
    let mut text = Text::default();
    text.bytes.extend(b"before ");
    object(&mut text, |event| {
        event.object("a", |a| a.set_some("b", None::<u32>));
        event.object("d", |d| {
            d.object("e", |e| e.set_list("f", [1_u8, 2]));
            d.object("g", |_| ());
        });
        event.set_list("l", Vec::<&str>::new());
        event.objects("o", [1_u16, 2], |object, port| object.set("port", port));
        event.objects("p", [(); 0], |_, ()| ());
        event.object("source", |source| {
            source.set("ip", IpAddr::from([192, 0, 2, 1]));
            source.set_count("none", 0_u32);
            source.set_count("some", 1_u32);
        });
        event.set_true("t", false);
        event.set_true("u", true);
        event.set_unique("v", ["b", "a", "b", "a", "c"].into_iter());
    });
    assert_eq!(
        String::from_utf8(text.bytes).unwrap(),
        r#"before {"d":{"e":{"f":[1,2]}},"o":[{"port":1},{"port":2}],"source":{"ip":"192.0.2.1","some":1},"u":true,"v":["b","a","c"]}"#
    );
    let mut text = Text::default();
    object(&mut text, |_| ());
    assert_eq!(text.bytes, b"{}");
}

#[test]
fn bytes_in_hexadecimal() {
    assert_eq!(written(Hex(&[0x01, 0xab, 0xf0])), r#""01abf0""#);
    assert_eq!(written(UpperHex(&[0x01, 0xab, 0xf0])), r#""01ABF0""#);
}

#[test]
fn times_at_the_edges_and_of_different_days() {
    let mut text = Text::default();
    for nanos in [0, 1, 999_999_999, 951_782_399_999_999_999, 951_868_799_500_000_000, u64::MAX] {
        let time = Timestamp::from_nanos(nanos);
        assert_eq!(written(time), format!("\"{time}\""));
        text.bytes.clear();
        time.write(&mut text);
        assert_eq!(text.bytes, format!("\"{time}\"").as_bytes());
    }
}

#[test]
fn addresses_with_zeros_in_every_place() {
    for pattern in 0..=u8::MAX {
        let groups = std::array::from_fn(|group| if pattern >> group & 1 == 1 { 0x10 << group } else { 0 });
        let address = IpAddr::V6(Ipv6Addr::from(<[u16; 8]>::map(groups, |group: u16| group)));
        assert_eq!(written(address), format!("\"{address}\""));
    }
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(written(mapped), "\"::ffff:192.0.2.1\"");
}

proptest! {
    #[test]
    fn any_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
        prop_assert_eq!(written(text.as_str()), serde_json::to_string(&text).unwrap());
        prop_assert_eq!(written(format_args!("{text}{}", 7)), serde_json::to_string(&format!("{text}7")).unwrap());
    }

    #[test]
    fn control_characters_too(text in "[\u{0}-\u{2f}\\\\\u{7f}a]{0,40}") {
        prop_assert_eq!(written(text.as_str()), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn any_number_time_and_address_is_written_as_it_is_displayed(
        number in any::<u64>(),
        address in any::<IpAddr>(),
        groups in proptest::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
    ) {
        prop_assert_eq!(written(number), number.min(i64::MAX as u64).to_string());
        prop_assert_eq!(written(number as u8), (number as u8).to_string());
        let time = Timestamp::from_nanos(number);
        prop_assert_eq!(written(time), format!("\"{time}\""));
        let sparse = IpAddr::V6(groups.into());
        prop_assert_eq!(written(address), format!("\"{address}\""));
        prop_assert_eq!(written(sparse), format!("\"{sparse}\""));
    }
}
