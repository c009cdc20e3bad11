//! Server names and JA4 of every flow, against the table that comes with the captures of the JA4 project.

use crate::{common, program};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Transport, source, port, destination, port, server name, JA4: as in the table.
type Row = Vec<String>;

#[test]
fn every_server_name_and_fingerprint_of_the_table_is_found() {
    let Some(folder) = common::corpora().map(|folder| folder.join("ja4")) else {
        return;
    };
    let table = std::fs::read_to_string(folder.join("expected-ja4.tsv")).unwrap();
    let mut expected: BTreeMap<&str, BTreeSet<Row>> = BTreeMap::new();
    for line in table.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let (capture, row) = line.split_once('\t').unwrap();
        expected.entry(capture).or_default().insert(row.split('\t').map(str::to_owned).collect());
    }
    let count: usize = expected.values().map(BTreeSet::len).sum();
    assert!(count >= 200, "only {count} rows");
    let mut missing = Vec::new();
    for (capture, rows) in &expected {
        let output = program::read(&folder.join(capture));
        let got: BTreeSet<Row> = output.names.iter().filter_map(of_name).collect();
        missing.extend(rows.difference(&got).map(|row| format!("{capture}: {}", row.join(" "))));
    }
    println!("JA4: {} of {count} rows", count - missing.len());
    assert!(missing.is_empty(), "{} of {count} missing:\n{}", missing.len(), missing.join("\n"));
}

/// The row that a ClientHello makes.
fn of_name(name: &Value) -> Option<Row> {
    let fingerprint = name["weir"]["tls"]["client"]["ja4"].as_str()?;
    let (source, destination) = (program::end(name, "source"), program::end(name, "destination"));
    let transport = name["network"]["transport"].as_str().expect("TCP or UDP");
    let server_name = name["tls"]["client"]["server_name"].as_str().unwrap_or_default();
    Some(vec![
        transport.to_owned(),
        source.0.to_string(),
        source.1.to_string(),
        destination.0.to_string(),
        destination.1.to_string(),
        server_name.to_owned(),
        fingerprint.to_owned(),
    ])
}
