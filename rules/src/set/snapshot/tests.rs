use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::indicator::{Effect, Further, Report, Url, Warning};
use weir_model::{Context, Indicator, IndicatorValue, Name};

/// One of each kind, with all that can be said of it.
fn example() -> IndicatorSet {
    let name = |text: &str| Name::from_ascii(text.as_bytes()).unwrap();
    let url = Url { host: name("evil.example"), port: Some(8080), path: "/a?b".into() };
    let values = [
        IndicatorValue::Address(Ipv4Addr::new(192, 0, 2, 1).into()),
        IndicatorValue::Address(Ipv6Addr::LOCALHOST.into()),
        IndicatorValue::AddressPort(Ipv4Addr::new(192, 0, 2, 1).into(), 443),
        IndicatorValue::Network("198.51.100.0/24".parse().unwrap()),
        IndicatorValue::Network("2001:db8::/32".parse().unwrap()),
        IndicatorValue::Domain(name("evil.example")),
        IndicatorValue::Host(name("www.evil.example")),
        IndicatorValue::Url(url),
        IndicatorValue::Ja3([5; 16]),
        IndicatorValue::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        IndicatorValue::CertificateSha1([7; 20]),
        IndicatorValue::CertificateSha256([9; 32]),
    ];
    let report = Report { id: None, title: Some("a report".into()) };
    let further = Further { report: Some(report.into()), ..Further::default() };
    let mut builder = SetBuilder::new();
    for (value, line) in values.into_iter().zip(1..) {
        let listed = Context { source: "list".into(), line: Some(line), ..Context::default() };
        let known =
            Context { source: "misp".into(), further: Some(further.clone().into()), ..Context::default() };
        let warning = Warning { list: "cdn".into(), effect: Effect::Shared };
        builder.add(Indicator { value, contexts: vec![listed, known], warnings: [warning].into() }).unwrap();
    }
    builder.build()
}

fn written(set: &IndicatorSet, label: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let len = set.write_snapshot(label, &mut bytes).unwrap();
    assert_eq!(len, bytes.len() as u64);
    bytes
}

/// Makes the checksums of bytes right again, as whoever means harm would.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 8).map(|word| u64::from_le_bytes(word.try_into().unwrap()))
    };
    for place in (64..FIXED_BYTES).step_by(24) {
        let Some((start, len)) = word(&bytes, place).zip(word(&bytes, place + 8)) else { return bytes };
        let Some(section) = bytes.get(start as usize..).and_then(|rest| rest.get(..len as usize)) else {
            continue;
        };
        let sum = checksum(section).to_le_bytes();
        bytes[place + 16..place + 24].copy_from_slice(&sum);
    }
    let end = FIXED_BYTES + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    if let Some(sum) = bytes.get(..end).map(checksum)
        && let Some(place) = bytes.get_mut(end..end + 8)
    {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}

/// Everything that can be asked.
fn ask(set: &IndicatorSet) {
    let names = ["evil.example", "a.www.evil.example", "x", "a.b.c.d.e"]
        .map(|name| Name::from_ascii(name.as_bytes()).unwrap());
    let ips: Vec<IpAddr> =
        ["192.0.2.1", "198.51.100.9", "2001:db8::9", "::1", "0.0.0.0"].map(|ip| ip.parse().unwrap()).to_vec();
    let mut met = Vec::new();
    set.names(&names, |_, id| met.push(id));
    set.addresses(&ips, |_, id| met.push(id));
    met.extend(ips.iter().filter_map(|ip| set.address_port(*ip, 443)));
    met.extend(set.url("evil.example", Some(8080), "/a?b"));
    met.extend(set.ja3(&[5; 16]));
    met.extend(set.ja4("t13d1516h2_8daaf6152771_e5627efa2ab1"));
    met.extend(set.certificate(&[7; 20], &[9; 32]));
    for id in met {
        drop(set.get(id));
    }
    assert!(set.iter().count() <= set.len());
    let _ = set.without(&example()).len() + example().without(set).len();
}

#[test]
fn comes_back_whole_with_its_label() {
    let set = example();
    let Snapshot { set: read, label } = IndicatorSet::from_snapshot(written(&set, b"made today")).unwrap();
    assert_eq!(label, b"made today");
    assert!(read.iter().eq(set.iter()));
    assert!(read.iter().all(|(id, indicator)| read.find_value(&indicator.value) == Some(id)));
    assert!(read.kinds().eq(set.kinds()));
    assert!(read.without(&set).is_empty() && set.without(&read).is_empty());
    assert_eq!(written(&read, b"made today"), written(&set, b"made today"));
    let empty = IndicatorSet::from_snapshot(written(&SetBuilder::new().build(), b"")).unwrap();
    assert!(empty.set.is_empty() && empty.label.is_empty());
    assert!(set.write_snapshot(&vec![0; MAX_LABEL_BYTES + 1], io::sink()).is_err());
}

#[test]
fn what_is_no_snapshot_is_refused_with_the_reason() {
    let error = |bytes: Vec<u8>| IndicatorSet::from_snapshot(bytes).map(|_| ()).unwrap_err();
    let good = written(&example(), b"label");
    assert_eq!(error(Vec::new()), SnapshotError::Magic);
    assert_eq!(error(b"{\"type\": \"bundle\"}".to_vec()), SnapshotError::Magic);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(error(changed(8, 9)), SnapshotError::Version(9));
    let whole = good.len() as u64;
    assert_eq!(error(good[..good.len() - 1].to_vec()), SnapshotError::Length(whole, whole - 1));
    assert_eq!(error([&good[..], b"x"].concat()), SnapshotError::Length(whole, whole + 1));
    assert_eq!(error(changed(FIXED_BYTES, b'L')), SnapshotError::Checksum);
    assert_eq!(error(changed(good.len() - 1, !good[good.len() - 1])), SnapshotError::Checksum);
    assert_eq!(error(changed(32, !good[32])), SnapshotError::Checksum);
    assert_eq!(
        error(sealed(changed(32, !good[32]))),
        SnapshotError::Contradiction("what is in it is not found in it"),
        "other secrets"
    );
    let length = SnapshotError::Length(100, 50).to_string();
    assert_eq!(length, "50 bytes long, but it says 100: it was not written whole");
}

#[test]
fn no_shorter_part_of_it_is_taken() {
    let good = written(&example(), b"label");
    assert!((0..good.len()).all(|len| IndicatorSet::from_snapshot(good[..len].to_vec()).is_err()));
}

#[test]
fn any_single_changed_byte_is_noticed_or_means_nothing() {
    let set = example();
    let good = written(&set, b"label");
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        // What fills the room before a section is nobody's.
        if let Ok(read) = IndicatorSet::from_snapshot(bytes) {
            assert!(read.set.iter().eq(set.iter()), "byte {at}");
        }
    }
}

proptest! {
    /// Changed at random and made right again, so that nothing but the checks at the place of use is left.
    #[test]
    fn hostile_bytes_do_no_harm(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
        cut in proptest::option::weighted(0.1, any::<proptest::sample::Index>()),
    ) {
        let mut bytes = written(&example(), b"label");
        for (at, byte) in changes {
            let at = at.index(bytes.len() - 24) + 24;
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(FIXED_BYTES + 16));
            let len = bytes.len() as u64;
            bytes[16..24].copy_from_slice(&len.to_le_bytes());
        }
        if let Ok(read) = IndicatorSet::from_snapshot(sealed(bytes)) {
            ask(&read.set);
        }
    }
}
