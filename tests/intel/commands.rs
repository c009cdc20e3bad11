//! `weir intel` and `weir explain` without a running program.

use crate::Room;
use crate::lists::Lists;

const FILE: &str = "[source.own]\ntype = \"feed\"\npath = \"bad.txt\"\n";

#[test]
fn what_a_source_says_counts_until_it_says_otherwise() {
    let room = Room::new(FILE);
    room.write("bad.txt", "evil.example # a C2\n192.0.2.7\nnot an indicator\n");
    let rows = room.sync();
    assert_eq!((&rows[0]["outcome"], &rows[0]["added"]), (&"synced".into(), &2.into()), "{rows:?}");
    assert_eq!(rows[0]["refused"]["name_without_dot"], 1, "{rows:?}");
    assert_eq!(room.values(), ["192.0.2.7", "evil.example"]);
    let explained = room.weir(&["explain", "www.evil[.]example", "--config", "weir.toml"]);
    assert_eq!(explained.code, Some(1));
    assert!(explained.out.contains("because of the domain evil.example"), "{}", explained.out);
    let tried = room.weir(&["intel", "test", "192.0.2.7", "192.0.2.8", "--config", "weir.toml"]);
    assert!(tried.code == Some(1) && tried.out.contains("192.0.2.8  nothing"), "{}", tried.out);
    let refused = room.json(&["intel", "list", "--refused"]);
    assert_eq!(refused["refused"]["rows"][0]["reason"], "name_without_dot", "{refused}");

    room.write("bad.txt", "evil.example # a C2\n");
    assert_eq!(room.sync()[0]["removed"], 1);
    assert_eq!(room.values(), ["evil.example"]);
    let gone = room.json(&["explain", "192.0.2.7"]);
    assert_eq!(
        (&gone["verdict"], &gone["said"][0]["state"]),
        (&"gone".into(), &"withdrawn".into()),
        "{gone}"
    );
    assert_eq!(room.verdict("192.0.2.8"), "unknown");
    let difference = room.json(&["intel", "diff", "--since", "1h"]);
    let counts = &difference["counts"]["own"];
    assert_eq!((&counts["added"], &counts["removed"]), (&2.into(), &1.into()), "{difference}");
    assert_eq!(room.sync()[0]["outcome"], "unchanged");
}

#[test]
fn a_source_that_is_down_keeps_what_it_said_and_stops_no_other() {
    let lists = Lists::new("evil.example\n");
    let url = format!("[source.web]\ntype = \"feed\"\nurl = \"{}\"\nhttp.proxy = \"none\"\n", lists.url());
    let room = Room::new(&format!("{FILE}{url}"));
    room.write("bad.txt", "192.0.2.7\n");
    assert!(room.sync().iter().all(|row| row["outcome"] == "synced"));
    lists.say(503, "later");
    room.write("bad.txt", "192.0.2.7\n192.0.2.8\n");
    let said = room.weir(&["intel", "sync", "--config", "weir.toml"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.error);
    assert!(said.out.contains("FAILED") && said.out.contains("503"), "{}", said.out);
    assert_eq!(room.values(), ["192.0.2.7", "192.0.2.8", "evil.example"]);
    let sources = room.weir(&["intel", "sources", "--config", "weir.toml"]);
    assert!(sources.code == Some(1) && sources.out.contains("web is failing: "), "{}", sources.out);
    lists.say(200, "other.example\n");
    assert!(room.sync().iter().all(|row| row["problem"].is_null()));
    assert_eq!(room.values(), ["192.0.2.7", "192.0.2.8", "other.example"]);
}

#[test]
fn what_looks_wrong_is_held_until_it_is_released() {
    let room = Room::new(FILE);
    let many: Vec<_> = (0..200).map(|last| format!("192.0.2.{last}")).collect();
    room.write("bad.txt", &many.join("\n"));
    room.sync();
    room.write("bad.txt", "192.0.2.1\n");
    let said = room.weir(&["intel", "sync", "--config", "weir.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("HELD") && said.out.contains("weir intel release own"), "{}", said.out);
    assert_eq!(room.values().len(), 100, "as many as are listed without --limit");
    assert_eq!(room.verdict("192.0.2.100"), "rings");
    let released = room.weir(&["intel", "release", "own", "--config", "weir.toml"]);
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.error);
    assert_eq!(room.values(), ["192.0.2.1"]);
    let again = room.weir(&["intel", "release", "own", "--config", "weir.toml"]);
    assert!(again.code == Some(2) && again.error.contains("nothing of own is held back"), "{}", again.error);
}

#[test]
fn what_rings_for_nothing_elsewhere_is_kept_out_with_the_reason() {
    let room = Room::new(&format!("home_net = [\"203.0.113.0/24\"]\n{FILE}"));
    room.write(
        "bad.txt",
        "8.8.8.8\nt.co\nhttps://t.co/x\nco.uk\n10.1.2.3\n203.0.113.9\n0.0.0.0/9\n104.16.1.1\n",
    );
    room.sync();
    for value in ["8.8.8.8", "t.co", "co.uk", "10.1.2.3", "203.0.113.9"] {
        assert_eq!(room.verdict(value), "kept_out", "{value}");
    }
    assert_eq!(room.verdict("https://t.co/x"), "rings", "a URL is never its host");
    assert_eq!(room.verdict("https://t.co/y"), "unknown");
    let edge = room.json(&["explain", "104.16.1.1"]);
    assert_eq!(
        (&edge["verdict"], &edge["warninglists"][0]["effect"]),
        (&"rings".into(), &"shared".into()),
        "{edge}"
    );
    let dns = room.weir(&["explain", "8.8.8.8", "--config", "weir.toml"]);
    assert!(dns.code == Some(0) && dns.out.contains("public DNS resolvers"), "{}", dns.out);
    assert!(dns.out.contains("kept out") && !dns.out.contains("counts"), "{}", dns.out);
    let untold = room.weir(&["explain", "8.8.8.8", "--state", "state"]);
    assert!(untold.out.contains("unknown without --config"), "{}", untold.out);
    assert!(!untold.out.contains("disabled"), "{}", untold.out);
    let ours = room.weir(&["explain", "203.0.113.9", "--config", "weir.toml"]);
    assert!(ours.out.contains("inside your own network 203.0.113.0/24"), "{}", ours.out);
    let stats = room.json(&["intel", "stats"]);
    assert_eq!(stats["by_kind"]["url"], 1, "{stats}");
    assert_eq!(stats["kept_out"]["your own network"], 1, "{stats}");
}

#[test]
fn files_can_be_tried_without_any_configuration() {
    let room = Room::new("");
    room.write("bad.txt", "evil.example\nnot an indicator\n");
    let said = room.weir(&["intel", "list", "--indicators", "bad.txt"]);
    assert!(said.code == Some(0) && said.out.contains("evil.example"), "{}{}", said.out, said.error);
    let tried = room.weir(&["intel", "test", "a.evil.example", "-i", "bad.txt", "--json"]);
    assert!(tried.code == Some(1) && tried.out.contains("the name is below it"), "{}", tried.out);
    let unknown = room.weir(&["explain", "good.example", "-i", "bad.txt"]);
    assert!(unknown.code == Some(0) && unknown.out.contains("no source has it"), "{}", unknown.out);
    let table = room.weir(&["explain", "not an indicator", "-i", "bad.txt"]);
    assert!(table.out.contains("refused at"), "{}", table.out);
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/capture/traces/demo.pcap");
    if std::path::Path::new(capture).exists() {
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/capture/traces/demo-indicators.txt");
        let walked = room.weir(&["intel", "test", capture, "-i", list]);
        assert_eq!(walked.code, Some(1), "{}{}", walked.out, walked.error);
    }
}

#[test]
fn captures_are_compared_with_what_sources_said() {
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/capture/traces");
    let room =
        Room::new(&format!("[source.demo]\ntype = \"feed\"\npath = \"{traces}/demo-indicators.txt\"\n"));
    let capture = format!("{traces}/demo.pcap");
    let read = || room.weir(&["read", &capture, "--config", "weir.toml", "--quiet"]);
    let before = read();
    assert!(before.code == Some(2) && before.error.contains("weir intel sync"), "{}", before.error);
    room.sync();
    let after = read();
    assert!(after.code == Some(1) && after.out.contains("demo:"), "{}{}", after.out, after.error);
}

#[test]
fn what_cannot_be_is_said_with_advice() {
    let room = Room::new("");
    let told = |arguments: &[&str], advice: &str| {
        let said = room.weir(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}{}", said.out, said.error);
        assert!(said.error.contains(advice), "{arguments:?}: {}", said.error);
    };
    for (arguments, advice) in [
        (["mute", "list"], "say where the mutes are: --config FILE or --state DIR"),
        (["intel", "list"], "say where the intelligence is: --config FILE"),
        (["state", "show"], "say where the state is: --state DIR or --config FILE"),
        (["sink", "list"], "say where the sinks are configured: --config FILE"),
    ] {
        let error = room.weir(&arguments).error;
        let (fact, then) = (error.find("no `weir run` answers"), error.find(advice));
        assert!(fact.is_some() && then.is_some() && fact < then, "{error}");
    }
    told(&["intel", "list"], "--indicators FILES");
    told(&["explain", "192.0.2.1"], "--indicators FILES");
    told(&["intel", "sync", "--config", "weir.toml"], "[source.NAME]");
    told(&["intel", "list", "--config", "none.toml"], "none.toml");
    told(&["intel", "list", "-i", "none.txt"], "there are no indicators at");
    told(&["intel", "test", "evil example", "-i", "weir.toml"], "cannot be met on the wire");
    told(&["intel", "test", "none.pcap", "-i", "weir.toml"], "there is no capture");
    room.configure(FILE);
    told(&["intel", "list", "--config", "weir.toml"], "weir intel sync");
    told(&["intel", "sync", "misp", "--config", "weir.toml"], "there is no source `misp`; there are own");
    told(&["intel", "list", "--kind", "ip", "--config", "weir.toml"], "there is no kind `ip`");
    told(&["intel", "diff", "--since", "long", "--config", "weir.toml"], "24h");
    for (wrong, advice) in [
        (
            "[source.own]\ntype = \"feed\"\npath = \"x\"\ncolour = 1\n",
            "line 5: [source.own] `colour`: there is no such key",
        ),
        ("[source.own]\npath = \"x\"\n", "has no `type`"),
        (
            "[source.own]\ntype = \"fead\"\n",
            "line 3: [source.own] `type`: there is no \"fead\"; write \"feed\"",
        ),
        ("[source.own]\ntype = \"feed\"\ninterval = \"soon\"\n", "line 4: [source.own] `interval`"),
        ("[source.own]\ntype = \"feed\"\npath = \"x\"\npolicy.tlp = \"pink\"\n", "there is no \"pink\""),
        ("[screening]\ncolour = 1\n", "line 3"),
        (&format!("{FILE}[screening.actions]\nx = \"shout\"\n"), "there is no \"shout\""),
    ] {
        room.configure(wrong);
        told(&["intel", "sync", "--config", "weir.toml"], advice);
    }
}

#[test]
fn a_source_that_leaves_the_settings_takes_what_it_said_along() {
    let room = Room::new(&format!("{FILE}[source.other]\ntype = \"feed\"\npath = \"other.txt\"\n"));
    room.write("bad.txt", "192.0.2.7\n");
    room.write("other.txt", "192.0.2.7\nevil.example\n");
    room.sync();
    assert_eq!(room.json(&["explain", "192.0.2.7"])["said"].as_array().map(Vec::len), Some(2));
    room.configure(FILE);
    room.sync();
    assert_eq!(room.values(), ["192.0.2.7"]);
    room.configure(&format!("{FILE}enabled = false\n"));
    room.sync();
    assert!(room.values().is_empty());
    let disabled = room.weir(&["explain", "192.0.2.7", "--config", "weir.toml"]);
    assert!(disabled.out.contains("its source is disabled"), "{}", disabled.out);
}
