//! With a receiver in Python, which checks signatures by the lines that docs/ALERTING.md shows.

use super::super::parcels::{notice_of, persist};
use super::super::{Opening, Settings as _};
use super::WebhookSettings;
use crate::python::Server;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Answers of every kind, connections that break before and after a post was taken, and a receiver that is away: all that was told is there, each
/// under its key, in order for each incident.
#[test]
fn what_was_told_was_received() {
    let misfortunes = "500,,drop,,drop_after,429,503,404,,,drop_after,drop,502,,401,drop_after";
    let Some(server) = Server::start("webhook_receiver.py", "json", &["0", SECRET, misfortunes]) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    let settings: WebhookSettings = toml::from_str(&format!(
        "url = \"http://localhost:{}/hook\"\nsign.file = \"secret\"\nhttp.proxy = \"none\"",
        server.port
    ))
    .unwrap();
    let mut outlets = settings.open(&Opening { name: "test", base: folder.path() }).unwrap();
    let parcels: Vec<_> =
        (1..=4).flat_map(|number| (1..=8).map(move |incident| (incident, number))).collect();
    let parcels: Vec<_> =
        parcels.into_iter().map(|(incident, number)| notice_of(incident, number, |_| {})).collect();
    let (times, refused) = persist(&mut *outlets[0].sink, &parcels);
    assert!(times > 5 && refused.is_empty(), "{times} times, {refused:?}");

    let taken = server.end();
    assert!(taken.len() > parcels.len(), "what was taken before the connection broke came again");
    assert!(taken.iter().all(|post| post["genuine"] == true && post["forged"] == false), "{taken:?}");
    let mut seen = BTreeSet::new();
    let once: Vec<&Value> = taken.iter().filter(|post| seen.insert(post["key"].as_str().unwrap())).collect();
    let told: Vec<Value> =
        parcels.iter().map(|parcel| serde_json::from_slice(&parcel.body).unwrap()).collect();
    assert_eq!(once.iter().map(|post| &post["body"]).collect::<Vec<_>>(), told.iter().collect::<Vec<_>>());
}
