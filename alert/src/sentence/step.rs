//! What to do next.

use super::Scene;
use crate::text::first_of;
use weir_model::alert::{Direction, Grade, Role};

impl Scene<'_> {
    pub(super) fn next_step(&self) -> String {
        let alert = self.alert;
        if !alert.called_back.is_empty() {
            let hosts = first_of(&alert.called_back, alert.called_back.len() as u64);
            return format!("Afterwards {hosts} opened connections to it: isolate and examine");
        }
        if alert.direction == Direction::Transit {
            return "If one of these addresses is yours, add it to --home-net".to_owned();
        }
        if let Some(step) = self.step_for_role() {
            return step;
        }
        let host = self.host.ip;
        if alert.tunnel.is_some() {
            return format!("Find out whether {host} should have this tunnel, and close it if not");
        }
        match alert.direction {
            Direction::Inbound => self.step_inbound().to_owned(),
            Direction::Lateral => self.step_lateral(),
            Direction::Outbound | Direction::Unknown | Direction::Transit => self.step_outbound(),
        }
    }

    fn step_outbound(&self) -> String {
        let host = self.host.ip;
        match self.alert.grade {
            Grade::LookedUp => {
                let asker = self.alert.lookups.first().map_or(host, |lookup| lookup.client.ip);
                format!("Find the program on {asker} that asked")
            }
            Grade::Attempted if self.alert.example.is_bare_answer() && self.may_be_more() => {
                "Answers to forged senders look like this (backscatter of a flood): act only if more follows"
                    .to_owned()
            }
            _ if self.may_be_more() => {
                format!("Find the program on {host} behind it")
            }
            Grade::Attempted if self.alert.example.is_bare_answer() => {
                format!(
                    "Unless {host} sends where this capture does not see it, this is backscatter of a flood with \
                     forged senders: act only if more follows"
                )
            }
            Grade::Attempted => format!("Find the program on {host} that tries to reach it"),
            Grade::Connected if self.told().is_some() => format!("Find the program on {host} that connects"),
            Grade::Connected => format!("Find the program on {host} that connects, and watch for data"),
            Grade::Exchanged => format!("Isolate {host} and examine the program that talked"),
        }
    }

    fn step_inbound(&self) -> &'static str {
        match self.alert.grade {
            Grade::LookedUp => "Nothing to do unless it goes on",
            _ if self.may_be_more() => "Look in the logs for how far it got, and block it",
            Grade::Attempted if self.alert.example.forward.is_empty() => "Block it if it goes on",
            Grade::Attempted => "Nothing got through: block it if it goes on",
            Grade::Connected => "Check whether this must be reachable from outside, and block it",
            Grade::Exchanged => "Look in the logs for what it did (log-ins, requests), and block it",
        }
    }

    fn step_lateral(&self) -> String {
        let doubt = "check whether the indicator is meant for an inside host";
        if self.alert.grade <= Grade::Attempted {
            format!("Find the program on {} behind it, and {doubt}", self.alert.example.initiator.ip)
        } else {
            format!("Examine {} and {}, and {doubt}", self.host.ip, self.peer.ip)
        }
    }

    /// What to do where the host's role says that somebody else is behind it.
    fn step_for_role(&self) -> Option<String> {
        let alert = self.alert;
        if alert.direction == Direction::Inbound {
            return None;
        }
        if let Some(first) = alert.translated.first() {
            let more = match alert.translated.len() {
                1 => String::new(),
                many => format!(" ({} more in weir.nat)", many - 1),
            };
            let (end, time) = (first.end, first.time);
            return Some(format!(
                "Look up in the translation log who had port {} of {} at {time}{more}",
                end.port, end.ip
            ));
        }
        if alert.unknown_client {
            return Some("Find the client in the resolver's query log".to_owned());
        }
        let has = |role| alert.roles.contains(&role);
        if has(Role::Proxy) {
            return Some(format!("Find the client in the log of the proxy at {}", alert.example.first));
        }
        if has(Role::Mail) && alert.grade == Grade::LookedUp {
            return Some("A mail server looks up what others write: find the message in its log".to_owned());
        }
        if has(Role::Tor) || has(Role::Scanner) || has(Role::Honeypot) {
            return Some("It meets such addresses by its task: act only if this is unlike it".to_owned());
        }
        None
    }
}
