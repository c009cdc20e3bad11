//! A test alert, straight to a sink: without spool, filter or run.

use crate::canary;
use crate::config::ConfiguredSink;
use crate::run::now;
use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_alert::Message;
use weir_alert::sinks::{Opening, Outcome, Parcel};
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::alert::Notice;
use weir_model::flow::FlowHead;
use weir_model::frame::LinkType;
use weir_model::{Alert, Context, Flow, Frame, Indicator, IndicatorValue, Observation, Timestamp, Tlp};
use weir_rules::{FlowHits, IncidentConfig, Incidents, Matcher, SetBuilder, Site};
use weir_wire::{DecodeConfig, Decoder};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    sink: String,
    kind: &'static str,
    /// The identifier of the test alert, by which it is found at the receiver.
    alert: String,
    /// Of each way out.
    outcomes: Vec<Tasted>,
}

#[derive(Debug, Serialize)]
struct Tasted {
    /// Which way out; empty for the only or first one.
    part: &'static str,
    /// `taken`, `refused` or `failed`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Sends it by every way out of the sink.
pub(super) fn taste(sink: &ConfiguredSink, base: &Path) -> Result<Report> {
    let opening = Opening { name: &sink.name, base };
    let outlets = sink.settings.open(&opening).map_err(|error| {
        let why = error.to_string();
        let advice =
            if is_locked(&why) { format!("\n{}", advice_on_lock(&sink.name)) } else { String::new() };
        anyhow!("{}: {why}{advice}", sink.place())
    })?;
    let message =
        Arc::new(message(&sink.name, now()).context("cannot make a test alert; please report this")?);
    let parcel = Parcel::of_message(Arc::clone(&message), sink.terms.format)
        .with_context(|| format!("a test alert cannot be written as {}", sink.terms.format.keyword()))?;
    let parcels = [parcel];
    let outcomes = outlets.into_iter().map(|mut outlet| {
        let outcome = outlet.sink.deliver(&parcels, until()).into_iter().next();
        let (outcome, why) = match outcome {
            Some(Outcome::Taken) => ("taken", None),
            Some(Outcome::Refused(why)) => ("refused", Some(why)),
            Some(Outcome::Failed(why)) => ("failed", Some(why)),
            None => ("failed", Some("the sink did not say what became of it".to_owned())),
        };
        Tasted { part: outlet.part, outcome, why }
    });
    let outcomes = outcomes.collect();
    Ok(Report {
        sink: sink.name.clone(),
        kind: sink.settings.kind(),
        alert: message.id().to_string(),
        outcomes,
    })
}

impl Report {
    /// Whether all ways out took it.
    pub(super) fn is_taken(&self) -> bool {
        self.outcomes.iter().all(|tasted| tasted.outcome == "taken")
    }

    /// Whether it is a file that is locked.
    fn is_written_by_another(&self) -> bool {
        self.outcomes.iter().any(|tasted| tasted.why.as_deref().is_some_and(is_locked))
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for tasted in &self.outcomes {
            let way = if tasted.part.is_empty() { String::new() } else { format!(" ({})", tasted.part) };
            let why = tasted.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            let became = match tasted.outcome {
                "failed" => "did not get there",
                "refused" => "was refused",
                _ => "was taken",
            };
            let _ = writeln!(text, "{}{way}: the test alert {became}{why}", self.sink);
        }
        let hint = if self.is_taken() {
            format!("look for the alert {} there; it says TEST, and is marked TLP:CLEAR", self.alert)
        } else if self.outcomes.iter().any(|tasted| tasted.outcome == "refused") {
            format!(
                "the receiver answers, but does not want it: look at its log, and at `format` in [sink.{}]",
                self.sink
            )
        } else if self.is_written_by_another() {
            advice_on_lock(&self.sink)
        } else if self.kind == "file" {
            format!("look at `path` in [sink.{}], the rights of its folder, and room on the disk", self.sink)
        } else {
            format!(
                "look at the address, the credentials and the TLS settings in [sink.{}], and whether the receiver runs; \
                 a running weir keeps what it has for it, and tries again",
                self.sink
            )
        };
        let _ = writeln!(text, "{hint}");
        text
    }
}

/// Whether a file is locked, by what its sink says.
fn is_locked(why: &str) -> bool {
    why.contains("another process, or another sink, writes it")
}

fn advice_on_lock(sink: &str) -> String {
    format!(
        "a running weir has the file open, and nobody else may write into it: that is as it should be. `weir sink list` says how \
         the sink is; to try it, stop that weir first, or give another `path` to [sink.{sink}]"
    )
}

/// An alert about a packet between addresses for documentation (RFC 5737), which nobody sent.
fn message(sink: &str, now: Timestamp) -> Option<Message> {
    let context = Context {
        source: "weir".into(),
        description: Some(
            format!("TEST of the sink {sink}: nothing happened, and nobody has to do anything").into(),
        ),
        tlp: Some(Tlp::Clear),
        ..Context::default()
    };
    let mut set = SetBuilder::new();
    set.add(Indicator::new(IndicatorValue::Address(IpAddr::from(canary::SERVER)), vec![context])).ok()?;
    let mut seen =
        Seen { matcher: Matcher::new(Arc::new(set.build())), hits: FlowHits::default(), flow: None };
    let data = canary::packet(1);
    let length = u32::try_from(data.len()).ok()?;
    let frame = Frame { number: 1, time: now, link: LinkType::RAW, original_len: length, data: &data };
    let mut table = FlowTable::new(FlowConfig { table_bytes: LEAST_TABLE_BYTES, ..FlowConfig::default() });
    table.frames(&mut Decoder::new(DecodeConfig::default()), [frame], &mut seen);
    table.finish(&Clock::new(), &mut seen);
    let site = Site { home: vec![IpAddr::from(canary::CLIENT).into()], roles: Vec::new() };
    let mut incidents = Incidents::new(site, IncidentConfig::default());
    incidents.fold(&Arc::new(seen.flow?), &seen.hits);
    let alert = incidents.close_all().into_iter().next()?;
    Some(Message::from(Alert { notice: Notice::Opened, ..alert }))
}

/// One flow is all there is.
const LEAST_TABLE_BYTES: usize = 1 << 20;

/// What the packet taught.
struct Seen {
    matcher: Matcher,
    hits: FlowHits,
    flow: Option<Flow>,
}

impl FlowSink for Seen {
    fn began(&mut self, head: &FlowHead<'_>) {
        self.matcher.began(head, &mut self.hits);
    }

    fn named(&mut self, _: &FlowHead<'_>) {}

    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {}

    fn ended(&mut self, flow: Ended<'_>, _: u64) {
        self.flow = Some(flow.to_flow());
    }
}

#[expect(clippy::disallowed_methods, reason = "a receiver must not take forever")]
fn until() -> Instant {
    Instant::now() + PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_running_weir_has_is_told_from_one_that_is_out_of_reach() {
        let folder = tempfile::tempdir().unwrap();
        let taste_at = |path: &str| {
            let config = folder.path().join("weir.toml");
            std::fs::write(&config, format!("[sink.soc]\ntype = \"file\"\npath = \"{path}\"\n")).unwrap();
            let settings = crate::config::Settings::of_file(&config).unwrap().0;
            let report = taste(settings.sinks.first().unwrap(), folder.path());
            report.map_or_else(|error| format!("{error:#}"), |report| report.text())
        };
        for (path, file) in [("soc.jsonl", "soc.jsonl"), ("soc-{kind}.jsonl", "soc-alerts.jsonl")] {
            let told = taste_at(path);
            assert!(told.contains("was taken"), "{told}");
            let running = std::fs::File::options().append(true).open(folder.path().join(file)).unwrap();
            running.lock().unwrap();
            let told = taste_at(path);
            assert!(told.contains("a running weir has the file open") && !told.contains("TLS"), "{told}");
        }
        let told = taste_at("nowhere/soc.jsonl");
        assert!(!told.contains("a running weir") && !told.contains("TLS"), "{told}");
    }

    #[test]
    fn the_test_alert_says_that_it_is_one() {
        let message = message("soc", Timestamp::new(1_795_384_000, 0)).unwrap();
        assert_eq!(message.marking(), Some(Tlp::Clear));
        let parcel = Parcel::of_message(Arc::new(message), weir_alert::Format::Ecs).unwrap();
        let text = String::from_utf8(parcel.body).unwrap();
        assert!(text.contains("TEST of the sink soc") && text.contains("192.0.2.251"), "{text}");
    }
}
