//! What counts as soon as it is read.

use crate::build::Told;
use crate::{BASE, Probe, sink, source};

const BAD: [u8; 4] = [198, 51, 100, 66];
const WORSE: [u8; 4] = [198, 51, 100, 77];

#[test]
fn sinks_come_go_and_change_and_those_that_stay_are_not_disturbed() {
    let config = |more: &str| format!("indicators = [\"bad.txt\"]\n{BASE}\n{}{more}", sink("all", ""));
    let mut probe = Probe::starting(&config(""), &[("bad.txt", "198.51.100.66\n")]);
    probe.send(Told::new([10, 0, 0, 1], BAD));
    probe.run.wait_for("it is told", || probe.hosts("all.jsonl").len() == 1);

    let said = probe.change(&config(&sink("two", "")));
    assert!(said.contains("sink.two is there"), "{said}");
    probe.send(Told::new([10, 0, 0, 2], BAD));
    probe.run.wait_for("both are told", || probe.hosts("two.jsonl") == ["10.0.0.2"]);

    // The same file, another format: nothing is lost between the two, and nothing told twice.
    let said = probe.change(&config(&sink("two", "format = \"eve\"")));
    assert!(said.contains("sink.two.format"), "{said}");
    probe.send(Told::new([10, 0, 0, 3], BAD));
    let in_eve = |probe: &Probe, host: &str| {
        let lines = probe.run.lines("two.jsonl");
        lines.iter().filter(|line| line["src_ip"] == host && line["event_type"] == "alert").count()
    };
    probe.run.wait_for("the other format is written", || in_eve(&probe, "10.0.0.3") > 0);
    assert_eq!((in_eve(&probe, "10.0.0.3"), probe.hosts("two.jsonl")), (1, vec!["10.0.0.2".to_owned()]));

    let said = probe.change(&config(""));
    assert!(said.contains("sink.two is gone"), "{said}");
    probe.send(Told::new([10, 0, 0, 4], BAD));
    probe.run.wait_for("the first has all", || probe.hosts("all.jsonl").len() == 4);
    assert_eq!(probe.hosts("two.jsonl"), ["10.0.0.2"], "who is gone is told no more");
    // Brought back in time, it gets what it missed; unless it got it as it went, in the format of then.
    probe.change(&config(&sink("two", "")));
    let told = |probe: &Probe| {
        let hosts = probe.hosts("two.jsonl");
        hosts.iter().filter(|host| **host == "10.0.0.4").count() + in_eve(probe, "10.0.0.4")
    };
    probe.run.wait_for("it is told after all", || told(&probe) == 1);
    let said = probe.end();
    assert_eq!(probe.hosts("all.jsonl"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], "{said}");
}

#[test]
fn sources_lists_and_networks_change_together_with_what_rings() {
    let all = sink("all", "");
    let files = [("bad.txt", "198.51.100.66\n"), ("worse.txt", "198.51.100.77\n")];
    let mut probe = Probe::starting(&format!("indicators = [\"bad.txt\"]\n{BASE}\n{all}"), &files);
    probe.send(Told::new([10, 0, 0, 1], WORSE));
    probe.run.wait_for("it is heard", || probe.run.taken() == 1);

    // Another list; what is open meets what is new in it.
    let said = probe.change(&format!("indicators = [\"worse.txt\"]\n{BASE}\n{all}"));
    assert!(said.contains("indicators"), "{said}");
    probe.run.wait_for("an open flow rings", || probe.hosts("all.jsonl") == ["10.0.0.1"]);
    probe.send(Told::new([10, 0, 0, 2], BAD));

    // The same list, with more in it.
    probe.write("worse.txt", "198.51.100.77\n198.51.100.66\n");
    probe.change(&format!("indicators = [\"worse.txt\"]\n{BASE}\n{all}"));
    probe.run.wait_for("it was read again", || probe.hosts("all.jsonl").len() == 2);

    // From lists to sources, one of which comes, changes and goes.
    let two = format!("{BASE}\n{all}{}{}", source("one", "bad.txt"), source("two", "worse.txt"));
    let said = probe.change(&two);
    assert!(said.contains("source.one is there"), "{said}");
    let sources = |probe: &Probe| {
        let rows = probe.run.status()["intelligence"]["sources"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| (row["name"].clone(), row["entries"].as_u64().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let expected = vec![("one".into(), 1), ("two".into(), 2)];
    probe.run.wait_for("both are read", || sources(&probe) == expected);
    probe.write("none.txt", "# nothing\n192.0.2.99\n");
    probe.change(&two.replace("worse.txt", "none.txt"));
    probe.run.wait_for("it is asked at once", || sources(&probe) == [("one".into(), 1), ("two".into(), 1)]);
    probe.send(Told::new([10, 0, 0, 3], WORSE));
    probe.send(Told::new([10, 0, 0, 4], BAD));
    probe.run.wait_for("the one rings", || probe.hosts("all.jsonl").contains(&"10.0.0.4".to_owned()));
    assert!(!probe.hosts("all.jsonl").contains(&"10.0.0.3".to_owned()), "the other says it no longer");
    let said = probe.change(&format!("{BASE}\n{all}{}", source("two", "none.txt")));
    assert!(said.contains("source.one is gone"), "{said}");
    probe.send(Told::new([10, 0, 0, 5], BAD));

    // Who is inside is decided anew.
    let ours = BASE.replace("10.0.0.0/8", "203.0.113.0/24");
    probe.change(&format!("{ours}\n{all}{}", source("two", "none.txt")));
    probe.send(Told::new([203, 0, 113, 9], [192, 0, 2, 99]));
    probe.run.wait_for("it is ours", || probe.hosts("all.jsonl").contains(&"203.0.113.9".to_owned()));
    assert!(!probe.hosts("all.jsonl").contains(&"10.0.0.5".to_owned()), "its source is gone");
    probe.end();
}

#[test]
fn what_wants_a_restart_is_said_with_the_reason_and_the_rest_counts() {
    let all = sink("all", "");
    let mut probe = Probe::starting(&format!("{BASE}exporter = [\"127.0.0.2\"]\n{all}"), &[]);
    let more = "exporter = [\"127.0.0.3\"]\nexporter_sampling = [\"127.0.0.3=100\"]\nworkers = 3\nidle_timeout = \"9s\"\ncanary = \"2s\"\n";
    probe.write(
        "weir.toml",
        &format!("{BASE}{more}[storm]\nper_minute = 7\n{}", sink("all", "send = [\"alerts\", \"flows\"]")),
    );
    let (code, said) = probe.reload();
    assert_eq!(code, Some(1), "{said}");
    for line in [
        "counts         canary\n",
        "counts         exporter\n",
        "counts         storm.per_minute\n",
        "after restart  idle_timeout: the tables of flows are made at the start\n",
        "after restart  sink.all.send: nobody wanted flows",
        "after restart  workers: each thread has its share of the flows\n",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    let status = probe.status();
    assert_eq!((status["accepted"].as_u64(), status["problem"].as_str()), (Some(1), None), "{status}");
    probe.send(Told::new([10, 0, 0, 1], BAD));
    let now_heard = crate::run::Exporter::new([127, 0, 0, 3], &probe.run);
    now_heard.send(&crate::build::v5(0, &[Told::new([10, 0, 0, 2], BAD)]));
    probe.run.wait_for("the other is heard", || probe.run.exporter("127.0.0.3")["datagrams"] == 1);
    probe.run.wait_for("and sampled", || probe.run.exporter("127.0.0.3")["sampled_one_in"] == 100);
    probe.run.wait_for("the one is not", || {
        probe.run.left(&ledger_unit(&probe), "of exporters not in the list") == 1
    });
    let journal = std::fs::read_to_string(probe.path("state/audit.jsonl")).expect("a journal");
    assert!(journal.contains("\"action\":\"reload\""), "{journal}");
    // What waits for a restart is said again, and what was changed back does not wait any more.
    probe.write("weir.toml", &format!("{BASE}{more}{all}").replace("workers = 3\n", ""));
    let (code, said) = probe.reload();
    assert!(code == Some(1) && !said.contains("workers") && said.contains("idle_timeout"), "{said}");
    probe.end();
}

fn ledger_unit(probe: &Probe) -> String {
    let status = probe.run.status();
    let units = status["ledger"]["boundaries"].as_array().cloned().unwrap_or_default();
    let names = units.iter().filter_map(|boundary| boundary["unit"].as_str());
    names.filter(|unit| unit.contains("udp")).map(str::to_owned).next().unwrap_or_default()
}
