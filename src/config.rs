//! Configuration in two steps: what the operator wrote (file and flags) becomes what the program uses.

mod collector;
mod commands;
mod confining;
mod conflicts;
mod document;
mod effective;
mod examine;
mod exported;
mod form;
mod guard;
mod intel;
mod keep;
mod keys;
mod mistake;
mod named;
mod nearest;
mod policy;
mod privacy;
mod sinks;
mod sources;
mod storm;
mod syntax;
mod tap;
mod written;

pub(crate) use collector::{CollectorSettings, ConfiguredSampling};
pub(crate) use commands::run;
pub(crate) use effective::{Effective, Shown};
pub(crate) use exported::{DatagramFolder, ExportedSettings};
pub(crate) use guard::Guard;
pub(crate) use intel::{IntelSettings, ScreeningSettings};
pub(crate) use privacy::Privacy;
pub(crate) use sinks::ConfiguredSink;
pub(crate) use sources::{ProviderSettings, SourceSettings};
pub(crate) use tap::TapSettings;

use crate::cli::{CommonArguments, HoldingArguments, ReadArguments, RunArguments};
use crate::sandbox::Sandbox;
use crate::state::Keep;
use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weir_alert::Format;
use weir_alert::sinks::Kind;
use weir_alert::spool::Limits;
use weir_model::{Role, Tlp};
use written::Written;

/// What `weir read` and `weir run` use: everything checked, every default in place.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub captures: Vec<PathBuf>,
    pub indicators: Vec<PathBuf>,
    pub home: HomeNet,
    pub roles: Vec<(Role, IpNet)>,
    pub privacy: Privacy,
    pub alerts: PathBuf,
    pub alerts_tlp: Tlp,
    pub flows: Option<PathBuf>,
    pub names: Option<PathBuf>,
    /// Of alerts, flows and names.
    pub format: Format,
    pub metrics: Option<PathBuf>,
    pub verbosity: Verbosity,
    pub bpf: Option<String>,
    pub tcp_idle_timeout: Duration,
    pub idle_timeout: Duration,
    pub active_timeout: Duration,
    pub flow_memory_bytes: u64,
    pub state: Option<PathBuf>,
    pub workers: usize,
    pub exported: ExportedSettings,
    /// The file in which settings stood.
    pub config: Option<PathBuf>,
    pub sources: Vec<SourceSettings>,
    pub screening: ScreeningSettings,
    /// Where what is told goes; none where nobody configured any, and all goes to `alerts`.
    pub sinks: Vec<ConfiguredSink>,
    /// What may wait for them.
    pub spool: Limits,
    /// Of flows, names and ledgers of a sink that has them spooled.
    pub freight: Limits,
    /// How long is kept what nothing else deletes.
    pub keep: Keep,
    /// Messages a minute; `None` for all.
    pub storm: Option<u64>,
}

/// What `weir run` uses.
#[derive(Clone, Debug)]
pub(crate) struct RunSettings {
    pub common: Settings,
    /// How long sinks may take at the end for what waits.
    pub drain: Duration,
    pub tap: TapSettings,
    pub collector: CollectorSettings,
    /// Whether the program confines itself.
    pub sandbox: Sandbox,
}

/// What is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HomeNet {
    /// As the operator said.
    Configured(Vec<IpNet>),
    /// Nobody said: the private ranges, with a warning where they do not fit.
    PrivateRanges,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Progress, warnings and the summary.
    Normal,
}

/// What is said to whoever starts `weir run` for nothing.
const NOTHING_TO_WATCH: &str = "say what to watch: an interface (--interface NAME; `ip -br link` lists them), or what routers send \
     (--netflow 0.0.0.0:2055, --ipfix 0.0.0.0:4739, --sflow 0.0.0.0:6343); in a configuration interface = [\"NAME\"] \
     or netflow = [\"0.0.0.0:2055\"]";
const DEFAULT_TCP_IDLE: Duration = Duration::from_mins(5);
const DEFAULT_IDLE: Duration = Duration::from_mins(1);
const DEFAULT_ACTIVE: Duration = Duration::from_mins(30);
/// Long enough for a receiver that is there, and less than service managers wait before they kill.
const DEFAULT_DRAIN: Duration = Duration::from_secs(10);
const DEFAULT_FLOW_MEMORY_BYTES: u64 = 1 << 30;
/// Less holds too few flows to be of use to anybody.
const LEAST_FLOW_MEMORY_BYTES: u64 = 1 << 20;
/// More than machines have cores to keep busy; the kernel joins at most 256 sockets.
const MOST_WORKERS: usize = 64;
/// Workers for files unless somebody asks for more: dealing a packet takes about a tenth of the time that working on it takes.
const MOST_WORKERS_UNASKED: usize = 8;

impl Settings {
    /// Joins the flags of `weir read` with the configuration file that they name; flags win, and say where a value is wrong.
    pub(crate) fn for_read(flags: &ReadArguments) -> Result<Self> {
        let mut file = Written::named_by(&flags.common)?;
        let metrics = flags.metrics.clone().or_else(|| file.metrics.take());
        let exported = ExportedSettings::new(&flags.exported, &mut file)?;
        let common = Self::new(&flags.common, file, workers_for_files())?;
        Ok(Self { captures: flags.captures.clone(), metrics, exported, ..common })
    }

    /// The same for `weir run`.
    pub(crate) fn for_run(flags: &RunArguments) -> Result<RunSettings> {
        let settings = Self::for_check(flags)?;
        if settings.tap.interfaces.is_empty() && settings.collector.is_empty() {
            bail!(NOTHING_TO_WATCH);
        }
        Ok(settings)
    }

    /// The same, of settings that may not say what to watch.
    pub(crate) fn for_check(flags: &RunArguments) -> Result<RunSettings> {
        let mut file = Written::for_run(flags, Path::new(commands::USUAL_PLACE))?;
        let tap = TapSettings::new(flags, &mut file)?;
        let collector = CollectorSettings::new(&flags.collector, &mut file)?;
        let drain = duration("drain", flags.drain.as_deref().or(file.drain.as_deref()), DEFAULT_DRAIN)?;
        let sandbox = confining::sandbox(flags.sandbox.as_deref().or(file.sandbox.as_deref()))?;
        Ok(RunSettings { common: Self::new(&flags.common, file, 1)?, drain, tap, collector, sandbox })
    }

    /// The same, but alerts go to this file, and nothing else is written or kept.
    pub(crate) fn rehearsing(self, alerts: PathBuf) -> Self {
        let (flows, names, metrics, state) = (None, None, None, None);
        let (format, sinks, verbosity) = (Format::Ecs, Vec::new(), Verbosity::Quiet);
        Self { alerts, flows, names, format, metrics, verbosity, state, sinks, storm: None, ..self }
    }

    /// What `weir intel` and `weir explain` use of them, and the control socket.
    pub(crate) fn for_intel(flags: &HoldingArguments) -> Result<(IntelSettings, Option<PathBuf>)> {
        let common = CommonArguments {
            config: flags.config.clone(),
            state: flags.state.clone(),
            indicators: flags.indicators.clone(),
            home_net: flags.home_net.clone(),
            ..CommonArguments::default()
        };
        let mut file = Written::named_by(&common)?;
        let control = flags.control.clone().or_else(|| file.control.take());
        Ok((Self::new(&common, file, 1)?.intel(), control))
    }

    /// What stands in a configuration file alone, for those who look at it; and the control socket.
    pub(crate) fn of_file(config: &Path) -> Result<(Self, Option<PathBuf>)> {
        let common = CommonArguments { config: Some(config.to_owned()), ..CommonArguments::default() };
        let mut file = Written::named_by(&common)?;
        let control = file.control.take();
        Ok((Self::new(&common, file, 1)?, control))
    }

    /// What is about intelligence among them.
    pub(crate) fn intel(&self) -> IntelSettings {
        IntelSettings {
            config: self.config.clone(),
            state: self.state.clone(),
            indicators: self.indicators.clone(),
            home: self.home.clone(),
            sources: self.sources.clone(),
            screening: self.screening.clone(),
        }
    }

    fn new(flags: &CommonArguments, file: Written, default_workers: usize) -> Result<Self> {
        let pick = |flag: &Option<PathBuf>, key: Option<PathBuf>| flag.clone().or(key);
        let quiet = flags.quiet || file.quiet.unwrap_or(false);
        let time = |name, flag: &Option<String>, key: Option<String>, default| {
            duration(name, flag.as_deref().or(key.as_deref()), default)
        };
        let (flows, names) = (pick(&flags.flows, file.flows), pick(&flags.names, file.names));
        let format =
            format(flags.format.as_deref().or(file.format.as_deref()), flows.as_deref(), names.as_deref())?;
        Ok(Self {
            captures: Vec::new(),
            indicators: if flags.indicators.is_empty() { file.indicators } else { flags.indicators.clone() },
            home: home_net(if flags.home_net.is_empty() { &file.home_net } else { &flags.home_net })?,
            roles: roles(&flags.role, &file.role)?,
            privacy: Privacy::new(
                if flags.tell_also.is_empty() { &file.tell_also } else { &flags.tell_also },
                if flags.leave_out.is_empty() { &file.leave_out } else { &flags.leave_out },
            )?,
            alerts_tlp: tlp(flags.alerts_tlp.as_deref().or(file.alerts_tlp.as_deref()))?,
            alerts: pick(&flags.alerts, file.alerts).unwrap_or_else(|| "-".into()),
            flows,
            names,
            format,
            metrics: None,
            verbosity: if quiet { Verbosity::Quiet } else { Verbosity::Normal },
            bpf: flags.bpf.clone().or(file.bpf),
            tcp_idle_timeout: time(
                "tcp-idle-timeout",
                &flags.tcp_idle_timeout,
                file.tcp_idle_timeout,
                DEFAULT_TCP_IDLE,
            )?,
            idle_timeout: time("idle-timeout", &flags.idle_timeout, file.idle_timeout, DEFAULT_IDLE)?,
            active_timeout: time(
                "active-timeout",
                &flags.active_timeout,
                file.active_timeout,
                DEFAULT_ACTIVE,
            )?,
            flow_memory_bytes: bytes(
                "flow-memory",
                flags.flow_memory.as_deref().or(file.flow_memory.as_deref()),
                DEFAULT_FLOW_MEMORY_BYTES,
                LEAST_FLOW_MEMORY_BYTES,
            )?,
            state: pick(&flags.state, file.state),
            workers: workers(flags.workers.or(file.workers).unwrap_or(default_workers))?,
            exported: ExportedSettings::default(),
            config: file.path,
            sources: file.sources,
            sinks: file.sinks,
            spool: file.spool.limits()?,
            freight: file.spool.freight()?,
            keep: file.keep.keep()?,
            storm: file.storm.per_minute()?,
            screening: ScreeningSettings {
                is_off: flags.no_screening || file.no_screening.unwrap_or(false),
                ..file.screening
            },
        })
    }
}

fn home_net(written: &[String]) -> Result<HomeNet> {
    if written.is_empty() {
        return Ok(HomeNet::PrivateRanges);
    }
    let nets = written.iter().map(|text| network("home-net", text)).collect::<Result<_>>()?;
    Ok(HomeNet::Configured(nets))
}

/// Roles from flags (`resolver=10.0.0.53`) and from the file (`[role]`, `resolver = ["10.0.0.53"]`), together.
fn roles(flags: &[String], file: &BTreeMap<String, Vec<String>>) -> Result<Vec<(Role, IpNet)>> {
    let mut written = Vec::new();
    for flag in flags {
        let Some((role, nets)) = flag.split_once('=') else {
            bail!("--role {flag}: write it as ROLE=CIDR, for example resolver=10.0.0.53");
        };
        written.extend(nets.split(',').map(|net| (role, net)));
    }
    written.extend(file.iter().flat_map(|(role, nets)| nets.iter().map(|net| (role.as_str(), net.as_str()))));
    written.into_iter().map(|(role_text, net)| Ok((role(role_text)?, network("role", net)?))).collect()
}

fn role(text: &str) -> Result<Role> {
    Role::ALL.iter().copied().find(|role| role.keyword() == text.trim()).with_context(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.keyword()).collect();
        format!("role: there is no role `{text}`; there are {}", known.join(", "))
    })
}

/// An address or a prefix.
fn network(name: &str, text: &str) -> Result<IpNet> {
    let text = text.trim();
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    let Ok(net) = net else {
        let why = form::network(text).err();
        let why = why.map_or_else(String::new, |wrong| format!(": {}; {}", wrong.what, wrong.remedy));
        bail!("{name}: `{text}` is neither an address nor a prefix{why}");
    };
    Ok(net.trunc())
}

/// A marking such as `green`; everything may go where nothing is said.
fn tlp(text: Option<&str>) -> Result<Tlp> {
    let Some(text) = text else { return Ok(Tlp::Red) };
    Tlp::parse(text)
        .with_context(|| format!("alerts-tlp: `{text}` is none of clear, green, amber, amber+strict, red"))
}

/// A format that has a place for all that is to be written.
fn format(text: Option<&str>, flows: Option<&Path>, names: Option<&Path>) -> Result<Format> {
    let Some(text) = text else { return Ok(Format::default()) };
    let format = Format::parse(text).with_context(|| {
        let known: Vec<_> = Format::ALL.iter().map(|format| format.keyword()).collect();
        format!("format: `{text}` is none of {}", known.join(", "))
    })?;
    for (kind, wanted) in [(Kind::Flow, flows), (Kind::Name, names)] {
        if wanted.is_some() && !format.has(kind) {
            let (keyword, kind) = (format.keyword(), kind.plural());
            bail!("format: {keyword} has no place for {kind}; leave out --{kind}, or take ecs, ocsf or eve");
        }
    }
    Ok(format)
}

/// A time such as `90s`, `5m`, `1h 30m`.
pub(crate) fn duration(name: &str, text: Option<&str>, default: Duration) -> Result<Duration> {
    let Some(text) = text else { return Ok(default) };
    long_duration(text).with_context(|| format!("{name}: `{text}` is not a time such as 90s, 5m or 1h"))
}

/// A time such as `90s`, `12h`, `30d`, `2w`.
pub(crate) fn long_duration(text: &str) -> Option<Duration> {
    weir_net::units::parse_duration(text.trim()).filter(|time| !time.is_zero())
}

/// One for each core, up to what one walk through the input can feed.
fn workers_for_files() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS_UNASKED)
}

fn workers(written: usize) -> Result<usize> {
    match written {
        count @ 1..=MOST_WORKERS => Ok(count),
        count => bail!("workers: {count} is not between 1 and {MOST_WORKERS}"),
    }
}

/// A size such as `512MiB`, `2GB`, `1000000`.
fn bytes(name: &str, text: Option<&str>, default: u64, least: u64) -> Result<u64> {
    let Some(text) = text else { return Ok(default) };
    match weir_net::units::parse_size(text) {
        Some(size) if size >= least => Ok(size),
        Some(_) => bail!("{name}: `{text}` is too little; the least is {}MiB", least >> 20),
        None => bail!("{name}: `{text}` is not a size such as 512MiB or 2GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!(bytes("x", Some("512MiB"), 0, LEAST_FLOW_MEMORY_BYTES).unwrap(), 512 << 20);
        assert_eq!(bytes("x", Some("2 GB"), 0, LEAST_FLOW_MEMORY_BYTES).unwrap(), 2_000_000_000);
        assert_eq!(bytes("x", None, 7, LEAST_FLOW_MEMORY_BYTES).unwrap(), 7);
        for wrong in ["", "x", "12parsecs", "1k", "99999999999999GiB", "-1"] {
            assert!(bytes("x", Some(wrong), 0, LEAST_FLOW_MEMORY_BYTES).is_err(), "{wrong}");
        }
        assert_eq!(duration("x", Some("1h 30m"), DEFAULT_IDLE).unwrap(), Duration::from_mins(90));
        for wrong in ["", "0s", "-5s", "soon", "5"] {
            assert!(duration("x", Some(wrong), DEFAULT_IDLE).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_and_roles() {
        assert_eq!(network("x", "192.0.2.7/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(network("x", "2001:db8::1").unwrap().to_string(), "2001:db8::1/128");
        let error = network("x", "192.0.2.0/33").unwrap_err().to_string();
        assert!(error.contains("has at most 32 bits; write 192.0.2.0/N with N from 0 to 32"), "{error}");
        let flags = ["resolver=10.0.0.53,10.0.0.54".to_owned()];
        let file = BTreeMap::from([("mail".to_owned(), vec!["10.0.0.25".to_owned()])]);
        let all = roles(&flags, &file).unwrap();
        assert_eq!(
            all.iter().map(|(role, _)| *role).collect::<Vec<_>>(),
            [Role::Resolver, Role::Resolver, Role::Mail]
        );
        let error = roles(&["resolvr=10.0.0.53".to_owned()], &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("there is no role `resolvr`; there are resolver, mail"), "{error}");
    }

    #[test]
    fn the_file_of_the_service_is_read_where_nobody_says_what_to_watch() {
        let folder = tempfile::tempdir().unwrap();
        let usual = folder.path().join("weir.toml");
        let is_read = |flags: &RunArguments| Written::for_run(flags, &usual).unwrap().path.is_some();
        assert!(!is_read(&RunArguments::default()), "it is not there");
        std::fs::write(&usual, "interface = [\"eth1\"]").unwrap();
        assert!(is_read(&RunArguments::default()));
        assert!(!is_read(&RunArguments { interface: vec!["lo".into()], ..RunArguments::default() }));
        let mut flags = RunArguments::default();
        flags.collector.netflow = vec!["127.0.0.1:2055".into()];
        assert!(!is_read(&flags));
    }
}
