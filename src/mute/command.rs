//! `weir mute` and `weir unmute`: through a running program, or on the state directory.

use super::row::notices;
use super::{Mutes, Row, Wish};
use crate::Outcome;
use crate::audit::Audit;
use crate::cli::{HoldingArguments, MuteArguments, MuteCommand, MutePlaceArguments, UnmuteArguments};
use crate::config::Settings;
use crate::explain::plain_time;
use crate::intel::say::{now, tell};
use crate::percent;
use crate::service::Service;
use crate::state::{Opened, State};
use crate::table::Table;
use crate::user::User;
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::sync::Arc;

const STRANGE: &str = "what the running weir answers is not understood; is it of another version?";

/// Runs `weir mute`.
pub(crate) fn mute(arguments: &MuteArguments) -> Result<Outcome> {
    if let Some(MuteCommand::List(place)) = &arguments.command {
        return list(place);
    }
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    let (value, time, reason) = (word(&arguments.value), word(&arguments.time), word(&arguments.reason));
    let row = match Where::of(&arguments.place)? {
        Where::Service(service) => {
            let fields = [
                ("value", Some(&value)),
                ("host", arguments.host.as_ref()),
                ("for", Some(&time)),
                ("reason", Some(&reason)),
            ];
            ordered(&service, "/mute", &fields)?
        }
        Where::Here(mutes) => {
            let wish = Wish { value: &value, host: arguments.host.as_deref(), time: &time, reason: &reason };
            mutes.mute(wish, &User::running(), now())?
        }
    };
    tell(arguments.place.json, &row, |row| {
        format!(
            "{} is muted until {}. weir mute list says what it silences.\n",
            row.name(),
            plain_time(&row.until)
        )
    })?;
    Ok(Outcome::Clean)
}

/// Runs `weir unmute`.
pub(crate) fn unmute(arguments: &UnmuteArguments) -> Result<Outcome> {
    let (value, host) = (&arguments.value, &arguments.host);
    let reason = arguments.reason.clone().unwrap_or_default();
    let row = match Where::of(&arguments.place)? {
        Where::Service(service) => ordered(
            &service,
            "/unmute",
            &[("value", Some(value)), ("host", host.as_ref()), ("reason", Some(&reason))],
        )?,
        Where::Here(mutes) => mutes.unmute(value, host.as_deref(), &reason, &User::running(), now())?,
    };
    tell(arguments.place.json, &row, |row| {
        format!("{} rings again. {} silenced while it was muted.\n", row.name(), notices(row.silenced))
    })?;
    Ok(Outcome::Clean)
}

fn list(place: &MutePlaceArguments) -> Result<Outcome> {
    let rows: Vec<Row> = match Where::of(place)? {
        Where::Service(service) => serde_json::from_str(&service.get("/mutes")?).context(STRANGE)?,
        Where::Here(mutes) => mutes.rows(now()),
    };
    tell(place.json, &rows, |rows| text(rows))?;
    Ok(Outcome::Clean)
}

fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "Nothing is muted.\n".to_owned();
    }
    let mut table = Table::new(&["muted", "hosts", "until", "silenced", "last", "by", "reason"]);
    for row in rows {
        let until = plain_time(&row.until);
        let until = if row.in_force { until } else { format!("{until} (over)") };
        let last = row.last.as_deref().map_or("-".to_owned(), plain_time);
        table.row([
            row.value.as_str(),
            row.host.as_deref().unwrap_or("all"),
            &until,
            &crate::summary::number(row.silenced),
            &last,
            &row.by,
            &row.reason,
        ]);
    }
    table.render()
}

fn ordered(service: &Service, path: &str, fields: &[(&str, Option<&String>)]) -> Result<Row> {
    let mut target = format!("{path}?");
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(target, "{name}={}&", percent::encode(value));
        }
    }
    serde_json::from_str(&service.post(&target)?).context(STRANGE)
}

/// Who has the mutes.
enum Where {
    Service(Service),
    Here(Mutes),
}

impl Where {
    /// A running program, unless somebody says where to look otherwise and no program has that state directory.
    fn of(place: &MutePlaceArguments) -> Result<Self> {
        if place.control.is_some() || (place.config.is_none() && place.state.is_none()) {
            let advice = "say where the mutes are: --config FILE or --state DIR";
            return Service::find_or(place.control.as_deref(), advice).map(Self::Service);
        }
        let (config, state) = (place.config.clone(), place.state.clone());
        let holding = HoldingArguments { config, state, ..HoldingArguments::default() };
        let (settings, control) = Settings::for_intel(&holding)?;
        let Some(folder) = settings.state else {
            bail!(
                "mutes are kept in a state directory: state = \"/var/lib/weir\" in the configuration, or --state DIR"
            );
        };
        match State::try_open(&folder)? {
            Opened::Free(state) => {
                let state = Arc::new(state);
                let audit = Arc::new(Audit::of(&state));
                Mutes::open(Some((&state, &audit))).map(Self::Here)
            }
            Opened::UsedBy(process) => {
                let who = format!("the state directory {} is in use by process {process}", folder.display());
                Service::find(control.as_deref()).map(Self::Service).context(who)
            }
        }
    }
}
