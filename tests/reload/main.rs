//! `weir run` while its configuration changes: what counts at once, what wants a restart, and that no file stops it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests: what goes wrong here shall fail, patience is measured by the clock"
)]

#[path = "../collector/build.rs"]
#[expect(dead_code, reason = "another test makes more kinds of datagrams")]
mod build;
mod counting;
mod ending;
mod files;
#[path = "../collector/run.rs"]
#[expect(dead_code, reason = "another test asks more of the running program")]
mod run;
mod storm;

use build::Told;
use run::{Exporter, Run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A running program, its configuration, and an exporter that it hears.
struct Probe {
    run: Run,
    exporter: Exporter,
    sent: u32,
    /// Removed last.
    folder: tempfile::TempDir,
}

impl Probe {
    /// With this configuration, and these files beside it.
    fn starting(config: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, "weir.toml", config);
        for (name, text) in files {
            write(&folder, name, text);
        }
        let run = start(folder.path());
        let exporter = Exporter::new([127, 0, 0, 2], &run);
        Self { run, exporter, sent: 0, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.folder, name, text);
    }

    /// Has a host speak with somebody.
    fn send(&mut self, told: Told) {
        self.exporter.send(&build::v5(self.sent, &[told]));
        self.sent += 1;
    }

    /// Runs `weir reload`: its exit code, and what it said.
    fn reload(&self) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["reload", "--control"])
            .arg(self.path("control"))
            .output()
            .expect("weir runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (status.code(), text(stdout) + &text(stderr))
    }

    /// Another configuration that counts as a whole.
    fn change(&self, config: &str) -> String {
        self.write("weir.toml", config);
        let (code, said) = self.reload();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    fn status(&self) -> Value {
        self.run.status()["reload"].clone()
    }

    /// The hosts that alerts in a file are about, one for each alert that opens an incident.
    fn hosts(&self, file: &str) -> Vec<String> {
        let lines = self.run.lines(file);
        let opened = lines.iter().filter(|line| line["event"]["action"] == "opened");
        opened.filter_map(|line| line["source"]["ip"].as_str().map(str::to_owned)).collect()
    }

    fn end(&mut self) -> String {
        let (_, said) = self.run.end("-TERM");
        assert!(said.contains("the ledger balances") && !said.contains("DOES NOT"), "{said}");
        said
    }
}

/// With what stands in `weir.toml` of this folder alone.
fn start(root: &Path) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["run", "--receive-buffer", "1MiB", "--netflow", "127.0.0.1:0", "--listen", "off"]);
    command.arg("--config").arg(root.join("weir.toml")).arg("--control").arg(root.join("control"));
    let said = std::fs::File::options().create(true).append(true).open(root.join("said")).expect("a file");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    Run::answering(command, root.to_owned())
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).expect("a file");
}

/// What all configurations here have: no screening, because shipped lists take a second to be read without optimisation.
const BASE: &str = "state = \"state\"\nno_screening = true\nhome_net = [\"10.0.0.0/8\"]\n";

/// A sink that writes a file of its name.
fn sink(name: &str, more: &str) -> String {
    format!("[sink.{name}]\ntype = \"file\"\npath = \"{name}.jsonl\"\nrotate = false\n{more}\n")
}

/// A source that is a list in a file.
fn source(name: &str, file: &str) -> String {
    format!("[source.{name}]\ntype = \"feed\"\npath = \"{file}\"\npolicy.guard = false\n")
}
