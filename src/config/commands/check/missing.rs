//! What a configuration does not say, where a service without it is of little use. These are warnings: flags may say it.

use crate::config::{HomeNet, Settings};
use std::path::Path;
use weir_alert::sinks::Kind;

/// What follows from it, and what to write.
pub(super) fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |is_missing: bool, what: &str| {
        if is_missing {
            warnings.push(what.to_owned());
        }
    };
    let has_source = settings.sources.iter().any(|source| source.is_enabled);
    warn(
        settings.indicators.is_empty() && !has_source,
        "no `indicators` and no source that is enabled: nothing can be recognised; write indicators = [\"lists/\"], or a \
         table [source.NAME]",
    );
    warn(
        settings.state.is_none(),
        "no `state`: mutes, incidents and what waits for sinks are lost at a restart; write state = \"/var/lib/weir\"",
    );
    let is_told = settings.sinks.iter().any(|sink| sink.is_enabled && sink.gets(Kind::Alert));
    let is_printed = settings.sinks.is_empty() && settings.alerts == Path::new("-");
    warn(
        is_printed,
        "no sink and no `alerts`: alerts go to standard output, of a service into the journal, and nobody is told; \
         write a table [sink.NAME], or alerts = \"alerts.jsonl\"",
    );
    warn(
        !settings.sinks.is_empty() && !is_told,
        "no sink gets alerts, and nobody is told; write \"alerts\" in `send` of one that is enabled",
    );
    warn(
        settings.home == HomeNet::PrivateRanges,
        "no `home_net`: the private ranges count as inside, and your public addresses as outside; write \
         home_net = [\"192.0.2.0/24\"] with all that is yours",
    );
    warnings
}
