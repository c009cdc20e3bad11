//! Interfaces: there, up, and showing packets as they were on the wire.

use super::finding::Finding;
use super::queues;
use crate::config::RunSettings;
use std::path::Path;
use weir_capture::host::Card;

/// Where the kernel tells of interfaces.
const PLACE: &str = "/sys/class/net";
/// Less fills within a fraction of a millisecond at 10 Gb/s.
const SMALL_RING: u32 = 1_024;

/// Looks at each.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    let interfaces = &settings.tap.interfaces;
    if interfaces.is_empty() && settings.collector.is_empty() {
        return vec![nothing_to_watch()];
    }
    interfaces.iter().flat_map(|name| look_at(name, settings.common.workers)).collect()
}

fn nothing_to_watch() -> Finding {
    Finding::note(
        "what to watch",
        "nobody said so: no interface was looked at",
        format!("--interface NAME, or --config FILE; there are: {}", names().join(", ")),
    )
}

fn look_at(name: &str, workers: usize) -> Vec<Finding> {
    let place = Path::new(PLACE).join(name);
    if !place.exists() {
        let there = names().join(", ");
        let remedy = format!("name one that is there: {there}");
        return vec![Finding::wrong(name, "there is no such interface", remedy)];
    }
    let mut found = vec![state(name, &place)];
    let card = Card::ask(name);
    let off = |feature: &str| {
        format!(
            "ethtool -K {name} {feature} off (and where your system sets up interfaces, so that it lasts)"
        )
    };
    found.extend(joining(name, "GRO", card.joins_in_kernel, &off("gro")));
    found.extend(joining(name, "LRO", card.joins_in_card, &off("lro")));
    found.extend(card.rings.map(|rings| ring(name, rings.now, rings.most)));
    found.extend(queues::judge(name, &card, workers));
    found.push(drops(name, &place));
    found
}

fn state(name: &str, place: &Path) -> Finding {
    let is_up = text(place, "flags")
        .and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok())
        .is_some_and(|flags| flags & 1 == 1);
    if !is_up {
        return Finding::wrong(name, "it is down", format!("ip link set {name} up"));
    }
    match text(place, "carrier").as_deref() {
        Some("0") => Finding::wrong(
            name,
            "up, but without a signal",
            "is the cable in, and does the tap or the mirror port send?",
        ),
        _ => Finding::fine(name, text(place, "speed").map_or("up".to_owned(), |speed| speed_text(&speed))),
    }
}

fn speed_text(speed: &str) -> String {
    match speed.parse::<i64>() {
        Ok(megabits) if megabits > 0 => format!("up, {megabits} Mb/s"),
        _ => "up".to_owned(),
    }
}

/// What joins packets falsifies their lengths and times, and a snap length cuts more of them.
fn joining(name: &str, feature: &str, is_on: Option<bool>, remedy: &str) -> Option<Finding> {
    let about = format!("{name}: {feature}");
    Some(if is_on? {
        let found =
            "packets are joined before they are seen: lengths, counts and times are not those of the wire";
        Finding::wrong(about, found, remedy)
    } else {
        Finding::fine(about, "off: packets are as they were on the wire")
    })
}

fn ring(name: &str, now: u32, most: u32) -> Finding {
    let about = format!("{name}: ring of the card");
    let found = format!("{now} packets of at most {most}");
    if now < most && now < SMALL_RING.max(most / 4) {
        return Finding::note(
            about,
            found,
            format!("ethtool -G {name} rx {most}: bursts are lost in the card before anybody sees them"),
        );
    }
    Finding::fine(about, found)
}

/// What the card or its driver has lost since the machine started.
fn drops(name: &str, place: &Path) -> Finding {
    let counter = |counter: &str| text(&place.join("statistics"), counter)?.parse::<u64>().ok();
    let lost: Vec<_> = ["rx_dropped", "rx_missed_errors", "rx_fifo_errors", "rx_crc_errors"]
        .into_iter()
        .filter_map(|name| Some((name, counter(name)?)))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let about = format!("{name}: lost by the card");
    match &lost[..] {
        [] => Finding::fine(about, "nothing since the machine started"),
        lost => Finding::note(
            about,
            lost.join(", "),
            "look whether it grows (ip -s link): a larger ring, more queues, another slot or cable",
        ),
    }
}

fn text(place: &Path, name: &str) -> Option<String> {
    Some(std::fs::read_to_string(place.join(name)).ok()?.trim().to_owned())
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(PLACE).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    /// No virtual wire has rings of a card.
    #[test]
    fn a_ring_that_could_be_larger_is_told() {
        for (now, most, verdict) in [
            (256, 4_096, Verdict::Note),
            (4_096, 4_096, Verdict::Fine),
            (1_024, 4_096, Verdict::Fine),
            (1_024, 8_192, Verdict::Note),
            (256, 256, Verdict::Fine),
        ] {
            assert_eq!(ring("eth1", now, most).verdict, verdict, "{now} of {most}");
        }
        assert!(ring("eth1", 256, 4_096).remedy.unwrap().starts_with("ethtool -G eth1 rx 4096"));
    }
}
