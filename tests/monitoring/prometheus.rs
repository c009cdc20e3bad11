//! A Prometheus of the test's own, with the example configuration and the rules as they are shipped, but in a hurry.

use crate::papers::Papers;
use crate::shipped;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A running one; killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    address: String,
}

/// An address of the loopback at which nobody listens.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().to_string()
}

impl Prometheus {
    pub(crate) fn start(papers: &Papers, target: &str) -> Self {
        let read = |name: &str| std::fs::read_to_string(shipped("prometheus").join(name)).unwrap();
        // What must last for minutes before it alerts does so at once.
        let is_patience = |line: &&str| !line.trim_start().starts_with("for: ");
        let rules: Vec<_> = read("weir.rules.yml").lines().filter(is_patience).map(str::to_owned).collect();
        papers.write("weir.rules.yml", &rules.join("\n"));
        let path = |name: &str| papers.root().join(name).display().to_string();
        let example = read("scrape.yml")
            .replace("scrape_interval: 30s", "scrape_interval: 1s")
            .replace("/etc/prometheus/weir.rules.yml", &path("weir.rules.yml"))
            .replace("/etc/prometheus/weir-ca.pem", &path("ca.pem"))
            .replace("/etc/prometheus/weir.token", &path("token"))
            .replace("probe.example.org:9347", target);
        let config =
            papers.write("prometheus.yml", &format!("global:\n  evaluation_interval: 1s\n{example}"));
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", path("tsdb")))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// `up`, `down`, `unknown`, or nothing while it does not answer.
    pub(crate) fn target_health(&self) -> String {
        let targets = self.get("/api/v1/targets").unwrap_or_default();
        targets["data"]["activeTargets"][0]["health"].as_str().unwrap_or_default().to_owned()
    }

    /// Rules that it could not evaluate.
    pub(crate) fn broken_rules(&self) -> Vec<String> {
        let answer = self.get("/api/v1/rules").unwrap();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap();
        let rules: Vec<_> =
            groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap()).collect();
        assert!(rules.len() > 20, "{answer}");
        let broken = rules.iter().filter(|rule| rule["health"] == "err");
        broken.map(ToString::to_string).collect()
    }

    /// Whether there is data.
    pub(crate) fn has(&self, expression: &str) -> bool {
        self.query(expression).is_ok_and(|result| result.as_array().is_some_and(|result| !result.is_empty()))
    }

    pub(crate) fn query(&self, expression: &str) -> Result<Value, String> {
        let mut encoded = String::new();
        for byte in expression.bytes() {
            write!(encoded, "%{byte:02x}").unwrap();
        }
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).ok_or("no answer")?;
        if answer["status"] == "success" {
            Ok(answer["data"]["result"].clone())
        } else {
            Err(answer.to_string())
        }
    }

    fn get(&self, target: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        // In version 1.0 nothing is sent in chunks.
        stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
