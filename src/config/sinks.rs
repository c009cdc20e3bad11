//! What the configuration says of sinks, where what is told goes: a table `[sink.NAME]` each.
//!
//! Some keys are for all sinks; the rest are the sink's own, of the kind that `type` names, which says in its settings what it knows.

use super::HomeNet;
use super::mistake::Mistake;
use super::named::{Family, NamedTable, WrittenTables, one_of};
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::Error as _;
use std::time::Duration;
use toml::{Table, Value};
use weir_alert::Format;
use weir_alert::courier::Terms;
use weir_alert::marking::Above;
use weir_alert::sinks::{Kind, SinkSettings};
use weir_alert::spool::Limits;
use weir_model::alert::Severity;
use weir_model::{Grade, Tlp};

/// A sink as it is used.
#[derive(Clone, Debug)]
pub(crate) struct ConfiguredSink {
    /// As the operator calls it: in tables and metrics.
    pub name: String,
    /// It has a table; else it is what `--alerts` says.
    is_table: bool,
    /// Not opened otherwise; what waits for it goes on waiting.
    pub is_enabled: bool,
    /// It does not learn the addresses of inside hosts.
    pub has_pseudonyms: bool,
    /// What it gets.
    pub send: Vec<Kind>,
    /// What of it waits on the disk while the receiver is away, besides alerts, which always do.
    pub spool: Vec<Kind>,
    /// What of it, and how.
    pub terms: Terms,
    /// What is its kind's own.
    pub settings: SinkSettings,
}

impl ConfiguredSink {
    /// The one sink where nobody configured any: lines in a file or on standard output, for whoever started the program.
    pub(crate) fn for_lines(settings: &super::Settings) -> Result<Self> {
        let (format, ceiling) = (settings.format, settings.alerts_tlp);
        let (kind, own) = if settings.alerts.as_os_str() == "-" {
            ("stdout", Table::new())
        } else {
            let path = settings.alerts.to_str().context("--alerts: the path is no Unicode text")?;
            let keep = format!("{}s", settings.keep.files.as_secs());
            let own = [("path", Value::String(path.to_owned())), ("keep", Value::String(keep))];
            ("file", own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let settings = SinkSettings::read(kind, Value::Table(own)).context("there is no such sink")??;
        let terms = Terms {
            format,
            ceiling,
            above: Above::default(),
            severity: settings.severity(),
            grade: None,
            sources: Vec::new(),
            rate: Terms::MOST_RATE,
            pseudonyms: None,
        };
        Ok(Self {
            name: "alerts".to_owned(),
            is_table: false,
            is_enabled: true,
            has_pseudonyms: false,
            send: vec![Kind::Alert],
            spool: Vec::new(),
            terms,
            settings,
        })
    }

    /// Where the operator wrote of it.
    pub(crate) fn place(&self) -> String {
        if self.is_table { format!("[sink.{}]", self.name) } else { "--alerts".to_owned() }
    }

    /// What somebody should think about, each with its place.
    pub(crate) fn warnings(&self, settings: &super::Settings) -> Vec<String> {
        let mut warnings = self.settings.warnings();
        if self.has_pseudonyms && settings.state.is_none() {
            warnings.push("without `state` its `pseudonyms` are other ones after each start".to_owned());
        }
        if self.has_pseudonyms && settings.home == HomeNet::PrivateRanges {
            let what =
                "its `pseudonyms` stand for private addresses only; write in `home_net` what is inside";
            warnings.push(what.to_owned());
        }
        if let Some(marking) = self.marking_beyond(settings) {
            let (marking, ceiling) = (marking.keyword(), self.terms.ceiling.keyword());
            warnings.push(format!(
                "it takes {ceiling} at most (`tlp`), and what sources and lists do not mark otherwise counts as {marking}: \
                 such alerts are withheld; write tlp = \"{}\" here, or a lower `tlp` in [source.NAME.policy], if its readers may know \
                 what the source says",
                marking.to_lowercase()
            ));
        }
        let place = self.place();
        warnings.into_iter().map(|warning| format!("{place}: {warning}")).collect()
    }

    /// The lowest marking that anything configured gives to what has none, where that is above the ceiling.
    fn marking_beyond(&self, settings: &super::Settings) -> Option<Tlp> {
        let is_strict = self.is_enabled && self.gets(Kind::Alert) && self.terms.above == Above::Withhold;
        let chosen = &self.terms.sources;
        let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| **chosen == *name);
        let sources = settings.sources.iter().filter(|source| source.is_enabled && is_chosen(&source.name));
        let lists = settings.indicators.iter().map(|_| Tlp::UNMARKED);
        let lowest = sources.map(|source| source.policy.unmarked).chain(lists).min();
        lowest.filter(|lowest| is_strict && *lowest > self.terms.ceiling)
    }

    /// Whether it gets this.
    pub(crate) fn gets(&self, kind: Kind) -> bool {
        self.send.contains(&kind)
    }
}

/// `[spool]` as it is written: how much waits for sinks, and how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenSpool {
    #[serde(deserialize_with = "weir_net::units::size")]
    size: u64,
    #[serde(deserialize_with = "age")]
    age: Duration,
    /// Of flows, names and ledgers, for each sink that has them spooled.
    #[serde(deserialize_with = "weir_net::units::size")]
    flows_size: u64,
    #[serde(deserialize_with = "age")]
    flows_age: Duration,
}

impl Default for WrittenSpool {
    fn default() -> Self {
        Self {
            size: DEFAULT_SPOOL_BYTES,
            age: DEFAULT_SPOOL_AGE,
            flows_size: DEFAULT_SPOOL_BYTES,
            flows_age: DEFAULT_SPOOL_AGE,
        }
    }
}

impl WrittenSpool {
    /// Of messages.
    pub(super) fn limits(&self) -> Result<Limits> {
        limits("size", self.size, self.age)
    }

    /// Of flows, names and ledgers of one sink.
    pub(super) fn freight(&self) -> Result<Limits> {
        limits("flows_size", self.flows_size, self.flows_age)
    }
}

fn limits(key: &str, max_bytes: u64, max_age: Duration) -> Result<Limits> {
    if max_bytes < LEAST_SPOOL_BYTES {
        bail!("spool.{key}: {max_bytes} bytes are too few; the least is 1MiB");
    }
    Ok(Limits { max_bytes, max_age })
}

/// An alert takes some kilobytes: a few hundred thousand of them; a flow, compressed, a hundred bytes: ten million.
const DEFAULT_SPOOL_BYTES: u64 = 1 << 30;
/// Less is full after a few hundred alerts.
const LEAST_SPOOL_BYTES: u64 = 1 << 20;
/// A long weekend, and some days to notice.
const DEFAULT_SPOOL_AGE: Duration = Duration::from_hours(7 * 24);

fn age<'de, D: serde::Deserializer<'de>>(written: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(written)?;
    let wrong = || D::Error::custom(format!("`{text}` is not a time such as 12h, 7d or 2w"));
    super::long_duration(&text).ok_or_else(wrong)
}

/// Tables `[sink.NAME]`. Each is a thread, and what is slowest among them holds the spool.
const SINKS: Family = Family { word: "sink", most: 16 };

/// The keys that all sinks have.
const TYPE: &str = "type";
const ENABLED: &str = "enabled";
const FORMAT: &str = "format";
const TLP: &str = "tlp";
const ABOVE: &str = "above";
const SEVERITY: &str = "severity";
const GRADE: &str = "grade";
const SOURCES: &str = "sources";
const SEND: &str = "send";
const SPOOL: &str = "spool";
const RATE: &str = "rate";
const PSEUDONYMS: &str = "pseudonyms";

/// All sinks, and what is wrong with others; `text` is the file, in which lines are counted.
pub(super) fn sinks(written: WrittenTables, text: &str) -> (Vec<ConfiguredSink>, Vec<Mistake>) {
    SINKS.read(written, text, sink)
}

fn sink(mut table: NamedTable) -> Result<ConfiguredSink, Mistake> {
    let name = table.name().to_owned();
    let known = SinkSettings::KINDS.join(", ");
    let Some(kind) = table.take::<String>(TYPE)? else {
        return Err(table.wrong(
            None,
            "does not say what it is",
            &format!("write type = \"...\" with one of {known}"),
        ));
    };
    let is_enabled = table.take(ENABLED)?.unwrap_or(true);
    let formats = |written| one_of(written, Format::ALL, Format::keyword);
    let format = table.take_with(FORMAT, formats)?;
    let ceiling = table.take_with(TLP, tlp)?;
    let above = table.take(ABOVE)?.unwrap_or_default();
    let severity = table.take_with(SEVERITY, |written| one_of(written, Severity::ALL, Severity::keyword))?;
    let grade = table.take_with(GRADE, |written| one_of(written, Grade::ALL, Grade::keyword))?;
    let sources: Vec<String> = table.take(SOURCES)?.unwrap_or_default();
    let send = table.take_with(SEND, send)?.unwrap_or_else(|| vec![Kind::Alert]);
    let spool = table.take_with(SPOOL, |written| spool(written, &send))?.unwrap_or_default();
    let rate = table.take_with(RATE, rate)?.unwrap_or(Terms::RATE);
    let has_pseudonyms = table.take(PSEUDONYMS)?.unwrap_or(false);
    if !SinkSettings::KINDS.contains(&kind.as_str()) {
        let what = format!("there is no type `{kind}`");
        return Err(table.wrong(Some(TYPE), &what, &format!("write one of {known}")));
    }
    let settings = table.own(|own: Table| {
        let read = SinkSettings::read(&kind, Value::Table(own));
        read.unwrap_or_else(|| Err(toml::de::Error::custom("there is no such type")))
    })?;
    let terms = Terms {
        format: format.unwrap_or(settings.format()),
        ceiling: ceiling.unwrap_or(settings.ceiling()),
        above,
        severity: severity.unwrap_or(settings.severity()),
        grade,
        sources: sources.into_iter().map(Into::into).collect(),
        rate,
        // Made with a key that the configuration does not have.
        pseudonyms: None,
    };
    if let Some(kind) = send.iter().find(|kind| !terms.format.has(**kind)) {
        let (format, kind) = (terms.format.keyword(), kind.plural());
        let what = format!("{format} has no place for {kind}");
        return Err(table.wrong(Some(SEND), &what, "leave them out of `send`, or write another `format`"));
    }
    Ok(ConfiguredSink { name, is_table: true, is_enabled, has_pseudonyms, send, spool, terms, settings })
}

fn tlp(written: Value) -> Result<Tlp, toml::de::Error> {
    let text: String = written.try_into()?;
    let wrong = || format!("`{text}` is none of clear, green, amber, amber+strict, red");
    Tlp::parse(&text).ok_or_else(|| toml::de::Error::custom(wrong()))
}

fn send(written: Value) -> Result<Vec<Kind>, toml::de::Error> {
    let listed: Vec<Value> = written.try_into()?;
    listed.into_iter().map(|kind| one_of(kind, &Kind::ALL, Kind::plural)).collect()
}

/// Alerts are spooled whether somebody says so or not.
fn spool(written: Value, sent: &[Kind]) -> Result<Vec<Kind>, toml::de::Error> {
    let mut kinds = send(written)?;
    if let Some(kind) = kinds.iter().find(|kind| !sent.contains(kind)) {
        let kind = kind.plural();
        return Err(toml::de::Error::custom(format!(
            "`{kind}` is not sent there: write it in `send` as well"
        )));
    }
    kinds.retain(|kind| *kind != Kind::Alert);
    Ok(kinds)
}

fn rate(written: Value) -> Result<u32, toml::de::Error> {
    let rate: u32 = written.try_into()?;
    let is_sensible = (1..=Terms::MOST_RATE).contains(&rate);
    let wrong = || format!("{rate} is not between 1 and {} messages a second", Terms::MOST_RATE);
    if is_sensible { Ok(rate) } else { Err(toml::de::Error::custom(wrong())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ConfiguredSink>, String> {
        #[derive(Deserialize)]
        struct File {
            sink: WrittenTables,
        }
        let (sinks, mistakes) = sinks(toml::from_str::<File>(text).unwrap().sink, text);
        mistakes.first().map_or(Ok(sinks), |mistake| Err(mistake.to_string()))
    }

    #[test]
    fn keys_of_all_sinks_are_read_and_what_is_not_said_is_the_kinds_own() {
        let all = read(
            "[sink.one]\ntype = \"stdout\"\n\n[sink.two]\ntype = \"stdout\"\ntlp = \"green\"\nabove = \"strip\"\n\
             severity = \"medium\"\ngrade = \"connected\"\nsources = [\"misp\"]\nsend = [\"alerts\", \"ledger\"]\nspool = [\"alerts\", \"ledger\"]\nrate = 7\n\
             enabled = false\n",
        )
        .unwrap();
        let [one, two] = &all[..] else { panic!("{all:?}") };
        assert_eq!((one.name.as_str(), one.is_enabled, one.settings.kind()), ("one", true, "stdout"));
        assert_eq!((one.terms.ceiling, one.terms.rate), (Tlp::Red, Terms::RATE));
        assert!(one.gets(Kind::Alert) && !one.gets(Kind::Flow));
        assert!(!two.is_enabled && two.gets(Kind::Ledger));
        assert_eq!((&one.spool[..], &two.spool[..]), (&[][..], &[Kind::Ledger][..]));
        let terms = &two.terms;
        assert_eq!((terms.ceiling, terms.above, terms.rate), (Tlp::Green, Above::Strip, 7));
        assert_eq!((terms.severity, terms.grade), (Severity::Medium, Some(Grade::Connected)));
        assert_eq!(terms.sources, ["misp".into()]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, told) in [
            ("[sink.x]\ntlp = \"red\"\n", ", line 1: [sink.x]: does not say what it is; write type"),
            (
                "[sink.x]\ntype = \"stdout\"\nspool = [\"flows\"]\n",
                ", line 3: [sink.x] `spool`: `flows` is not sent there",
            ),
            (
                "[sink.x]\ntype = \"stdout\"\nformat = \"pdnssoc\"\nsend = [\"alerts\", \"flows\"]\n",
                ", line 4: [sink.x] `send`: pdnssoc has no place for flows",
            ),
            (
                "[sink.x]\ntype = \"webhook\"\nlink = \"nowhere\"\n",
                ", line 3: [sink.x] `link`: `link` must be a URL",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{told} is not in: {error}");
        }
        let many: Vec<_> = (0..17).map(|place| format!("[sink.s{place}]\ntype = \"stdout\"\n")).collect();
        assert!(read(&many.concat()).unwrap_err().contains("the most is 16"));
    }

    /// The first configuration in docs/ALERTING.md works as it stands.
    #[test]
    fn the_documented_example_is_a_valid_configuration() {
        let page = include_str!("../../docs/ALERTING.md");
        let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let sinks = read(example).unwrap();
        let kinds: Vec<_> = sinks.iter().map(|sink| (sink.name.as_str(), sink.settings.kind())).collect();
        assert_eq!(kinds, [("chat", "webhook"), ("local", "file"), ("siem", "syslog")]);
    }
}
