//! Keys above the first table, and the tables that nobody names. Their words are those of the flags.

use super::Key;
use super::shared::LEAST_BYTES;
use crate::config::form::{Form, GIB, MIB};

pub(in crate::config) const TOP: &[Key] = &[
    Key::new("interface", Form::List(&Form::Interface), "[\"eth1\"]"),
    Key::new("netflow", Form::List(&Form::Address), "[\"0.0.0.0:2055\"]"),
    Key::new("ipfix", Form::List(&Form::Address), "[\"0.0.0.0:4739\"]"),
    Key::new("sflow", Form::List(&Form::Address), "[\"0.0.0.0:6343\"]"),
    Key::new("ipfix_tcp", Form::List(&Form::Address), "[\"0.0.0.0:4739\"]"),
    Key::new("ipfix_tls", Form::List(&Form::Address), "[\"0.0.0.0:4740\"]"),
    Key::new("ipfix_tls_cert", Form::File, "\"weir.pem\""),
    Key::new("ipfix_tls_key", Form::File, "\"weir.key\""),
    Key::new("ipfix_tls_client_ca", Form::File, "\"exporters-ca.pem\""),
    Key::new("exporter", Form::List(&Form::Network), "[\"192.0.2.1\", \"198.51.100.0/24\"]"),
    Key::new("exporter_sampling", Form::List(&Form::Sampling), "[\"192.0.2.1=1000\"]"),
    Key::new("collectors", Form::Number { least: 1, most: 64 }, "1"),
    Key::new("receive_buffer", Form::Size { least: MIB, most: GIB / 2 }, "\"64MiB\""),
    Key::new("snaplen", Form::Number { least: 128, most: 262_144 }, "65535"),
    Key::new("ring_size", Form::Size { least: MIB, most: GIB }, "\"64MiB\""),
    Key::new("no_promiscuous", Form::Switch, "false").or("false"),
    Key::new("pin", Form::Switch, "false").or("false"),
    Key::new("bpf", Form::Text, "\"not port 22\""),
    Key::new("workers", Form::Number { least: 1, most: 64 }, "1"),
    Key::new("indicators", Form::List(&Form::Indicators), "[\"lists/\"]"),
    Key::new("no_screening", Form::Switch, "false").or("false"),
    Key::new("home_net", Form::List(&Form::Network), "[\"192.0.2.0/24\", \"2001:db8:20::/48\"]"),
    Key::new("role", Form::Map(Some(|| weir_model::Role::ALL.iter().map(|role| role.keyword()).collect()), &Form::List(&Form::Network)), "{ resolver = [\"192.0.2.53\"] }")
        .means("What hosts are for, each role with its addresses: resolver, mail, proxy, nat, scanner, honeypot, tor"),
    Key::new("leave_out", Form::List(&Form::Network), "[\"192.0.2.64/26\"]"),
    Key::new("tell_also", Form::List(&Form::Word(|| weir_model::Told::KEYWORDS.to_vec())), "[\"url_query\"]"),
    Key::new("alerts", Form::Path, "\"alerts.jsonl\"").or("\"-\""),
    Key::new("alerts_tlp", Form::Tlp, "\"red\""),
    Key::new("flows", Form::Path, "\"flows.jsonl\""),
    Key::new("names", Form::Path, "\"names.jsonl\""),
    Key::new("format", Form::Word(super::sinks::formats), "\"ecs\""),
    Key::new("quiet", Form::Switch, "false").or("false"),
    Key::new("drain", Form::Time, "\"10s\""),
    Key::new("tcp_idle_timeout", Form::Time, "\"5m\""),
    Key::new("idle_timeout", Form::Time, "\"1m\""),
    Key::new("active_timeout", Form::Time, "\"30m\""),
    Key::new("flow_memory", Form::Size { least: LEAST_BYTES, most: u64::MAX }, "\"1GiB\""),
    Key::new("state", Form::Path, "\"/var/lib/weir\""),
    Key::new("listen", Form::AddressOrOff, "\"127.0.0.1:9347\""),
    Key::new("listen_tls_cert", Form::File, "\"metrics.pem\""),
    Key::new("listen_tls_key", Form::File, "\"metrics.key\""),
    Key::new("listen_tls_client_ca", Form::File, "\"monitoring-ca.pem\""),
    Key::new("listen_token_file", Form::File, "\"metrics.token\""),
    Key::new("listen_token_env", Form::Variable, "\"WEIR_METRICS_TOKEN\"").instead_of("listen_token_file"),
    Key::new("control", Form::Path, "\"/run/weir/control.sock\""),
    Key::new("sandbox", Form::Word(|| vec!["auto", "on", "off"]), "\"auto\""),
    Key::new("canary", Form::TimeOrOff, "\"1m\""),
    Key::new("screening", Form::Table(SCREENING), "{}")
        .means("What indicators are held against before they count (docs/INTELLIGENCE.md)"),
    Key::new("storm", Form::Table(STORM), "{}").means("How much is told at once (docs/ALERTING.md)"),
    Key::new("spool", Form::Table(SPOOL), "{}").means("What waits for sinks (docs/ALERTING.md)"),
    Key::new("keep", Form::Table(KEEP), "{}")
        .means("How long is kept what nothing else deletes (docs/STATE.md)"),
    Key::new("metrics", Form::Path, "\"weir.prom\"").for_files(),
    Key::new("netflow_port", Form::List(&Form::Port), "[2055]").for_files(),
    Key::new("ipfix_port", Form::List(&Form::Port), "[4739]").for_files(),
    Key::new("sflow_port", Form::List(&Form::Port), "[6343]").for_files(),
    Key::new("datagrams", Form::List(&Form::Folder), "[\"datagrams/192.0.2.1\"]").for_files(),
];

/// `[screening]`.
const SCREENING: &[Key] = &[
    Key::new("warninglists", Form::Path, "\"warninglists/\"")
        .means("A folder with MISP's warninglists (its lists/), beside those that are shipped"),
    Key::new("public_suffixes", Form::File, "\"public_suffix_list.dat\"")
        .means("The public suffix list (publicsuffix.org), in place of the one that is shipped"),
    Key::new(
        "actions",
        Form::Map(None, &Form::Word(actions)),
        "{ \"List of known Microsoft Azure Datacenter IP Ranges\" = \"lower\" }",
    )
    .means("What a warninglist does, by its name, where it is to be otherwise than shipped"),
];

fn actions() -> Vec<&'static str> {
    weir_rules::screen::Action::ALL.iter().map(|action| action.keyword()).collect()
}

/// `[storm]`.
const STORM: &[Key] = &[Key::new("per_minute", Form::NumberOrOff { least: 1 }, "600")
    .means("Messages about incidents in a minute; what is beyond is folded into one that says how many. \"off\" for no cap")
    .or("600")];

/// `[spool]`.
const SPOOL: &[Key] = &[
    Key::new("size", Form::Size { least: MIB, most: u64::MAX }, "\"1GiB\"")
        .means("Most bytes that wait for sinks; what has no room falls off the end, the oldest first")
        .or("\"1GiB\""),
    Key::new("age", Form::Time, "\"7d\"").means("How long a message waits at most").or("\"7d\""),
    Key::new("flows_size", Form::Size { least: MIB, most: u64::MAX }, "\"1GiB\"")
        .means("Most bytes of flows, names and ledgers that wait, for each sink that has them spooled")
        .or("\"1GiB\""),
    Key::new("flows_age", Form::Time, "\"7d\"").means("How long these wait at most").or("\"7d\""),
];

/// `[keep]`.
const KEEP: &[Key] = &[
    Key::new("files", Form::Time, "\"90d\"")
        .means("Files of `alerts`, `flows` and `names` that a service has rotated: each day, and at 256 MiB; 10 GiB of each at most")
        .or("\"90d\""),
    Key::new("audit", Form::Time, "\"90d\"").means("Lines of the audit journal").or("\"90d\""),
    Key::new("set_aside", Form::Time, "\"90d\"")
        .means("What was damaged, and what was there before an upgrade or a restore")
        .or("\"90d\""),
];
