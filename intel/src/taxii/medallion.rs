//! Dialogues with medallion, the TAXII server of OASIS (tests/python/taxii_server.py).

use super::TaxiiSettings;
use crate::kept::Kept;
use crate::tests::corpus;
use crate::{Extent, Provider, SyncErrorKind, python};
use base64::Engine as _;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use weir_model::Timestamp;
use weir_net::http::Credentials;

const NOW: Timestamp = Timestamp::new(1_800_000_000, 0);
const TWO_DAYS_ON: Timestamp = Timestamp::new(1_800_000_000 + 2 * 86_400, 0);
const COLLECTION: &str = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";

struct Medallion {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Medallion {
    /// With these objects in a collection; nothing where it is not installed.
    fn start(objects: &[Value], page_size: u32) -> Option<Self> {
        let date = |at: usize| format!("2024-01-01T00:00:{at:02}.000000Z");
        let manifest = objects.iter().enumerate().map(|(at, object)| {
            json!({ "id": object["id"], "date_added": date(at), "version": object["modified"],
                "media_type": "application/stix+json;version=2.1" })
        });
        let media = "application/taxii+json;version=2.1";
        let seed = json!({
            "/discovery": { "title": "a server", "default": "http://localhost:5000/root/",
                "api_roots": ["http://localhost:5000/other/", "http://localhost:5000/root/"] },
            "other": { "information": { "title": "empty", "versions": [media], "max_content_length": 9_765_625 },
                "status": [], "collections": [] },
            "root": { "information": { "title": "ours", "versions": [media], "max_content_length": 9_765_625 },
                "status": [], "collections": [
                { "id": "472c94ae-3113-4e3e-a4dd-a9f4ac7471d4", "title": "secret", "can_read": false,
                    "can_write": false, "media_types": [], "objects": [], "manifest": [] },
                { "id": COLLECTION, "title": "Bad Things", "alias": "bad", "can_read": true, "can_write": true,
                    "media_types": ["application/stix+json;version=2.1"], "objects": objects,
                    "manifest": manifest.collect::<Vec<_>>() }] }
        });
        Self::start_with(&seed.to_string(), page_size)
    }

    fn start_with(seed: &str, page_size: u32) -> Option<Self> {
        let python = python::interpreter("medallion")?;
        let folder = TempDir::new().unwrap();
        let seed_file = folder.path().join("seed.json");
        fs::write(&seed_file, seed).unwrap();
        let mut process = Command::new(python)
            .arg(python::script("taxii_server.py"))
            .arg(&seed_file)
            .arg(page_size.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        Some(Self { process, url: format!("http://127.0.0.1:{}/", port.trim()), folder })
    }

    fn provider(&self, password: &str, path: &str, collection: &str) -> Box<dyn Provider> {
        let file = self.folder.path().join("password");
        fs::write(&file, password).unwrap();
        let mut settings = TaxiiSettings::new(format!("{}{path}", self.url), collection);
        settings.http.credentials =
            Some(Credentials::Basic { user: "weir".to_owned(), file: Some(file), env: None });
        settings.provider("partners", Path::new("/")).unwrap()
    }

    fn add(&self, objects: &[Value]) {
        let document = json!({ "objects": objects }).to_string();
        self.change("POST", "", document.as_bytes());
    }

    fn delete(&self, object: &Value) {
        self.change("DELETE", &format!("{}/", object["id"].as_str().unwrap()), b"");
    }

    fn change(&self, method: &str, path: &str, body: &[u8]) {
        let media = "application/taxii+json;version=2.1";
        let who = base64::engine::general_purpose::STANDARD.encode("weir:right");
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}root/collections/{COLLECTION}/objects/{path}", self.url))
            .header("authorization", format!("Basic {who}"))
            .header("accept", media)
            .header("content-type", media);
        let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
        let answer = if body.is_empty() {
            agent.run(request.body(()).unwrap())
        } else {
            agent.run(request.body(body).unwrap())
        };
        assert!(answer.unwrap().status().is_success());
    }
}

impl Drop for Medallion {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn indicator(number: u32, domain: &str, version: u32, revoked: bool) -> Value {
    json!({ "type": "indicator", "spec_version": "2.1", "id": id("indicator", number), "created": "2024-01-01T00:00:00.000Z",
        "modified": format!("2024-01-01T00:00:{version:02}.000Z"), "revoked": revoked, "pattern_type": "stix",
        "pattern": format!("[domain-name:value = '{domain}']"), "valid_from": "2024-01-01T00:00:00Z" })
}

fn malware(number: u32, name: &str) -> Value {
    json!({ "type": "malware", "spec_version": "2.1", "id": id("malware", number), "name": name, "is_family": true,
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z" })
}

fn indicates(number: u32, from: u32, to: u32) -> Value {
    json!({ "type": "relationship", "spec_version": "2.1", "id": id("relationship", number),
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z",
        "relationship_type": "indicates", "source_ref": id("indicator", from), "target_ref": id("malware", to) })
}

fn id(kind: &str, number: u32) -> String {
    format!("{kind}--{number:08}-1111-4111-8111-111111111111")
}

fn threats(kept: &Kept, value: &str) -> Vec<String> {
    let further = kept.entry(value).context.further.clone().unwrap();
    further.threats.iter().map(|threat| threat.name.to_string()).collect()
}

#[test]
fn a_collection_is_followed_through_its_life() {
    // Pages of two: what an indicator indicates stands on another page.
    let first = [
        indicator(1, "one.example", 1, false),
        indicator(2, "two.example", 1, false),
        indicator(3, "three.example", 1, false),
        indicates(1, 1, 1),
        malware(1, "Emotet"),
        indicates(2, 4, 2),
        indicator(4, "four.example", 1, false),
        malware(2, "Qakbot"),
        indicator(5, "five.example", 1, true),
    ];
    let Some(server) = Medallion::start(&first, 2) else { return };
    let (mut kept, mut provider) = (Kept::default(), server.provider("right", "taxii2/", "bad things"));
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Whole));
    assert_eq!(kept.values(), ["four.example", "one.example", "three.example", "two.example"]);
    assert_eq!(kept.reasons(), ["revoked"]);
    assert_eq!(
        (threats(&kept, "one.example"), threats(&kept, "four.example")),
        (vec!["Emotet".into()], vec!["Qakbot".into()])
    );
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Nothing));

    // Added, changed, revoked.
    server.add(&[
        indicator(6, "six.example", 1, false),
        indicator(2, "zwei.example", 2, false),
        indicator(3, "three.example", 2, true),
    ]);
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Changes));
    assert_eq!(kept.values(), ["four.example", "one.example", "six.example", "zwei.example"]);
    assert_eq!((kept.reasons(), kept.puts), (vec!["revoked", "revoked"], 2));

    // An indicator that changes keeps what was said of it before, and learns what is said of it later.
    server.add(&[indicator(1, "eins.example", 3, false), indicates(3, 6, 1)]);
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Changes));
    assert_eq!(kept.values(), ["eins.example", "four.example", "six.example", "zwei.example"]);
    assert_eq!(
        (threats(&kept, "eins.example"), threats(&kept, "six.example")),
        (vec!["Emotet".into()], vec!["Emotet".into()])
    );
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Nothing));

    // What was deleted leaves no trace; the daily comparison finds it.
    server.delete(&indicator(4, "four.example", 1, false));
    server.delete(&malware(2, "Qakbot"));
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Nothing));
    assert_eq!(kept.deliver(&mut *provider, TWO_DAYS_ON), Ok(Extent::Changes));
    assert_eq!(kept.values(), ["eins.example", "six.example", "zwei.example"]);
    assert!(kept.notes.contains_key(&format!("context/{}", id("malware", 1))));
    assert!(!kept.notes.contains_key(&format!("context/{}", id("malware", 2))));
}

#[test]
fn who_may_not_read_is_told_and_nothing_changes() {
    let Some(server) = Medallion::start(&[indicator(1, "one.example", 1, false)], 10) else { return };
    let mut kept = Kept::default();
    kept.deliver(&mut *server.provider("right", "root/", COLLECTION), NOW).unwrap();
    let mut fails = |password, collection: &str| {
        let error = kept.deliver(&mut *server.provider(password, "taxii2/", collection), NOW).unwrap_err();
        assert_eq!(kept.values(), ["one.example"]);
        assert!(!error.text.contains(password), "{error}");
        error
    };
    assert_eq!(fails("wrong", "bad").kind, SyncErrorKind::Unauthorized);
    assert_eq!(fails("right", "secret").kind, SyncErrorKind::Unauthorized);
    let unknown = fails("right", "good");
    assert!(unknown.kind == SyncErrorKind::Settings && unknown.text.contains("Bad Things"), "{unknown}");
}

#[test]
fn medallions_own_example() {
    let Some(file) = corpus("intel/stix/taxii-server-default-data.json") else { return };
    let Some(server) = Medallion::start_with(&fs::read_to_string(file).unwrap(), 1) else { return };
    let mut kept = Kept::default();
    let mut provider = server.provider("right", "taxii2/", "High Value Indicator Collection");
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Whole));
    // The other indicator, of which the newest version counts, is the hash of a file.
    assert_eq!((kept.values(), kept.reasons()), (vec!["x4z9arb.cn/4712".to_owned()], vec!["file_hash"]));
}
