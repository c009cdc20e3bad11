//! What only `weir run` asks of its settings.

use super::{Guard, Written, bytes, duration};
use crate::cli::RunArguments;
use anyhow::{Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How packets are taken from interfaces (there may be none), and how the running program can be asked.
#[derive(Clone, Debug)]
pub(crate) struct TapSettings {
    pub interfaces: Vec<String>,
    pub snaplen: u32,
    /// Per interface and worker.
    pub ring_bytes: u32,
    pub is_promiscuous: bool,
    pub is_pinned: bool,
    /// Where metrics are served; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// To whom.
    pub guard: Guard,
    /// The control socket that the operator named.
    pub control: Option<PathBuf>,
    /// How often each thread sends itself a canary; `None` for never.
    pub canary: Option<Duration>,
}

/// Whole packets also of interfaces that join segments before handing them up.
const DEFAULT_SNAPLEN: u32 = 65_535;
/// Less cuts the headers off.
const LEAST_SNAPLEN: u32 = 128;
/// The most that `capture` takes of a frame.
const MOST_SNAPLEN: u32 = 262_144;
/// Half a second of a gigabit.
const DEFAULT_RING_BYTES: u64 = 64 << 20;
const LEAST_RING_BYTES: u64 = 1 << 20;
/// libpcap takes a signed 32-bit size.
const MOST_RING_BYTES: u32 = 1 << 30;
/// 9347 spells WEIR on a telephone; none of the well-known exporters is there.
const DEFAULT_CANARY: Duration = Duration::from_mins(1);
const LEAST_CANARY: Duration = Duration::from_secs(1);
const DEFAULT_LISTEN: &str = "127.0.0.1:9347";
/// Each has its rings: a mistake in a configuration shall not take all memory.
const MOST_INTERFACES: usize = 16;

impl TapSettings {
    /// Joins flags and file; what is taken from the file is a path or a list.
    pub(super) fn new(flags: &RunArguments, file: &mut Written) -> Result<Self> {
        let ring = flags.ring_size.as_deref().or(file.ring_size.as_deref());
        let ring_bytes = bytes("ring-size", ring, DEFAULT_RING_BYTES, LEAST_RING_BYTES)?;
        let Some(ring_bytes) = u32::try_from(ring_bytes).ok().filter(|size| *size <= MOST_RING_BYTES) else {
            bail!("ring-size: {ring_bytes} bytes are too many; the most is 1GiB");
        };
        let listen = listen(flags.listen.as_deref().or(file.listen.as_deref()).unwrap_or(DEFAULT_LISTEN))?;
        let guard = Guard::new(&flags.guard, file, listen)?;
        let named = if flags.interface.is_empty() { &file.interface } else { &flags.interface };
        Ok(Self {
            interfaces: interfaces(named)?,
            snaplen: snaplen(flags.snaplen.or(file.snaplen))?,
            ring_bytes,
            is_promiscuous: !(flags.no_promiscuous || file.no_promiscuous.unwrap_or(false)),
            is_pinned: flags.pin || file.pin.unwrap_or(false),
            listen,
            guard,
            control: flags.control.clone().or_else(|| file.control.take()),
            canary: canary(flags.canary.as_deref().or(file.canary.as_deref()))?,
        })
    }
}

fn canary(written: Option<&str>) -> Result<Option<Duration>> {
    if written == Some("off") {
        return Ok(None);
    }
    let interval = duration("canary", written, DEFAULT_CANARY)?;
    if interval < LEAST_CANARY {
        bail!("canary: more often than once a second is too often");
    }
    Ok(Some(interval))
}

fn interfaces(named: &[String]) -> Result<Vec<String>> {
    let twice =
        named.iter().enumerate().find(|(index, name)| named.iter().take(*index).any(|one| one == *name));
    match (named.len(), twice) {
        (count, _) if count > MOST_INTERFACES => {
            bail!("{count} interfaces are too many; the most is {MOST_INTERFACES}")
        }
        (_, Some((_, name))) => bail!("interface {name} is given twice"),
        _ => Ok(named.to_vec()),
    }
}

fn snaplen(written: Option<u32>) -> Result<u32> {
    match written.unwrap_or(DEFAULT_SNAPLEN) {
        length @ LEAST_SNAPLEN..=MOST_SNAPLEN => Ok(length),
        length => bail!("snaplen: {length} is not between {LEAST_SNAPLEN} and {MOST_SNAPLEN}"),
    }
}

fn listen(text: &str) -> Result<Option<SocketAddr>> {
    if text == "off" {
        return Ok(None);
    }
    match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => bail!(
            "listen: `{text}` is not an address with a port such as 127.0.0.1:9347 or [::1]:9347, nor `off`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &RunArguments) -> Result<TapSettings> {
        TapSettings::new(flags, &mut Written::default())
    }

    fn on(interfaces: &[&str]) -> RunArguments {
        let interface = interfaces.iter().map(|name| (*name).to_owned()).collect();
        RunArguments { interface, ..RunArguments::default() }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(settings(&on(&["eth0", "eth1"])).is_ok());
        let told = |flags: &RunArguments| settings(flags).unwrap_err().to_string();
        assert!(told(&on(&["eth0", "eth0"])).contains("twice"));
        assert!(told(&RunArguments { snaplen: Some(64), ..on(&["eth0"]) }).contains("snaplen"));
        assert!(told(&RunArguments { ring_size: Some("2GiB".into()), ..on(&["eth0"]) }).contains("too many"));
        assert!(
            told(&RunArguments { listen: Some("9347".into()), ..on(&["eth0"]) }).contains("not an address")
        );
    }

    #[test]
    fn metrics_are_for_this_host_only_unless_said_otherwise() {
        assert!(settings(&on(&["eth0"])).unwrap().listen.unwrap().ip().is_loopback());
        assert_eq!(
            settings(&RunArguments { listen: Some("off".into()), ..on(&["eth0"]) }).unwrap().listen,
            None
        );
    }

    #[test]
    fn canaries_are_sent_each_minute_unless_said_otherwise() {
        let canary = |text: Option<&str>| canary(text).map_err(|error| error.to_string());
        assert_eq!(canary(None), Ok(Some(Duration::from_mins(1))));
        assert_eq!(canary(Some("off")), Ok(None));
        assert_eq!(canary(Some("5m")), Ok(Some(Duration::from_mins(5))));
        assert!(canary(Some("0s")).is_err() && canary(Some("often")).is_err());
    }
}
