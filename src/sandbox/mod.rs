//! The sandbox: what a running `weir run` gives up once its sockets are open, before it reads anything of strangers and before it has
//! more than one thread, because what a thread gives up holds for it and for those that it starts.
//!
//! ```text
//!   settings ──> Access (what they name) ──> Landlock ──> capabilities ──> seccomp ──> Confinement (what holds)
//!                                            files        none left        calls       weir status, metrics
//! ```
//!
//! `docs/SANDBOX.md` lists what is left; a test makes it from this code.

mod access;
mod calls;
mod confinement;
mod files;
mod privileges;
#[cfg(test)]
mod reference;
mod trial;

pub(crate) use access::Access;
pub(crate) use confinement::{Confinement, Part};
pub(crate) use trial::run;

use crate::output::complain;
use crate::supervisor;
use anyhow::{Context as _, Result, bail};

/// Whether the process is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// Where a service manager started it; what cannot be had is said, and missed.
    #[default]
    Auto,
    /// It does not run without.
    On,
    Off,
}

impl Sandbox {
    /// As they are written.
    pub(crate) const ALL: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)];

    /// The keyword.
    pub(crate) fn keyword(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("auto", |(keyword, _)| keyword)
    }

    /// Whether it is asked for here.
    pub(crate) fn is_wanted(self) -> bool {
        match self {
            Self::Auto => supervisor::is_listening(),
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// Confines this process, for good. To be called when everything that needs rights is open, and before there are other threads.
pub(crate) fn enter(mode: Sandbox, access: Access) -> Result<Confinement> {
    if !mode.is_wanted() {
        let why = if mode == Sandbox::Off { "sandbox = \"off\"" } else { "not started by a service manager" };
        return Ok(Confinement::none(why));
    }
    let parts = vec![
        Part::new("files", files::restrict(&access).map(|abi| format!("Landlock, ABI {abi}"))),
        Part::new("capabilities", privileges::give_up().map(|()| "none".to_owned())),
        Part::new("calls", calls::restrict().map(|()| format!("seccomp, {} allowed", calls::count()))),
        Part::new("threads", alone().map(|()| "all".to_owned())),
    ];
    let confinement = Confinement::new(parts, access);
    let missing: Vec<_> = confinement.missing().collect();
    if mode == Sandbox::On && !missing.is_empty() {
        bail!(
            "cannot be confined as sandbox = \"on\" demands: {} (`auto` goes on without)",
            missing.join("; ")
        );
    }
    for missing in missing {
        complain(&format!("the sandbox does not hold: {missing}"));
    }
    Ok(confinement)
}

/// Threads that were there before are not confined.
fn alone() -> Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").context("threads cannot be counted")?.count();
    match threads {
        1 => Ok(()),
        _ => bail!("{} threads were there before", threads - 1),
    }
}
