//! Alerts, counted.

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::BufRead;

/// Incidents that are told apart, at about 300 bytes; notices of further ones are only counted. A rehearsal with more has its answer.
const MAX_INCIDENTS: usize = 1 << 20;

/// What would have rung.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rehearsal {
    /// Alerts that would have been sent.
    pub(super) notices: u64,
    /// Incidents that they are of.
    pub(super) incidents: u64,
    pub(super) by_severity: BTreeMap<String, u64>,
    pub(super) by_direction: BTreeMap<String, u64>,
    /// Incidents by each source that has the indicator, most first.
    pub(super) sources: Vec<Row>,
    /// Indicators by incidents, most first.
    pub(super) indicators: Vec<Row>,
    /// Hosts by incidents, most first.
    pub(super) hosts: Vec<Row>,
    /// Notices of incidents that there was no room for.
    pub(super) not_told_apart: u64,
    #[serde(skip)]
    pub(super) all: Vec<Incident>,
}

/// One source, indicator or host.
#[derive(Debug, Default, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) incidents: u64,
    pub(super) notices: u64,
    /// Hosts that met it (of hosts: indicators that they met).
    pub(super) others: u64,
    /// The most severe.
    pub(super) severity: String,
    /// Of an indicator: who lists it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) listed_by: String,
}

/// One incident, as its last notice told.
#[derive(Clone, Debug, Default)]
pub(super) struct Incident {
    pub(super) indicator: String,
    pub(super) sources: Vec<String>,
    pub(super) host: String,
    pub(super) direction: String,
    pub(super) grade: String,
    pub(super) severity: (u64, String),
    pub(super) port: u64,
    pub(super) notices: u64,
}

impl Rehearsal {
    /// Counts alerts, one a line.
    pub(super) fn of(lines: impl BufRead) -> Result<Self> {
        let mut incidents: HashMap<String, Incident> = HashMap::new();
        let mut rehearsal = Self::default();
        for line in lines.lines() {
            let alert: Value = serde_json::from_str(&line.context("cannot read what rang")?)?;
            let id = text(&alert, "/weir/incident/id");
            if id.is_empty() {
                continue;
            }
            // That a longer one is over rings nobody; of a capture there is no other notice.
            let rings =
                text(&alert, "/event/action") != "closed" || number(&alert, "/weir/incident/notice") == 1;
            rehearsal.notices += u64::from(rings);
            if incidents.len() >= MAX_INCIDENTS && !incidents.contains_key(&id) {
                rehearsal.not_told_apart += 1;
                continue;
            }
            let incident = incidents.entry(id).or_default();
            *incident = Incident { notices: incident.notices + u64::from(rings), ..Incident::of(&alert) };
        }
        rehearsal.incidents = incidents.len() as u64;
        rehearsal.all = incidents.into_values().collect();
        rehearsal.all.sort_by(|a, b| (&a.indicator, &a.host).cmp(&(&b.indicator, &b.host)));
        rehearsal.count();
        Ok(rehearsal)
    }

    fn count(&mut self) {
        let (mut sources, mut indicators, mut hosts) = <(Counts<'_>, Counts<'_>, Counts<'_>)>::default();
        for incident in &self.all {
            *self.by_severity.entry(incident.severity.1.clone()).or_default() += 1;
            *self.by_direction.entry(incident.direction.clone()).or_default() += 1;
            for source in &incident.sources {
                sources.entry(source).or_default().add(incident, &incident.host);
            }
            indicators.entry(&incident.indicator).or_default().add(incident, &incident.host);
            if !incident.host.is_empty() {
                hosts.entry(&incident.host).or_default().add(incident, &incident.indicator);
            }
        }
        let (sources, indicators, hosts) = (rows(sources), rows(indicators), rows(hosts));
        self.sources = sources;
        self.indicators = indicators;
        self.hosts = hosts;
    }
}

impl Incident {
    fn of(alert: &Value) -> Self {
        let contexts =
            alert.pointer("/weir/indicator/contexts").and_then(Value::as_array).into_iter().flatten();
        let sources: BTreeSet<String> = contexts.map(|context| text(context, "/source")).collect();
        Self {
            indicator: text(alert, "/weir/indicator/value"),
            sources: sources.into_iter().collect(),
            host: text(alert, "/weir/host/ip"),
            direction: text(alert, "/weir/incident/direction"),
            grade: text(alert, "/weir/incident/grade"),
            severity: (number(alert, "/event/severity"), text(alert, "/weir/incident/severity")),
            port: number(alert, "/destination/port"),
            notices: 0,
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

type Counts<'a> = BTreeMap<&'a str, Count<'a>>;

#[derive(Default)]
struct Count<'a> {
    incidents: u64,
    notices: u64,
    others: BTreeSet<&'a str>,
    severity: (u64, &'a str),
    sources: BTreeSet<&'a str>,
}

impl<'a> Count<'a> {
    fn add(&mut self, incident: &'a Incident, other: &'a str) {
        self.incidents += 1;
        self.notices += incident.notices;
        if !other.is_empty() {
            self.others.insert(other);
        }
        self.severity = self.severity.max((incident.severity.0, &incident.severity.1));
        self.sources.extend(incident.sources.iter().map(String::as_str));
    }
}

fn rows(counts: Counts<'_>) -> Vec<Row> {
    let row = |(name, count): (&str, Count<'_>)| Row {
        name: name.to_owned(),
        incidents: count.incidents,
        notices: count.notices,
        others: count.others.len() as u64,
        severity: count.severity.1.to_owned(),
        listed_by: count.sources.into_iter().collect::<Vec<_>>().join(", "),
    };
    let mut rows: Vec<_> = counts.into_iter().map(row).collect();
    rows.sort_by_key(|row| Reverse((row.notices, row.incidents)));
    rows
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn line(incident: &str, indicator: &str, host: &str, more: [&str; 2]) -> String {
        let [direction, grade] = more;
        let alert = json!({
            "event": {"severity": 3}, "destination": {"port": 25},
            "weir": {
                "incident": {"id": incident, "direction": direction, "grade": grade, "severity": "medium"},
                "indicator": {"value": indicator, "contexts": [{"source": "a"}, {"source": "b"}, {"source": "a"}]},
                "host": {"ip": host},
            },
        });
        format!("{alert}\n")
    }

    #[test]
    fn notices_of_one_incident_are_one() {
        let outbound = ["outbound", "exchanged"];
        let lines = [
            line("1", "evil.example", "10.0.0.1", outbound),
            line("1", "evil.example", "10.0.0.1", outbound),
            line("2", "evil.example", "10.0.0.2", outbound),
            line("3", "192.0.2.1", "10.0.0.2", ["unknown", "attempted"]),
        ];
        let rehearsal = Rehearsal::of(lines.concat().as_bytes()).unwrap();
        assert_eq!((rehearsal.notices, rehearsal.incidents), (4, 3));
        let shown = |rows: &[Row]| -> Vec<_> {
            rows.iter().map(|row| (row.name.clone(), row.incidents, row.notices, row.others)).collect()
        };
        assert_eq!(
            shown(&rehearsal.indicators),
            [("evil.example".to_owned(), 2, 3, 2), ("192.0.2.1".to_owned(), 1, 1, 1)]
        );
        assert_eq!(shown(&rehearsal.sources), [("a".to_owned(), 3, 4, 2), ("b".to_owned(), 3, 4, 2)]);
        assert_eq!(
            shown(&rehearsal.hosts),
            [("10.0.0.2".to_owned(), 2, 2, 2), ("10.0.0.1".to_owned(), 1, 2, 1)]
        );
        assert_eq!(rehearsal.by_direction, BTreeMap::from([("outbound".into(), 2), ("unknown".into(), 1)]));
    }
}
