//! Thirty configurations, one after the other, while routers send: nothing is lost, the books balance, memory stays.

use crate::build::Told;
use crate::{BASE, Probe, sink, source};
use std::net::Ipv4Addr;

/// Repeatable chance (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).expect("it fits")]
    }

    /// A configuration in which one sink and one source are always the same.
    fn config(&mut self) -> String {
        let canary = self.pick(&["1s", "5s", "off"]);
        let key = self.pick(&["", "drain = \"3s\"", "idle_timeout = \"9s\"", "exporter = [\"127.0.0.0/8\"]"]);
        let role = self.pick(&["", "resolver = [\"10.9.9.9\"]", "mail = [\"10.9.9.8\"]"]);
        let some = sink("some", self.pick(&["", "format = \"eve\"", "format = \"ocsf\"", "enabled = false"]));
        let more = source("more", self.pick(&["more.txt", "other.txt", "none.txt"]));
        let text = [
            format!("canary = \"{canary}\"\n{key}\n{BASE}[role]\n{role}\n").as_str(),
            &sink("all", ""),
            &source("own", "bad.txt"),
            if self.below(2) == 0 { some.as_str() } else { "" },
            if self.below(2) == 0 { more.as_str() } else { "" },
        ]
        .concat();
        match self.below(4) {
            0 => format!("{text}[sink.x]\ntype = \"{}\"\n", self.pick(&["nonsense", "file"])),
            1 => format!("{text}[storm]\nper_minute = {}\n", 100_000 + self.below(9)),
            _ => text,
        }
    }
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn thirty_reloads_at_random_lose_nothing() {
    let mut chance = Chance(0x005e_ed0f_c0ff_ee01);
    let files = [
        ("bad.txt", "198.51.100.66\n"),
        ("more.txt", "192.0.2.1\n"),
        ("other.txt", "192.0.2.2\n192.0.2.3\n"),
    ];
    let first = format!("{BASE}\n{}{}", sink("all", ""), source("own", "bad.txt"));
    let mut probe = Probe::starting(&first, &files);
    let armed = |probe: &Probe| probe.run.status()["intelligence"]["sources"][0]["entries"] == 1;
    probe.run.wait_for("the list is armed", || armed(&probe));
    let mut expected = Vec::new();
    let (mut taken, mut refused, mut early) = (0, 0, 0);
    for round in 0..30_u8 {
        for last in 1..=5 {
            probe.send(Told::new([10, 1, round, last], [198, 51, 100, 66]));
            expected.push(Ipv4Addr::new(10, 1, round, last).to_string());
        }
        probe.write("weir.toml", &chance.config());
        match probe.reload() {
            (Some(2), said) => {
                refused += 1;
                assert!(said.contains("what counted before counts"), "{said}");
            }
            _ => taken += 1,
        }
        if round == 9 {
            early = resident_kib(probe.run.process());
        }
    }
    assert!(taken > 10 && refused > 3, "{taken} taken, {refused} refused");
    let late = resident_kib(probe.run.process());
    assert!(late < early + 48 * 1024, "{early} KiB after ten, {late} KiB after thirty");
    probe.run.wait_for("all is told", || probe.hosts("all.jsonl").len() >= expected.len());
    probe.end();
    let mut told = probe.hosts("all.jsonl");
    told.sort();
    expected.sort();
    assert_eq!(told, expected, "each once");
}
