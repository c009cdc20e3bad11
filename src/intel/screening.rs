//! What indicators are held against, made from the settings.

use crate::config::IntelSettings;
use crate::output::complain;
use anyhow::{Context as _, Result, anyhow, bail};
use std::sync::Arc;
use weir_intel::warninglists;
use weir_rules::screen::{Action, PublicSuffixes, Screen, Screening};

/// What is wrong with lists and said on stderr; of more, only how much more.
const COMPLAINTS: usize = 5;

/// Compiles the lists that are shipped, and what the settings add to them.
pub(super) fn screen(settings: &IntelSettings) -> Result<Screen> {
    let written = &settings.screening;
    if written.is_off {
        return Ok(Screen::default());
    }
    let mut screening = Screening::shipped();
    if let Some(path) = &written.warninglists {
        let found = warninglists::load(path);
        if found.lists.is_empty() {
            let why = found.refused.first().map_or("there are none".to_owned(), ToString::to_string);
            bail!("no warninglists at {}: {why}", path.display());
        }
        complain_of(found.refused.iter().map(ToString::to_string).collect());
        screening.extend(found.lists);
    }
    if let Some(path) = &written.public_suffixes {
        let text = warninglists::public_suffixes(path)
            .map_err(|why| anyhow!("the public suffixes {}: {why}", path.display()))?;
        screening.suffixes = PublicSuffixes::parse(&text);
    }
    for (list, action) in &written.actions {
        let action = Action::parse(action).with_context(|| {
            let known: Vec<_> = Action::ALL.iter().map(|action| action.keyword()).collect();
            format!(
                "[screening.actions]: {list}: there is no action `{action}`; there are {}",
                known.join(", ")
            )
        })?;
        screening.actions.set(list, action);
    }
    screening.home = settings.own_networks();
    screening.wide_sources = settings
        .all_sources()
        .iter()
        .filter(|source| source.is_wide_allowed)
        .map(|source| Arc::from(source.name.as_str()))
        .collect();
    let (screen, bad) = Screen::new(screening);
    complain_of(bad.iter().map(ToString::to_string).collect());
    Ok(screen)
}

fn complain_of(bad: Vec<String>) {
    let rest = bad.len().saturating_sub(COMPLAINTS);
    bad.into_iter().take(COMPLAINTS).for_each(|what| complain(&what));
    if rest > 0 {
        complain(&format!("... and {rest} more that is wrong with warninglists"));
    }
}
