//! Tests that speak with programs in Python, installed by scripts/setup.sh into a virtual environment of their own.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The interpreter (`WEIR_PYTHON`, else the one of the virtual environment), if it has the module.
pub(crate) fn interpreter(module: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let python = std::env::var_os("WEIR_PYTHON")
        .map_or_else(|| home.join(".cache/weir/python/bin/python3"), PathBuf::from);
    let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(python);
    }
    println!("skipped: {} has no {module}: run scripts/setup.sh --python", python.display());
    None
}

/// A server in tests/python, which prints its port and then what it took, a line of JSON each.
pub(crate) struct Server {
    pub(crate) port: u16,
    child: Child,
    reader: Option<JoinHandle<Vec<Value>>>,
}

impl Server {
    /// Starts it, if the module that it needs is there.
    pub(crate) fn start(script: &str, module: &str, arguments: &[&str]) -> Option<Self> {
        let python = interpreter(module)?;
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/python").join(script);
        let mut command = Command::new(python);
        let mut child = command.arg(script).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let port = lines.next().unwrap().unwrap();
            sender.send(port.parse().unwrap()).unwrap();
            lines.map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap()).collect()
        });
        let port = receiver.recv_timeout(Duration::from_mins(1)).unwrap();
        Some(Self { port, child, reader: Some(reader) })
    }

    /// Ends it; gives what it took, in order.
    pub(crate) fn end(mut self) -> Vec<Value> {
        let _ = self.child.kill();
        self.reader.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
