//! Dialogues over HTTP with a stand-in of PyMISP's own objects (tests/python/misp_stand_in.py), which is asked by PyMISP too: what both
//! get for a question must agree.

use super::stories::{self, told};
use super::{Control, EVENT, MispProvider, MispSettings, World};
use crate::misp::MispPush;
use crate::{Extent, SyncErrorKind, misp, python};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use weir_net::http::{Client, Credentials, HttpSettings, Request};

/// What the stand-in takes for a key.
const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

/// A stand-in, which ends with this.
struct StandIn {
    process: Child,
    python: PathBuf,
    url: String,
    push: String,
    keys: TempDir,
    control: Client,
}

impl StandIn {
    /// One that begins with these events; nothing where there is no PyMISP.
    fn start(events: &[PathBuf]) -> Option<Arc<Self>> {
        let python = python::interpreter("pymisp, zmq")?;
        let mut process = Command::new(&python)
            .arg(python::script("misp_stand_in.py"))
            .args(events)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://127.0.0.1:{}", ports["port"]);
        let home = Client::url(&url).unwrap();
        let control = Client::new(&HttpSettings::default(), &home, Path::new("/")).unwrap();
        let push = format!("tcp://127.0.0.1:{}", ports["zmq"]);
        Some(Arc::new(Self { process, python, url, push, keys: TempDir::new().unwrap(), control }))
    }

    fn settings(&self, key: &str) -> MispSettings {
        let file = self.keys.path().join("key");
        std::fs::write(&file, key).unwrap();
        let push = Some(self.push.clone());
        let mut settings = MispSettings { url: self.url.clone(), push, ..stories::settings() };
        let name = "Authorization".to_owned();
        settings.http.credentials = Some(Credentials::Header { name, file: Some(file), env: None });
        settings
    }

    fn world(self: &Arc<Self>, settings: MispSettings) -> World {
        let provider = MispProvider::new("circl", settings, Path::new("/")).unwrap();
        World::new(Box::new(Arc::clone(self)), provider)
    }

    /// What PyMISP gets, for each window: UUIDs with their values.
    fn asked_with_pymisp(&self, windows: &[&str], since: u64) -> Vec<BTreeSet<(String, String)>> {
        let asked = Command::new(&self.python)
            .arg(python::script("misp_search.py"))
            .args([&format!("{}/", self.url), KEY, &since.to_string()])
            .args(windows)
            .output()
            .unwrap();
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        let text = String::from_utf8(asked.stdout).unwrap();
        windows
            .iter()
            .map(|window| {
                let found = text.lines().filter_map(|line| line.strip_prefix(window)?.strip_prefix(' '));
                found.flat_map(values).collect()
            })
            .collect()
    }
}

/// `UUID type value`
fn values(line: &str) -> Vec<(String, String)> {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    let (id, kind, value) = (word(), word(), word());
    let values = misp::values::of(kind, value).into_iter().flatten();
    values.map(|value| (id.to_owned(), value.to_string())).collect()
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

impl Control for Arc<StandIn> {
    fn command(&mut self, command: Value) {
        let url = Client::url(&self.url).unwrap().join("control").unwrap();
        self.control.send(&Request::post_json(&url, &command)).unwrap().success().unwrap();
    }
}

fn kept(world: &World) -> BTreeSet<(String, String)> {
    let entries = world.shelf.kept.entries.iter();
    entries.map(|entry| (entry.id.unwrap().to_string(), entry.value.to_string())).collect()
}

#[test]
fn the_same_stories_over_http() {
    let Some(stand_in) = StandIn::start(&[]) else { return };
    for (name, story) in told::ALL {
        println!("{name}");
        let mut world = stand_in.world(stand_in.settings(KEY));
        world.tell(json!({"do": "reset"}));
        story(world);
    }
}

/// Real events: everything that PyMISP finds, and nothing else; afterwards too, when something changed.
#[test]
fn recorded_events_as_pymisp_finds_them() {
    let Some(folder) = crate::tests::corpus("intel/misp-events") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let Some(stand_in) = StandIn::start(&files) else { return };
    let settings = MispSettings { page_size: 100, ..stand_in.settings(KEY) };
    let mut world = stand_in.world(settings);
    world.tell(json!({"do": "republish"}));
    assert_eq!(world.sync(), Ok(Extent::Whole));
    let all = kept(&world);
    assert!(all.len() > 200, "{}", all.len());
    assert_eq!([all], stand_in.asked_with_pymisp(&["all"], 0)[..]);

    world.now += 86_000;
    world.sync().unwrap();
    let (event, attribute) =
        (world.shelf.kept.entries[0].group.unwrap(), world.shelf.kept.entries[0].id.unwrap());
    let since = world.now;
    world.tell(json!({"do": "edit", "attribute": attribute.to_string(), "comment": "seen again"}));
    world.tell(json!({"do": "publish", "event": event.to_string()}));
    world.sync().unwrap();
    let put: BTreeSet<_> = world.shelf.put.iter().map(|entry| entry.id.unwrap().to_string()).collect();
    let found = stand_in.asked_with_pymisp(&["attribute", "event", "publish", "all"], since);
    for found in &found[..3] {
        assert!(!found.is_empty() && found.iter().all(|(id, _)| put.contains(id)), "{found:?}");
    }
    assert_eq!(kept(&world), found[3]);
}

#[test]
fn wrong_keys_and_slow_servers() {
    let Some(stand_in) = StandIn::start(&[]) else { return };
    let mut world = stand_in.world(stand_in.settings("somebody else's"));
    world.published(EVENT, 3);
    let error = world.sync().unwrap_err();
    assert_eq!(error.kind, SyncErrorKind::Unauthorized);
    assert!(error.text.contains("API key") && !error.text.contains("somebody else"), "{error}");

    let mut settings = stand_in.settings(KEY);
    settings.http.idle_timeout = Duration::from_millis(300);
    let mut world = stand_in.world(settings);
    world.tell(json!({"do": "fault", "kind": "slow", "seconds": 1}));
    let error = world.sync().unwrap_err();
    assert_eq!(error.kind, SyncErrorKind::Unreachable, "{error}");
    assert_eq!(world.synced().len(), 3);
}

/// What is published is heard of through pyzmq's own socket, and counts when the instance was asked then.
#[test]
fn what_is_published_is_known_at_once() {
    let Some(stand_in) = StandIn::start(&[]) else { return };
    let settings = stand_in.settings(KEY);
    let push = MispPush::listen(&settings).unwrap().unwrap();
    let mut world = stand_in.world(settings);
    let is_heard = |looks: u32| {
        (0..looks).any(|_| {
            thread::sleep(Duration::from_millis(10));
            push.take_change()
        })
    };
    assert!(is_heard(500), "the connection came about: {:?}", push.problem());
    world.published(EVENT, 1);
    world.sync().unwrap();
    // The publisher takes note of a subscription a moment after it was sent.
    let mut is_heard_of = || {
        world.publish(EVENT);
        is_heard(20)
    };
    assert!((0..50).any(|_| is_heard_of()));
    while is_heard(100) {}
    world.add(EVENT, EVENT + 9, "domain", "new.example");
    world.publish(EVENT);
    assert!(is_heard(100), "within a second");
    assert_eq!(world.synced(), ["n0.example", "new.example"]);
}
