//! Lists to one screen.

use super::{Action, Addresses, BadEntry, Compiled, Patterns, Screen, Screening, Types};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::Warninglist;
use weir_model::warninglist::Comparison;

/// Warninglists that one screen holds; MISP publishes 135. Those beyond are told of as bad entries.
pub const MAX_LISTS: usize = 4096;

impl Screen {
    /// Compiles. What cannot be used is told of, and the rest counts.
    pub fn new(screening: Screening) -> (Self, Vec<BadEntry>) {
        let mut compiling = Compiling::default();
        let Screening { lists, actions, suffixes, home, wide_sources } = screening;
        // Of several with the same key the last counts; in the order of their keys.
        let lists: BTreeMap<Arc<str>, Warninglist> =
            lists.into_iter().map(|list| (Arc::clone(&list.key), list)).collect();
        for list in lists.into_values() {
            let action = actions.of(&list.key, &list.name);
            if action != Action::None {
                compiling.add(&list, action);
            }
        }
        let (mut screen, bad) = compiling.finish();
        (screen.suffixes, screen.home, screen.wide_sources) = (suffixes, home, wide_sources);
        (screen, bad)
    }

    /// How many lists do something.
    pub fn lists(&self) -> usize {
        self.lists.len()
    }
}

#[derive(Default)]
struct Compiling {
    screen: Screen,
    networks: Vec<(IpNet, u16)>,
    bad: Vec<BadEntry>,
}

impl Compiling {
    fn add(&mut self, list: &Warninglist, action: Action) {
        let types = Types::of_list(list);
        let place = self.screen.lists.len();
        if place >= MAX_LISTS {
            self.refuse(list, &list.name, format!("more than {MAX_LISTS} lists"));
            return;
        }
        let (key, name) = (Arc::clone(&list.key), Arc::clone(&list.name));
        self.screen.lists.push(Compiled { key, name, types, action });
        for entry in &list.entries {
            if let Err(reason) = self.add_entry(list.comparison, entry, place as u16, types) {
                self.refuse(list, entry, reason);
            }
        }
    }

    fn add_entry(
        &mut self,
        comparison: Comparison,
        entry: &str,
        list: u16,
        types: Types,
    ) -> Result<(), String> {
        let added = match comparison {
            Comparison::String => self.screen.names.add(entry, list, types, false),
            Comparison::Hostname => self.screen.names.add(entry, list, types, true),
            Comparison::Substring => self.screen.patterns.add_part(entry, list, types),
            Comparison::Regex => return self.screen.patterns.add_expression(entry, list, types),
            Comparison::Cidr => {
                let network = network(entry).ok_or("neither an address nor a network")?;
                self.networks.push((network, list));
                Some(())
            }
        };
        added.ok_or_else(|| "empty".to_owned())
    }

    fn refuse(&mut self, list: &Warninglist, entry: &str, reason: String) {
        self.bad.push(BadEntry { list: Arc::clone(&list.key), entry: entry.into(), reason });
    }

    fn finish(mut self) -> (Screen, Vec<BadEntry>) {
        self.screen.addresses = Addresses::new(&self.networks);
        if let Err(reason) = self.screen.patterns.compile() {
            self.screen.patterns = Patterns::default();
            self.bad.push(BadEntry { list: "expressions".into(), entry: "all".into(), reason });
        }
        (self.screen, self.bad)
    }
}

/// An address or a network, mapped addresses as the IPv4 ones that they are.
fn network(entry: &str) -> Option<IpNet> {
    let entry = entry.trim();
    let network: IpNet =
        entry.parse().ok().or_else(|| entry.parse::<IpAddr>().ok().map(|ip| ip.to_canonical().into()))?;
    Some(network.trunc())
}
