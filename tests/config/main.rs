//! Must-show 2 of a service: files with plausible mistakes, and what is said of each.
//!
//! `mistakes/NAME.toml` is what somebody wrote, `mistakes/NAME.txt` what `weir config check` says of it. After a change of words,
//! `WEIR_UPDATE_MISTAKES=1 cargo nextest run --workspace -E 'test(mistakes)'` writes them anew; then read them as somebody would who made the mistake.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/mistakes")
}

fn weir(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).current_dir(folder).output().unwrap()
}

/// What is said of a file, without what depends on the machine.
fn said(folder: &Path, file: &str) -> (String, Option<i32>) {
    let output = weir(folder, &["config", "check", file]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.contains(": warning: "));
    (lines.map(|line| format!("{line}\n")).collect::<Vec<_>>().concat(), output.status.code())
}

#[test]
fn mistakes_are_told_with_file_line_and_remedy() {
    let folder = folder();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 50, "{} files", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let file = format!("{name}.toml");
        let (text, code) = said(&folder, &file);
        let expected = folder.join(format!("{name}.txt"));
        if std::env::var_os("WEIR_UPDATE_MISTAKES").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{name}:\n{text}"));
        }
        let (last, mistakes) =
            text.lines().collect::<Vec<_>>().split_last().map(|(last, rest)| (*last, rest.to_vec())).unwrap();
        assert!(code == Some(2) && last.starts_with(&format!("{file}: cannot be used: ")), "{text}");
        let is_of_the_whole = |told: &&str| told.contains("say what to watch");
        for told in mistakes.iter().filter(|told| told.starts_with(&file)) {
            assert!(is_of_the_whole(told) || told.starts_with(&format!("{file}, line ")), "{told}");
            assert!(told.contains("; ") || told.contains("Write"), "what to do is not told: {told}");
        }
        assert!(mistakes.iter().any(|told| told.starts_with(&file)), "{text}");
        assert!(!text.contains("hunter"), "a secret is told: {text}");
    }
    assert!(wrong.is_empty(), "not what is expected (see the top of this file):\n{}", wrong.join("\n"));
}

/// Before anything is read of it.
#[test]
fn what_is_no_text_file_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    fs::create_dir(folder.join("folder.toml")).unwrap();
    let utf16: Vec<u8> = "\u{feff}quiet = true\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.join("utf16.toml"), utf16).unwrap();
    fs::write(folder.join("latin1.toml"), b"quiet = true\nstate = \"\xe4\"\n").unwrap();
    fs::write(folder.join("zero.toml"), b"quiet = true\n\0").unwrap();
    fs::write(folder.join("huge.toml"), vec![b'#'; (4 << 20) + 1]).unwrap();
    let made = Command::new("mkfifo").arg(folder.join("pipe.toml")).status();
    let is_made = made.is_ok_and(|status| status.success());
    for (file, told) in [
        ("folder.toml", "folder.toml: is a folder; name the file in it"),
        ("nowhere.toml", "nowhere.toml: there is no such file; look for a slip"),
        ("utf16.toml", "utf16.toml: is written in UTF-16; save it as UTF-8"),
        ("latin1.toml", "latin1.toml, line 2: has letters in another encoding than UTF-8"),
        ("zero.toml", "zero.toml, line 2: has a zero byte"),
        ("huge.toml", "huge.toml: has more than 4 MiB"),
        ("pipe.toml", "pipe.toml: is no plain file but a pipe or a device"),
    ] {
        if file == "pipe.toml" && !is_made {
            continue;
        }
        let (text, code) = said(folder, file);
        assert!(text.starts_with(told) && code == Some(2), "{file}: {text}");
        let run = weir(folder, &["run", "--config", file]);
        let error = String::from_utf8(run.stderr).unwrap();
        assert!(error.contains(told) && run.status.code() == Some(2), "{file}: {error}");
    }
}

#[test]
fn pseudonyms_that_do_not_last_or_stand_for_little_are_warned_of() {
    let scratch = tempfile::tempdir().unwrap();
    let sink = "[sink.out]\ntype = \"stdout\"\npseudonyms = true\n";
    let warned = |before: &str| {
        fs::write(scratch.path().join("weir.toml"), format!("interface = [\"lo\"]\n{before}{sink}")).unwrap();
        let output = weir(scratch.path(), &["config", "check", "weir.toml"]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        ["`state`", "`home_net`"]
            .map(|key| text.lines().any(|line| line.contains("`pseudonyms`") && line.contains(key)))
    };
    assert_eq!(warned(""), [true, true]);
    assert_eq!(warned("state = \"state\"\nhome_net = [\"192.0.2.0/24\"]\n"), [false, false]);
}

#[test]
fn what_a_service_is_of_little_use_without_is_warned_of() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("bad.txt"), "192.0.2.1\n").unwrap();
    let warned = |more: &str| {
        fs::write(scratch.path().join("weir.toml"), format!("interface = [\"lo\"]\n{more}")).unwrap();
        let output = weir(scratch.path(), &["config", "check", "weir.toml"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(0) && text.ends_with("weir.toml: can be used\n"), "{text}");
        [
            "nothing can be recognised; write indicators",
            "no `state`: ",
            "nobody is told; write",
            "no `home_net`: ",
        ]
        .map(|told| text.lines().any(|line| line.contains(": warning: ") && line.contains(told)))
    };
    assert_eq!(warned(""), [true; 4]);
    let sink = "[sink.out]\ntype = \"stdout\"\n";
    let all = "indicators = [\"bad.txt\"]\nstate = \"state\"\nhome_net = [\"192.0.2.0/24\"]\n";
    assert_eq!(warned(&format!("{all}{sink}")), [false; 4]);
    assert_eq!(warned(&format!("{all}{sink}send = [\"flows\"]\n")), [false, false, true, false]);
    let source = "[source.own]\ntype = \"feed\"\npath = \"bad.txt\"\n";
    assert_eq!(warned(&format!("state = \"state\"\n{source}")), [false, false, true, true]);
    assert_eq!(warned(&format!("state = \"state\"\n{source}enabled = false\n")), [true, false, true, true]);
}

#[test]
fn a_sink_whose_ceiling_is_below_what_sources_mark_is_warned_of() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("bad.txt"), "192.0.2.1\n").unwrap();
    let warned = |text: &str| {
        fs::write(scratch.path().join("weir.toml"), format!("interface = [\"lo\"]\n{text}")).unwrap();
        let output = weir(scratch.path(), &["config", "check", "weir.toml"]);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap().contains(
            "[sink.chat]: it takes GREEN at most (`tlp`), and what sources and lists do not mark otherwise counts as AMBER",
        )
    };
    let chat = "[sink.chat]\ntype = \"stdout\"\ntlp = \"green\"\n";
    let list = "indicators = [\"bad.txt\"]\n";
    let source = "state = \"state\"\n[source.own]\ntype = \"feed\"\npath = \"bad.txt\"\n";
    assert!(warned(&format!("{list}{chat}")) && warned(&format!("{source}{chat}")));
    assert!(!warned(&format!("{list}{chat}above = \"strip\"\n")), "it gets them without what sources know");
    assert!(!warned(&format!("{list}{}", chat.replace("green", "amber"))));
    assert!(!warned(&format!("{source}policy = {{ tlp = \"green\" }}\n{chat}")));
    assert!(!warned(chat), "nothing gives a marking");
}

#[test]
fn a_file_for_reading_alone_and_a_variable_that_is_set_elsewhere_are_warned_of() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("bad.txt"), "192.0.2.1\n").unwrap();
    let checked = |text: &str| {
        fs::write(scratch.path().join("weir.toml"), text).unwrap();
        let output = weir(scratch.path(), &["config", "check", "weir.toml"]);
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let told = "weir.toml: warning: nothing to watch: this file is for `weir read` only";
    let reading = "indicators = [\"bad.txt\"]\nflows = \"flows.jsonl\"\n";
    for text in [reading, "netflow_port = [2055]\n"] {
        let (said, code) = checked(text);
        assert!(said.contains(told) && code == Some(0), "{said}");
    }
    for text in [format!("{reading}[sink.out]\ntype = \"stdout\"\n"), format!("state = \"state\"\n{reading}")]
    {
        let (said, code) = checked(&text);
        assert!(said.contains("say what to watch") && !said.contains(told) && code == Some(2), "{said}");
    }
    let secret = "interface = [\"lo\"]\nstate = \"state\"\n[source.own]\ntype = \"feed\"\nurl = \"https://feeds.example/bad.csv\"\n\
                  http.credentials.bearer.env = \"WEIR_TEST_IS_NOT_SET\"\n";
    let (said, code) = checked(secret);
    assert_eq!((said.matches("WEIR_TEST_IS_NOT_SET").count(), code), (1, Some(0)), "{said}");
}

#[test]
fn a_good_file_is_good_with_any_line_ends_and_a_byte_order_mark() {
    let scratch = tempfile::tempdir().unwrap();
    let text = "\u{feff}# a probe\r\n\tinterface = [\"lo\"]\r\n\r\n[sink.out]\r\ntype = \"stdout\"\r\n";
    fs::write(scratch.path().join("weir.toml"), text).unwrap();
    assert_eq!(said(scratch.path(), "weir.toml"), ("weir.toml: can be used\n".to_owned(), Some(0)));
    let dump =
        weir(scratch.path(), &["config", "dump", "--config", "weir.toml", "--idle-timeout", "2m", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&dump.stdout).unwrap();
    let from = |key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        (row["value"].to_string(), row["from"].as_str().unwrap().to_owned())
    };
    assert_eq!(from("interface"), (r#"["lo"]"#.to_owned(), "line 2".to_owned()));
    assert_eq!(from("idle_timeout"), (r#""2m""#.to_owned(), "--idle-timeout".to_owned()));
    assert_eq!(from("sink.out.type"), (r#""stdout""#.to_owned(), "line 5".to_owned()));
    assert_eq!(from("active_timeout"), (r#""30m""#.to_owned(), "default".to_owned()));
}

#[test]
fn run_tells_all_mistakes_at_once() {
    let run = weir(&folder(), &["run", "--config", "several-at-once.toml"]);
    let error = String::from_utf8(run.stderr).unwrap();
    assert!(
        error.starts_with(
            "weir: 5 mistakes in the configuration:\n  several-at-once.toml, line 1: `interface`: "
        ),
        "{error}"
    );
}

#[test]
fn keys_are_explained() {
    for (key, told) in [
        ("idle_timeout", "--idle-timeout TIME"),
        ("sink.soc.brokers", "sink.NAME.brokers (type kafka)"),
        ("[storm]", "per_minute"),
        ("sink", "each type has its own"),
        ("source.NAME.policy.guard", "least_share"),
        ("tlp", "source.NAME.policy.tlp"),
    ] {
        let output = weir(&folder(), &["config", "explain", key]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told) && output.status.code() == Some(0), "{key}: {text}");
    }
    let output = weir(&folder(), &["config", "explain", "idle_tmeout"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("did you mean idle_timeout?") && output.status.code() == Some(2), "{error}");
    let error = String::from_utf8(weir(&folder(), &["config", "explain", "nosuch"]).stderr).unwrap();
    assert!(error.contains("; the nearest are "), "{error}");
}
