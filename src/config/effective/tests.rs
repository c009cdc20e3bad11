//! What is shown, and what is a difference.

use super::*;
use crate::cli::{CommonArguments, RunArguments};
use std::path::PathBuf;

fn written(folder: &Path, text: &str) -> Effective {
    let path = folder.join("weir.toml");
    std::fs::write(&path, text).unwrap();
    of_file(path)
}

fn of_file(path: PathBuf) -> Effective {
    let common = CommonArguments { config: Some(path), ..CommonArguments::default() };
    Settings::for_run(&RunArguments { common, ..RunArguments::default() }).unwrap().effective()
}

fn value(effective: &Effective, key: &str) -> String {
    effective.0.get(key).map_or("nothing".to_owned(), ToString::to_string)
}

const SINKS: &str = r#"
interface = ["eth0"]
idle_timeout = "90s"
netflow = ["0.0.0.0:2055"]
role.mail = ["192.0.2.25", "192.0.2.26"]

[source.misp]
type = "misp"
url = "https://misp.example/?key=hunter2"
http.credentials.header = { name = "Authorization", file = "misp.key" }
policy = { lifetime = "2w" }

[sink.chat]
type = "webhook"
url = "https://chat.example/hooks/hunter2"

[sink.local]
type = "file"
path = "alerts.json"

[sink.mail]
type = "mail"
relay = "mail.example"
from = "weir@example.org"
to = ["soc@example.org"]

[sink.bus]
type = "kafka"
brokers = ["kafka.example"]
librdkafka = { "ssl.key.password" = "hunter2", "queue.buffering.max.ms" = 5 }

[sink.siem]
type = "syslog"
url = "tls://siem.example"
"#;

#[test]
fn every_key_is_there_with_its_default_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let effective = written(folder.path(), SINKS);
    for (key, expected) in [
        ("interface", r#"["eth0"]"#),
        ("idle_timeout", r#""1m 30s""#),
        ("tcp_idle_timeout", r#""5m""#),
        ("flow_memory", r#""1GiB""#),
        ("netflow", r#"["0.0.0.0:2055"]"#),
        ("listen", r#""127.0.0.1:9347""#),
        ("role.mail", r#"["192.0.2.25/32","192.0.2.26/32"]"#),
        ("storm.per_minute", "600"),
        ("spool.age", r#""7d""#),
        ("source.misp.interval", r#""15m""#),
        ("source.misp.policy.lifetime", r#""14d""#),
        ("source.misp.http.credentials.header.file", r#""misp.key""#),
        ("source.misp.url", "(secret)"),
        ("sink.chat.url", "(secret)"),
        ("sink.chat.tlp", r#""green""#),
        ("sink.local.keep", r#""90d""#),
        ("sink.mail.digest", r#""1h""#),
        ("sink.mail.from", r#""weir@example.org""#),
        ("sink.bus.librdkafka.ssl.key.password", "(secret)"),
        ("sink.bus.librdkafka.queue.buffering.max.ms", r#""5""#),
        ("sink.siem.facility", r#""local0""#),
    ] {
        assert_eq!(value(&effective, key), expected, "{key}");
    }
    let shown: String =
        effective.shown().map(|(key, shown)| [key, " = ", &shown.to_string(), "\n"].concat()).collect();
    assert!(!shown.contains("hunter2") && !shown.contains("its content"), "{shown}");
    assert!(!format!("{effective:?}").contains("hunter2"));
}

#[test]
fn what_changed_is_a_difference_also_in_secrets_and_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("misp.key"), "first").unwrap();
    let before = written(folder.path(), SINKS);
    assert_eq!(before.differences(&written(folder.path(), SINKS)), [""; 0]);
    let changed = SINKS.replace("hooks/hunter2", "hooks/hunter3").replace("90s", "91s");
    assert_eq!(before.differences(&written(folder.path(), &changed)), ["idle_timeout", "sink.chat.url"]);
    std::fs::write(folder.path().join("misp.key"), "second").unwrap();
    assert_eq!(
        before.differences(&written(folder.path(), SINKS)),
        ["source.misp.http.credentials.header.file (its content)"]
    );
    let without = SINKS.split("[sink.siem]").next().unwrap();
    let gone = before.differences(&written(folder.path(), without));
    assert!(gone.contains(&"sink.siem.type".to_owned()), "{gone:?}");
}
