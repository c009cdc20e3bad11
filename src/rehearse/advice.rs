//! What might be configured, going by what would have rung. Each is a guess, and says from what.

use super::tally::{Incident, Rehearsal};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Names that a host only looked up, from which on it is probably a resolver that asks for others.
const LOOKUPS_OF_A_RESOLVER: usize = 5;
/// Indicators that a host spoke to at port 25, from which on it probably delivers mail.
const SERVERS_OF_A_MAILER: usize = 3;
/// Indicators that a host only tried to reach, from which on it probably scans.
const TARGETS_OF_A_SCANNER: usize = 20;
/// Incidents with both ends outside, from which on a network is probably one's own.
const TRANSITS_OF_A_HOME: u64 = 3;
/// Networks that are suggested.
const HOMES_SHOWN: usize = 8;

/// One line to paste into the configuration, and why.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Advice {
    /// `resolver = ["10.0.0.53"]` under `[role]`, `home_net = [...]`.
    pub(super) line: String,
    /// Whether it belongs under `[role]`.
    pub(super) is_role: bool,
    pub(super) reason: String,
}

/// What might be configured.
pub(super) fn advice(rehearsal: &Rehearsal) -> Vec<Advice> {
    let mut all = homes(&rehearsal.all);
    all.extend(role(&rehearsal.all, "resolver", LOOKUPS_OF_A_RESOLVER, "only looked up", |incident| {
        incident.grade == "looked_up"
    }));
    all.extend(role(&rehearsal.all, "mail", SERVERS_OF_A_MAILER, "spoke at port 25 to", |incident| {
        incident.port == 25 && incident.grade != "looked_up"
    }));
    all.extend(role(&rehearsal.all, "scanner", TARGETS_OF_A_SCANNER, "only tried to reach", |incident| {
        incident.grade == "attempted" && incident.direction == "outbound"
    }));
    all
}

/// Hosts of which most incidents are so, and that met at least so many indicators in this way.
fn role(
    incidents: &[Incident],
    role: &str,
    least: usize,
    did: &str,
    is_so: impl Fn(&Incident) -> bool,
) -> Option<Advice> {
    let mut hosts: BTreeMap<&str, (BTreeSet<&str>, u64)> = BTreeMap::new();
    for incident in incidents.iter().filter(|incident| !incident.host.is_empty()) {
        let (indicators, others) = hosts.entry(&incident.host).or_default();
        if is_so(incident) {
            indicators.insert(&incident.indicator);
        } else {
            *others += 1;
        }
    }
    let chosen: Vec<_> = hosts
        .into_iter()
        .filter(|(_, (indicators, others))| {
            indicators.len() >= least && *others * 4 < indicators.len() as u64
        })
        .map(|(host, (indicators, _))| (host, indicators.len()))
        .collect();
    let (_, most) = *chosen.iter().max_by_key(|(_, count)| *count)?;
    let list: Vec<_> = chosen.iter().map(|(host, _)| format!("{host:?}")).collect();
    let reason = format!("{did} listed ones, up to {most} of them");
    Some(Advice { line: format!("{role} = [{}]", list.join(", ")), is_role: true, reason })
}

/// Networks of hosts with incidents between two ends that are both outside.
fn homes(incidents: &[Incident]) -> Vec<Advice> {
    let mut networks: BTreeMap<ipnet::IpNet, u64> = BTreeMap::new();
    for incident in incidents.iter().filter(|incident| incident.direction == "transit") {
        if let Ok(host) = incident.host.parse::<IpAddr>() {
            let length = if host.is_ipv4() { 24 } else { 48 };
            if let Ok(network) = ipnet::IpNet::new(host, length) {
                *networks.entry(network.trunc()).or_default() += 1;
            }
        }
    }
    networks.retain(|_, count| *count >= TRANSITS_OF_A_HOME);
    let mut networks: Vec<_> = networks.into_iter().collect();
    networks.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total: u64 = networks.iter().map(|(_, count)| *count).sum();
    if networks.is_empty() {
        return Vec::new();
    }
    let list: Vec<_> =
        networks.iter().take(HOMES_SHOWN).map(|(network, _)| format!("\"{network}\"")).collect();
    let reason = format!("{total} incidents have both ends outside; which of these networks are yours?");
    vec![Advice { line: format!("home_net = [{}]", list.join(", ")), is_role: false, reason }]
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::line;
    use super::*;

    #[test]
    fn resolvers_and_home_nets_are_guessed() {
        let mut lines = String::new();
        for number in 0..6 {
            let indicator = format!("evil{number}.example");
            lines += &line(&format!("a{number}"), &indicator, "10.0.0.53", ["outbound", "looked_up"]);
            lines += &line(&format!("b{number}"), &indicator, "192.0.2.7", ["transit", "exchanged"]);
        }
        lines += &line("c", "evil.example", "10.0.0.7", ["outbound", "looked_up"]);
        let rehearsal = Rehearsal::of(lines.as_bytes()).unwrap();
        let lines: Vec<_> = advice(&rehearsal).into_iter().map(|advice| advice.line).collect();
        assert_eq!(
            lines,
            [r#"home_net = ["192.0.2.0/24"]"#, r#"resolver = ["10.0.0.53"]"#, r#"mail = ["192.0.2.7"]"#]
        );
    }

    #[test]
    fn a_quiet_rehearsal_advises_nothing() {
        let rehearsal =
            Rehearsal::of(line("1", "a", "10.0.0.1", ["outbound", "looked_up"]).as_bytes()).unwrap();
        assert_eq!(advice(&rehearsal), []);
    }
}
