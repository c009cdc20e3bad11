//! docs/CONFIG.md, made of the table of keys: `WEIR_UPDATE_DOCS=1 cargo nextest run --workspace -E 'test(config_reference)'`.

use super::example::example;
use crate::cli::{CommonArguments, ReadArguments, RunArguments};
use crate::config::Settings;
use crate::config::keys::{Change, entries};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const HEAD: &str = r#"<!-- Made of src/config/keys by a test (src/config/commands/reference.rs); do not edit. -->
# Settings

All settings stand in one file in TOML (`--config weir.toml`). Flags of `weir read` and `weir run` are keys of the same name there, with
`_` for `-`; sources, sinks and some more stand in tables of the file alone. One file may serve both commands: each takes what it knows.

- **Flags win** over the file; a flag that may be given several times replaces the file's list (roles add up).
- **Paths** in the file are relative to its folder.
- **Times** have units (`"90s"`, `"5m"`, `"1h 30m"`, `"7d"`), and **sizes** too (`"512MiB"`, `"2GB"`); both stand in quotation marks.
- What does not exist, is of the wrong kind or is there twice is refused, **with its line and what to write instead**; all mistakes are
  listed at once. UTF-8, with or without byte order mark, and with line ends of any system; at most 4 MiB.
- `weir run` without `--config`, and without an interface or an address to listen at, reads `/etc/weir/weir.toml` if it is there. Whoever says
  by flags what to watch gets that and nothing else.

```toml
indicators = ["lists/", "own.csv"]
home_net = ["192.0.2.0/24", "2001:db8:20::/48"]
interface = ["eth1"]
idle_timeout = "90s"

[role]
resolver = ["192.0.2.53"]
mail = ["192.0.2.25", "192.0.2.26"]

[sink.local]
type = "file"
path = "alerts.jsonl"
```

## Commands

    weir config example > weir.toml     all keys, explained; each is off until its # is taken away
    weir config check weir.toml         all that is wrong with it, and what somebody should think about; exit code 0 or 2
    weir config dump --config weir.toml what is in use: every key, its value, and whether it is from the file, a flag or by default
    weir config explain sink.NAME.tlp   what a key takes, what it is by default, whether a change needs a new start

`check` starts nothing and asks nobody. It reads the files that are named: a certificate that does not fit its key, an empty secret, a list
that is not there are mistakes. What may be otherwise on the machine where Weir will run (an interface, memory, a variable of the
environment) is a warning. Run it as the user who runs Weir, so that it sees what that user may read.

## Secrets

No secret stands in the file. It lies in a file of its own, in one line, or in a variable of the environment:

```toml
[source.misp]
type = "misp"
url = "https://misp.example/"
http.credentials.header = { name = "Authorization", file = "/etc/weir/misp.key" }

[sink.mail]
type = "mail"
relay = "mail.example"
user = "weir"
password = { env = "WEIR_MAIL_PASSWORD" }
from = "weir@example.org"
to = ["soc@example.org"]
```

So it is wherever a secret is needed: `http.credentials` (`basic`, `bearer`, `header`), `url_from` and `sign` of webhooks, `password` of mail, `sasl` of
Kafka. Elsewhere variables mean nothing: `${NAME}` in a value is refused. Credentials of systemd are files, too: with
`LoadCredential=misp.key:/etc/weir/misp.key` in the unit it is `file = "/run/credentials/weir.service/misp.key"`, which only that service can read.
No secret is ever shown, by `weir config dump` neither; a URL with a query (`?key=...`) counts as one.

# All keys

In the last column: whether a change counts from the next *reload* (`weir reload`, SIGHUP) or *restart* on.
"#;

/// What the page says.
fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut title = String::new();
    for entry in entries() {
        let here = entry.title();
        if here != title {
            let columns = "| key | takes | default | meaning | |\n|---|---|---|---|---|\n";
            let _ = write!(text, "\n## {here}\n\n{columns}");
            title = here;
        }
        let key = entry.key;
        let default = match key.default() {
            Some(default) => format!("`{default}`"),
            None if key.is_needed => "must be there".to_owned(),
            None => String::new(),
        };
        let flag = key.flag().map_or(String::new(), |flag| format!(" (`{flag}`)"));
        let change = match entry.change() {
            Change::Reload => "reload",
            Change::Restart(_) => "restart",
            Change::Unused => "`weir read` only",
        };
        let (takes, meaning) = (key.form.wants().replace('|', "\\|"), key.meaning().replace('|', "\\|"));
        let takes = takes.replace(" (relative to the folder of the configuration)", "");
        let _ = writeln!(text, "| `{}` | {takes} | {default} | {meaning}{flag} | {change} |", entry.short());
    }
    text
}

#[test]
fn config_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md");
    let written = reference();
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == written,
        "docs/CONFIG.md differs: see this file's comment"
    );
}

fn common(folder: &Path, text: &str) -> CommonArguments {
    let path: PathBuf = folder.join("weir.toml");
    std::fs::write(&path, text).unwrap();
    CommonArguments { config: Some(path), ..CommonArguments::default() }
}

#[test]
fn the_documented_example_is_a_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let text = HEAD.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let flags = ReadArguments { common: common(folder.path(), text), ..ReadArguments::default() };
    let settings = Settings::for_read(&flags).unwrap();
    assert_eq!(settings.indicators[1], folder.path().join("own.csv"));
    assert_eq!(settings.roles.len(), 3);
}

#[test]
fn everything_in_the_example_can_be_used_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text: Vec<_> = example().lines().map(uncommented).collect();
    let flags = RunArguments { common: common(folder.path(), &text.join("\n")), ..RunArguments::default() };
    let settings = Settings::for_run(&flags).unwrap();
    assert_eq!((settings.common.sources.len(), settings.common.sinks.len()), (3, 6));
    // As it comes, nothing is set.
    let flags = RunArguments { common: common(folder.path(), &example()), ..RunArguments::default() };
    assert!(Settings::for_run(&flags).unwrap_err().to_string().contains("say what to watch"));
}
