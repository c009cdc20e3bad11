//! Standard output: one line a parcel, for a terminal, a pipe or a container's log.

use super::{Opening, Outcome, Outlet, Parcel, Settings, Sink};
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Write as _};
use std::time::Instant;
use weir_model::Tlp;
use weir_net::NetError;

/// Standard output has nothing to set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StdoutSettings {}

impl Settings for StdoutSettings {
    const KIND: &'static str = "stdout";
    const CEILING: Tlp = Tlp::Red;

    fn open(&self, _: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        Ok(Outlet::only(Stdout::default()))
    }
}

#[derive(Debug, Default)]
pub(super) struct Stdout {
    reader_left: bool,
}

impl Sink for Stdout {
    fn deliver(&mut self, parcels: &[Parcel], _: Instant) -> Vec<Outcome> {
        let mut out = io::stdout().lock();
        let lines: Vec<u8> = parcels.iter().flat_map(|parcel| [&*parcel.body, b"\n"].concat()).collect();
        let outcome = match out.write_all(&lines).and_then(|()| out.flush()) {
            Ok(()) => Outcome::Taken,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Outcome::Refused("nobody reads standard output any more".to_owned())
            }
            Err(error) => Outcome::Failed(format!("standard output: {error}")),
        };
        vec![outcome; parcels.len()]
    }

    fn is_over(&self) -> bool {
        self.reader_left
    }
}
