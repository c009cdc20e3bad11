//! Interfaces: opened with advice where that fails, and looked after while the run goes on.

use super::arming::Arming;
use super::bound::Opens;
use super::collector::Keeper;
use super::source::{Interfaces, NoInterfaces};
use crate::config::RunSettings;
use crate::helper::Helper;
use crate::output::note;
use anyhow::{Result, anyhow, bail};
use caps::CapSet;
use caps::Capability::CAP_NET_RAW;
use std::sync::Arc;
use std::time::Duration;
use weir_capture::live::{self, InProcess, Opener, Prepared, TapError, TapOptions, TapWorker};

/// How long after a signal, at most, capturing stops; also how often news of interfaces are told.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Refuses a name that no interface has, and says which there are.
pub(super) fn must_exist(names: &[String]) -> Result<()> {
    let mut there: Vec<_> = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    there.sort();
    match names.iter().find(|name| !there.contains(name)) {
        Some(name) if !there.is_empty() => {
            bail!("there is no interface {name}; there are {}", there.join(", "))
        }
        _ => Ok(()),
    }
}

/// The tap, if there are interfaces to watch; it is not captured from yet.
#[derive(Debug)]
pub(super) struct Tap(Option<Prepared>);

impl Tap {
    /// Opens what only a start can open. With a helper, interfaces are opened by that from here on, and this process may give up the
    /// right to; the helper is started here, so nothing may have been given up before.
    pub(super) fn prepare(settings: &RunSettings, opens: Opens) -> Result<Self> {
        let RunSettings { common, tap, .. } = settings;
        if tap.interfaces.is_empty() {
            return Ok(Self(None));
        }
        // Interfaces are opened last; whoever has no right to shall not hear of what else is missing first.
        if opens == Opens::Itself && caps::has_cap(None, CapSet::Effective, CAP_NET_RAW).is_ok_and(|has| !has)
        {
            return Err(rights_advice(
                "interfaces cannot be opened: this user has no right to (CAP_NET_RAW)",
            ));
        }
        let options = TapOptions {
            workers: common.workers,
            filter: common.bpf.clone(),
            ring_bytes: tap.ring_bytes as usize,
            snap_len: tap.snaplen as usize,
            promiscuous: tap.is_promiscuous,
            ..TapOptions::new(tap.interfaces.clone())
        };
        let opener: Arc<dyn Opener> = if opens == Opens::Helper {
            Helper::start(&options)?.opener()
        } else {
            Arc::new(InProcess::new(options.clone()))
        };
        Ok(Self(Some(live::prepare(&options, opener).map_err(|error| advice(&error))?)))
    }

    /// Opens the interfaces and captures from now on.
    pub(super) fn start(self) -> Result<(Vec<TapWorker>, Arc<dyn Interfaces>)> {
        let Some(prepared) = self.0 else {
            return Ok((Vec::new(), Arc::new(NoInterfaces)));
        };
        let (workers, monitor) = prepared.start().map_err(|error| advice(&error))?;
        Ok((workers, Arc::new(monitor)))
    }
}

/// What went wrong, and what can be done about it where that is known.
fn advice(error: &TapError) -> anyhow::Error {
    let said = error.to_string();
    let lowered = said.to_lowercase();
    if lowered.contains("permission") || lowered.contains("not permitted") {
        return rights_advice(&said);
    }
    anyhow!("{said}")
}

fn rights_advice(said: &str) -> anyhow::Error {
    let program = std::env::current_exe().map_or("weir".to_owned(), |path| path.display().to_string());
    anyhow!(
        "{said}\n  capturing needs rights: run as root, or give them to the program once:\n  \
         sudo setcap cap_net_raw=eip {program}"
    )
}

/// Tells what happens to interfaces and exporters until it is over, frees sets of indicators that were replaced, and does again and
/// again what else there is to attend to.
pub(super) fn look_after(
    interfaces: &dyn Interfaces,
    arming: &Arming,
    mut keeper: Option<&mut Keeper>,
    is_over: &dyn Fn() -> bool,
    attend: &mut dyn FnMut(),
) {
    while !is_over() {
        attend();
        std::thread::sleep(LOOK_EVERY);
        for event in interfaces.events() {
            note(&event.to_string());
        }
        if let Some(keeper) = &mut keeper {
            keeper.look();
        }
        arming.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lacks_rights_is_told_how_to_get_them() {
        let message = "You don't have permission to perform this capture on that device".to_owned();
        let told = advice(&TapError::Interface { interface: "eth1".into(), message }).to_string();
        assert!(told.contains("setcap cap_net_raw=eip /"), "{told}");
        let told = advice(&TapError::Options("no".into())).to_string();
        assert_eq!(told, "no");
    }

    #[test]
    fn an_unknown_interface_is_told_with_those_that_are_there() {
        let error = must_exist(&["no-such-nic".into()]).unwrap_err().to_string();
        assert!(
            error.contains("there is no interface no-such-nic; there are ") && error.contains("lo"),
            "{error}"
        );
        assert!(must_exist(&["lo".into()]).is_ok());
    }
}
