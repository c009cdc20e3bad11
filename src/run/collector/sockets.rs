//! The sockets of a run: opened with advice where that fails, or gives less than was asked for.

use super::terms::Terms;
use crate::config::CollectorSettings;
use crate::output::complain;
use crate::summary::bytes;
use anyhow::{Result, anyhow};
use std::sync::Arc;
use weir_capture::collector::{
    self, CollectorError, CollectorMonitor, CollectorOptions, CollectorStats, CollectorWorker, Listen,
};

/// Open sockets.
pub(in crate::run) struct Listening {
    /// For each thread.
    pub workers: Vec<CollectorWorker>,
    pub monitor: Arc<CollectorMonitor>,
    /// Where, in the order of the settings.
    pub addresses: Vec<String>,
    pub terms: Arc<Terms>,
}

impl Listening {
    /// Listens where the settings say; nothing where they say nothing. Connections wait until [`CollectorMonitor::let_in`].
    pub(in crate::run) fn open(settings: &CollectorSettings) -> Result<Option<Self>> {
        (!settings.listen.is_empty()).then(|| Self::open_all(settings)).transpose()
    }

    fn open_all(settings: &CollectorSettings) -> Result<Self> {
        let options = CollectorOptions {
            threads: settings.threads,
            receive_buffer: settings.receive_buffer_bytes as usize,
            allowed: settings.exporters.clone(),
            ..CollectorOptions::new(settings.listen.clone())
        };
        let (workers, monitor) = collector::bind(&options).map_err(|error| advice(&error))?;
        let stats = monitor.stats();
        let granted = stats.sockets.iter().map(|socket| socket.buffer).min();
        if let Some(granted) = granted.filter(|granted| *granted < options.receive_buffer) {
            complain(&less_granted(options.receive_buffer, granted));
        }
        let monitor = Arc::new(monitor);
        let terms = Terms::new(settings, &monitor);
        Ok(Self { workers, monitor, addresses: addresses(settings, &stats), terms })
    }
}

/// As the settings say, with the ports that were free where they leave it open.
fn addresses(settings: &CollectorSettings, stats: &CollectorStats) -> Vec<String> {
    let bound = |place| {
        let datagrams = stats.sockets.iter().map(|socket| (socket.listen, socket.address));
        let mut all = datagrams.chain(stats.streams.iter().map(|stream| (stream.listen, stream.address)));
        all.find(|(listen, _)| *listen == place).map(|(_, address)| address)
    };
    let all = settings.listen.iter().enumerate();
    all.map(|(place, listen)| {
        let address = bound(place).unwrap_or(listen.address);
        Listen { address, transport: listen.transport.clone() }.to_string()
    })
    .collect()
}

fn less_granted(asked: usize, granted: usize) -> String {
    format!(
        "the kernel grants sockets {} for datagrams that wait, not {}: bursts may be dropped\n  more is granted to root, and to \
         all after: sysctl -w net.core.rmem_max={asked}",
        bytes(granted as u64),
        bytes(asked as u64)
    )
}

/// What went wrong, and what can be done about it where that is known.
fn advice(error: &CollectorError) -> anyhow::Error {
    let said = error.to_string();
    let lowered = said.to_lowercase();
    if lowered.contains("in use") {
        return anyhow!("{said}\n  another program listens there; `ss -lpn 'sport = :PORT'` says which");
    }
    if lowered.contains("permission denied") {
        let program = std::env::current_exe().map_or("weir".to_owned(), |path| path.display().to_string());
        return anyhow!(
            "{said}\n  ports below 1024 need rights: take another, run as root, or give them to the program once:\n  \
             sudo setcap cap_net_bind_service=ep {program}"
        );
    }
    if lowered.contains("cannot assign") {
        return anyhow!(
            "{said}\n  this host has no such address (`ip -br address` lists them); 0.0.0.0 or [::] is all"
        );
    }
    anyhow!("{said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        advice(&CollectorError::Listen { listen: "udp 0.0.0.0:80".into(), message: message.into() })
            .to_string()
    }

    #[test]
    fn what_can_be_done_is_said() {
        assert!(told("Address already in use (os error 98)").contains("ss -lpn"));
        assert!(told("Permission denied (os error 13)").contains("setcap cap_net_bind_service=ep /"));
        assert!(told("Cannot assign requested address (os error 99)").contains("ip -br address"));
        assert_eq!(told("odd"), "listening on udp 0.0.0.0:80: odd");
    }

    #[test]
    fn a_small_buffer_is_told_with_the_remedy() {
        let text = less_granted(64 << 20, 212_992);
        assert!(
            text.contains("grants sockets 213.0 kB") && text.contains("net.core.rmem_max=67108864"),
            "{text}"
        );
    }
}
