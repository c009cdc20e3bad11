//! Where packets, records and questions come to the program: interfaces, the ports of routers, the control socket, the address for metrics.
//! All that takes rights is opened here, before the program gives them up, and nobody is let in before it has.

use super::collector::Listening;
use super::control::ControlSocket;
use super::door::Door;
use super::http;
use super::interfaces::Tap;
use super::pages::{ControlPages, LivePages};
use crate::config::RunSettings;
use anyhow::{Context as _, Result};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

/// What is open.
pub(super) struct Bound {
    pub tap: Tap,
    /// Where routers are listened to, if they are.
    pub routers: Option<Listening>,
    pub doors: Doors,
}

/// Where people and programs ask.
pub(super) struct Doors {
    control: (ControlSocket, UnixListener),
    metrics: Option<(TcpListener, Door)>,
}

/// Who opens interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    /// This process, which keeps the right to.
    Itself,
    /// A helper that keeps it, so that this process need not.
    Helper,
}

impl Bound {
    /// Opens all that the settings want.
    pub(super) fn open(settings: &RunSettings, opens: Opens) -> Result<Self> {
        let tap = Tap::prepare(settings, opens)?;
        let routers = Listening::open(&settings.collector)?;
        Ok(Self { tap, routers, doors: Doors::open(settings)? })
    }
}

impl Doors {
    fn open(settings: &RunSettings) -> Result<Self> {
        let control = ControlSocket::bind(settings.tap.control.as_deref())?;
        let metrics = settings.tap.listen.map(|address| {
            let listener = TcpListener::bind(address).with_context(|| {
                format!(
                    "cannot serve metrics at {address} (--listen ADDRESS:PORT for another place, `off` for none)"
                )
            })?;
            anyhow::Ok((listener, Door::guarded(&settings.tap.guard)?))
        });
        Ok(Self { control, metrics: metrics.transpose()? })
    }

    /// Where the control socket lies.
    pub(super) fn control_path(&self) -> &Path {
        self.control.0.path()
    }

    /// Answers at the control socket, until what is returned is dropped, and for metrics.
    pub(super) fn answer(self, pages: &LivePages) -> Result<ControlSocket> {
        let (socket, listener) = self.control;
        http::serve("control", listener, Door::open(), Arc::new(ControlPages(pages.clone())))?;
        if let Some((listener, door)) = self.metrics {
            http::serve("metrics", listener, door, Arc::new(pages.clone()))?;
        }
        Ok(socket)
    }
}
