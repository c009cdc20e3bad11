//! What is compared of the names that a router wrote into its record of a flow.

use super::Found;
use super::http::Target;
use crate::hits::Subject;
use weir_model::alert::{Field, Lookup};
use weir_model::observation::{RequestForm, ToldNames};
use weir_model::{Name, Observation};

impl Found<'_> {
    pub(super) fn told(&mut self, observation: &Observation, names: &ToldNames) {
        if let Some(asked) = &names.dns_question {
            self.told_question(observation, asked);
        }
        if let Some(name) = &names.server_name {
            let subject = Subject::Said { host: name.as_str().into(), to_proxy: false };
            self.hit_all(self.set.name(name), Field::TlsSni, name.as_str(), &subject);
        }
        if let Some(host) = &names.http_host {
            let (port, path, form) = (names.http_port, &names.http_path, RequestForm::Origin);
            self.http(Target { host, port, path, form, server: observation.destination });
        }
    }

    /// A look-up of which the record tells neither type nor answer. What goes to a group (Multicast DNS, LLMNR) looks nothing up
    /// on the Internet.
    fn told_question(&mut self, observation: &Observation, asked: &Name) {
        let ids = self.set.name(asked);
        let matches = ids.map(|id| (id, Field::DnsQuestion, asked.as_str().into())).collect();
        let lookup = || Lookup {
            time: observation.time,
            client: observation.source,
            server: observation.destination,
            name: asked.clone(),
            qtype: 0,
            rcode: None,
            addresses: Vec::new(),
            aliases: Vec::new(),
            cut: false,
            rewritten: None,
        };
        if !observation.destination.ip.is_multicast() {
            self.look_up(0, matches, || Some(lookup()));
        }
    }
}
