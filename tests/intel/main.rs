//! Intelligence as people meet it: sources in a configuration, `weir intel`, `weir explain`, and a running program that keeps it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests: what goes wrong here shall fail, patience is measured by the clock"
)]

#[path = "../collector/build.rs"]
#[expect(dead_code, reason = "another test makes more kinds of datagrams")]
mod build;
mod commands;
mod keeping;
mod lists;
mod muting;
mod rights;
#[path = "../collector/run.rs"]
#[expect(dead_code, reason = "another test asks more of the running program")]
mod run;

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder with a configuration, its sources, and its state.
struct Room {
    folder: tempfile::TempDir,
}

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Room {
    /// With these lines in the configuration beside the state directory.
    fn new(sources: &str) -> Self {
        let room = Self { folder: tempfile::tempdir().expect("a folder") };
        room.configure(sources);
        room
    }

    fn configure(&self, sources: &str) {
        self.write("weir.toml", &format!("state = \"state\"\n{sources}"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// Runs `weir` in the folder.
    fn weir(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .current_dir(self.folder.path())
            .args(arguments)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .output();
        let Output { status, stdout, stderr } = output.expect("weir runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: status.code(), out: text(stdout), error: text(stderr) }
    }

    /// The same with the configuration, as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.weir(&[arguments, &["--config", "weir.toml", "--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.error))
    }

    /// Asks all sources; the row of each.
    fn sync(&self) -> Vec<Value> {
        self.json(&["intel", "sync"]).as_array().expect("rows").clone()
    }

    /// The values that count.
    fn values(&self) -> Vec<String> {
        let listed = self.json(&["intel", "list"]);
        let rows = listed["indicators"]["rows"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["value"].as_str().map(str::to_owned)).collect()
    }

    fn verdict(&self, value: &str) -> String {
        self.json(&["explain", value])["verdict"].as_str().expect("a verdict").to_owned()
    }
}
