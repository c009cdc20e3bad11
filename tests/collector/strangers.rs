//! What strangers can do: nothing to others, and little to memory, metrics and the terminal.

use crate::build::{self, Part, Told};
use crate::run::{BAD, Exporter, Run};
use std::collections::BTreeSet;

/// Series of `/metrics` that have an exporter.
fn labels(run: &Run) -> BTreeSet<String> {
    let page = run.get("/metrics").unwrap_or_default();
    let of = |line: &str| Some(line.split_once("exporter=\"")?.1.split_once('"')?.0.to_owned());
    page.lines().filter_map(of).collect()
}

/// Resident memory in kB.
fn memory(run: &Run) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.process())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

#[test]
fn exporters_that_are_not_in_the_list_are_not_heard_but_counted_and_told_once() {
    let mut run = Run::start(&["--exporter", "127.0.0.2"]);
    let (good, stranger) = (Exporter::new([127, 0, 0, 2], &run), Exporter::new([127, 0, 0, 3], &run));
    for sequence in 0..10 {
        stranger.send(&build::v5(sequence, &[Told::new([10, 0, 0, 9], BAD)]));
    }
    good.send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("it is alerted", || !run.lines("alerts").is_empty());
    run.wait_for("it is counted", || run.taken() == 1);
    assert_eq!(run.status()["collector"]["not_in_list"], 10);
    let (code, said) = run.end("-TERM");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the ledger balances"), "{said}");
    assert!(said.contains("10 of exporters not in the list + 1 handed on"), "{said}");
    assert_eq!(said.matches("127.0.0.3").count(), 1, "{said}");
    assert!(!run.lines("alerts").iter().any(|alert| alert.to_string().contains("10.0.0.9")));
}

#[test]
fn a_flood_of_forged_sources_makes_no_series_little_memory_and_few_lines() {
    const FORGED: u32 = 20_000;
    // In a list of networks these are allowed; only the two that are named have series.
    let named = "127.0.0.2,127.0.0.3,127.0.0.0/8";
    let mut run = Run::start(&["--exporter", named, "--listen", "127.0.0.1:0"]);
    let good = Exporter::new([127, 0, 0, 2], &run);
    good.send(&build::v9(0, &[Part::Template]));
    run.wait_for("the exporter is known", || run.taken() == 1);
    let before = memory(&run);
    let to = run.listens(0);
    for number in 0..FORGED {
        let [_, high, middle, low] = (0x7f01_0000 + number).to_be_bytes();
        Exporter::to([127, high, middle, low], to).send(&build::v9(number, &[Part::Template]));
        if number.is_multiple_of(200) {
            run.wait_for("it keeps up", || run.taken() + 2 >= u64::from(number));
        }
    }
    good.send(&build::v9(1, &[Part::Data(&[Told::new([10, 0, 0, 5], BAD)])]));
    run.wait_for("all is counted", || run.taken() == u64::from(FORGED) + 2);
    let grown = memory(&run).saturating_sub(before);
    assert!(grown < 100_000, "{grown} kB more than before");
    let series = labels(&run);
    assert_eq!(series, ["127.0.0.2", "127.0.0.3", "other"].map(str::to_owned).into());
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
    assert!(said.lines().count() < 80, "{} lines:\n{said}", said.lines().count());
}

#[test]
fn hostile_datagrams_do_nothing_to_other_exporters() {
    const ROUNDS: u32 = 100;
    let mut run = Run::start(&["--collectors", "2", "--exporter", "127.0.0.2,127.0.0.3"]);
    let (good, hostile) = (Exporter::new([127, 0, 0, 2], &run), Exporter::new([127, 0, 0, 3], &run));
    good.send(&build::v9(0, &[Part::Template]));
    let whole = build::ipfix(0, &[Part::Template, Part::Data(&[Told::new([10, 0, 0, 5], BAD)])]);
    let mut sent = 1_u64;
    for round in 0..ROUNDS {
        let last = round as u8;
        good.send(&build::v9(1 + round, &[Part::Data(&[Told::new([10, 3, 0, last], [192, 0, 2, last])])]));
        let at = round as usize % whole.len();
        let mut changed = whole.clone();
        changed[at] ^= 0x5a;
        let huge_template = [&[0, 9, 0, 1][..], &[0; 16], &[0, 0, 255, 255, 1, 0, 255, 255]].concat();
        let empty_template = [&[0, 9, 0, 1][..], &[0; 16], &[0, 0, 0, 12, 1, 0, 0, 1, 0, 8, 0, 0]].concat();
        for datagram in [&whole[..at], &changed, &huge_template, &empty_template, &[0; 1], &[0xff; 1_400]] {
            hostile.send(datagram);
        }
        sent += 7;
        run.wait_for("it keeps up", || run.taken() + 700 >= sent);
    }
    run.wait_for("all is counted", || run.taken() == sent);
    let (good, hostile) = (run.exporter("127.0.0.2"), run.exporter("127.0.0.3"));
    assert_eq!(good["records"].as_u64(), Some(u64::from(ROUNDS)), "{good}");
    assert_eq!((&good["lost"], good["refused"].as_array().map(Vec::len)), (&0.into(), Some(0)), "{good}");
    let refused = hostile["refused"].to_string();
    for reason in ["too_short", "unknown_version", "part_template_empty", "part_set_length"] {
        assert!(refused.contains(reason), "{reason} is not in {refused}");
    }
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
}
