//! A running Weir as its monitoring sees it: what is shipped in `monitoring/`, with promtool and in a real Prometheus.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]
#![allow(clippy::allow_attributes, reason = "which of these occur changes with the tests")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../collector/build.rs"]
mod build;
mod papers;
mod prometheus;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../collector/run.rs"]
mod run;

use build::Told;
use papers::Papers;
use prometheus::Prometheus;
use run::{BAD, Exporter, Run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring").join(name)
}

/// Whether a program is here; says so where it is not.
fn is_here(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: no {program} here (scripts/setup.sh prometheus installs it)");
    }
    found.is_ok()
}

/// Whether this process may capture (CAP_NET_RAW, bit 13 of capabilities(7)).
fn may_capture() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|bits| bits & 1 << 13 != 0)
}

/// Listens to routers and, where it may, to the loopback, with a sink whose receiver is away; whoever asks needs TLS and a token.
fn start(papers: &Papers, listen: &str) -> Run {
    let interface = if may_capture() { "interface = [\"lo\"]\n" } else { "" };
    let text = format!(
        "{interface}ipfix_tcp = [\"127.0.0.1:0\"]\nexporter = [\"127.0.0.0/8\", \"127.0.0.2\", \"127.0.0.3\"]\n\
         exporter_sampling = [\"127.0.0.2=1000\"]\nhome_net = [\"10.0.0.0/8\"]\nstate = \"state\"\ncanary = \"1s\"\n\
         listen_tls_cert = \"server.pem\"\nlisten_tls_key = \"server.key\"\nlisten_token_file = \"token\"\n\
         [source.own]\ntype = \"feed\"\npath = \"own.txt\"\n\
         [sink.here]\ntype = \"file\"\npath = \"here-{{kind}}\"\nrotate = false\nsend = [\"alerts\", \"flows\"]\n\
         [sink.away]\ntype = \"syslog\"\nurl = \"tcp://127.0.0.1:9\"\n"
    );
    let config = papers.write("weir.toml", &text);
    papers.write("own.txt", "192.0.2.1\n10.0.0.9\n");
    Run::start_in(papers.root().to_owned(), &["--listen", listen, "--config", config.to_str().unwrap()])
}

/// Names of all metrics that are documented; that these are all there are is a test beside their declaration.
fn documented() -> Vec<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md")).unwrap();
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name));
    rows.filter(|name| name.starts_with("weir_") || name.starts_with("process_")).map(str::to_owned).collect()
}

fn series(metrics: &str) -> BTreeSet<String> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned()).collect()
}

/// Expressions of the dashboard, with its variables in place.
fn expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(shipped("grafana/weir.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let annotations = dashboard["annotations"]["list"].as_array().cloned().unwrap();
    let expressions = targets.chain(annotations).map(|target| target["expr"].as_str().unwrap().to_owned());
    expressions.map(|text| text.replace("$instance", ".*").replace("$__rate_interval", "1m")).collect()
}

#[test]
fn a_real_prometheus_scrapes_it_loads_the_rules_and_alerts() {
    if !is_here("prometheus") || !is_here("promtool") {
        return;
    }
    let papers = Papers::new();
    let watcher = Watcher::start(&papers);
    let listen = prometheus::free_address();
    let run = start(&papers, &listen);
    // What is found later, in a flow that is open, has no latency.
    run.wait_for("indicators are armed", || run.get("/readyz").is_some_and(|page| page.starts_with("ok")));
    let router = Exporter::new([127, 0, 0, 2], &run);
    router.send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    router.send(b"this is no export");
    let prometheus = Prometheus::start(&papers, &listen);
    run.wait_for("it is scraped", || prometheus.target_health() == "up");
    run.wait_for("the sink that is away alerts", || {
        prometheus
            .has("ALERTS{alertname=\"WeirSinkFailing\",alertstate=\"firing\",sink=\"away\",job=\"weir\"}")
    });
    assert!(!prometheus.has("ALERTS{alertname=\"WeirLedgerUnbalanced\"}"));
    assert_eq!(prometheus.broken_rules(), Vec::<String>::new());
    run.wait_for("there are two samples of all", || {
        prometheus.has("rate(weir_alert_latency_seconds_count[1m])")
            && prometheus.has("weir_alert_latency_quantiles_seconds")
    });
    for expression in expressions()
        .iter()
        .filter(|text| may_capture() || !text.contains("weir_interface") && !text.contains("weir_worker"))
    {
        let is_rare = expression.contains("process_start_time_seconds{instance=~\".*\"}[2m]")
            || expression.contains("shed_");
        prometheus.query(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(is_rare || prometheus.has(expression), "no data for {expression}");
    }
    let hung_up = Command::new("kill").args(["-HUP", &run.process().to_string()]).status();
    assert!(hung_up.unwrap().success());
    run.wait_for("settings are read again", || {
        run.get("/metrics").is_some_and(|text| text.contains("weir_config_last_reload_timestamp_seconds "))
    });
    every_metric_is_exported(&run);
    forged_exporters_add_no_series(&run);
    run.wait_for("the watcher has seen it come", || watcher.seen().contains("each second"));
    let watched = watcher.seen();
    assert!(watched.starts_with("WRONG no `weir run` answers") && !watched.contains('\x1b'), "{watched}");
    assert!(watched.contains("WRONG sink away takes nothing"), "{watched}");
}

/// `weir status --watch`, begun before there is anything to watch; ended when dropped.
struct Watcher {
    child: Child,
    out: PathBuf,
}

impl Watcher {
    fn start(papers: &Papers) -> Self {
        let out = papers.write("watched", "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(["status", "--watch=1", "--control"]).arg(papers.root().join("control"));
        let child = command.stdout(std::fs::File::create(&out).unwrap()).spawn().unwrap();
        Self { child, out }
    }

    fn seen(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Must be called on a run that has seen a bit of everything.
fn every_metric_is_exported(run: &Run) {
    let metrics = run.get("/metrics").unwrap();
    let mut checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checked.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let checked = checked.wait_with_output().unwrap();
    assert!(
        checked.status.success() && checked.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    if !may_capture() {
        println!("skipped: without CAP_NET_RAW there are no interfaces, and no metrics of them");
        return;
    }
    let documented = documented();
    let exported: BTreeSet<_> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    // How far off a clock is that nothing keeps, nobody knows.
    let is_unknown =
        |name: &str| name.contains("_error_seconds") && metrics.contains("weir_clock_synchronised 0\n");
    let missing: Vec<_> =
        documented.iter().filter(|name| !exported.contains(name.as_str()) && !is_unknown(name)).collect();
    assert!(missing.is_empty(), "documented, and not exported: {missing:?}");
    let unknown: Vec<_> =
        exported.iter().filter(|name| !documented.iter().any(|known| known == *name)).collect();
    assert!(unknown.is_empty(), "exported, and not documented: {unknown:?}");
}

fn forged_exporters_add_no_series(run: &Run) {
    const FORGED: u16 = 2_000;
    /// The place of the port for datagrams among those at which it listens.
    const UDP: usize = 0;
    let to = run.listens(UDP);
    let flow = [Told::new([10, 0, 0, 6], [192, 0, 2, 77])];
    let forge = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Exporter::to([127, 1, high, low], to).send(&build::v5(0, &flow));
    };
    let taken = run.taken();
    forge(0);
    run.wait_for("the first is heard", || run.taken() > taken);
    let before = series(&run.get("/metrics").unwrap());
    for number in 1..FORGED {
        forge(number);
        if number % 100 == 0 {
            run.wait_for("they are heard", || run.taken() > taken + u64::from(number) / 2);
        }
    }
    run.wait_for("most are heard", || run.taken() > taken + u64::from(FORGED) / 2);
    let after = series(&run.get("/metrics").unwrap());
    let of_exporters = |all: &BTreeSet<String>| {
        all.iter().filter(|series| series.contains("exporter=\"")).cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(of_exporters(&after), of_exporters(&before));
    let fresh: Vec<_> = after.difference(&before).collect();
    assert!(fresh.len() < 20, "{fresh:?}");
}

#[test]
fn rules_and_example_are_valid_and_every_alert_is_tested_and_explained() {
    if !is_here("promtool") {
        return;
    }
    let folder = shipped("prometheus");
    let promtool = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).current_dir(&folder).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    promtool(&["check", "rules", "weir.rules.yml"]);
    promtool(&["check", "config", "--syntax-only", "scrape.yml"]);
    promtool(&["test", "rules", "weir.test.yml"]);
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let (rules, tests) = (read(folder.join("weir.rules.yml")), read(folder.join("weir.test.yml")));
    let docs = read(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/MONITORING.md"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 20);
    for alert in alerts {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert} has no test");
        assert!(docs.contains(&format!("`{alert}`")), "{alert} is not explained");
    }
}
