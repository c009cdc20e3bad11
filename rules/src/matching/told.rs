//! What is compared of the names that a router wrote into its record of a flow.

use super::Found;
use super::http::Target;
use crate::hits::Subject;
use weir_model::alert::{Field, Lookup};
use weir_model::observation::{RequestForm, ToldNames};
use weir_model::{Endpoint, Name};

impl Found<'_> {
    /// What was told of a flow of that client and server.
    pub(super) fn told(&mut self, (client, server): (Endpoint, Endpoint), names: &ToldNames) {
        if let Some(asked) = &names.dns_question {
            self.question(0, (client, server), asked);
        }
        if let Some(name) = &names.server_name {
            let subject = Subject::Said { host: name.as_str().into(), to_proxy: false };
            self.hit_all(self.set.name(name), Field::TlsSni, name.as_str(), &subject);
        }
        if let Some(host) = &names.http_host {
            let (port, path, form) = (names.http_port, &names.http_path, RequestForm::Origin);
            self.http(Target { host, port, path, form, server });
        }
    }

    /// A look-up of which neither type nor answer is known. What goes to a group (Multicast DNS, LLMNR) looks nothing up
    /// on the Internet.
    pub(super) fn question(&mut self, id: u16, (client, server): (Endpoint, Endpoint), asked: &Name) {
        let (ids, time) = (self.set.name(asked), self.time);
        let matches = ids.map(|id| (id, Field::DnsQuestion, asked.as_str().into())).collect();
        let lookup = || Lookup {
            time,
            client,
            server,
            name: asked.clone(),
            qtype: 0,
            rcode: None,
            addresses: Vec::new(),
            aliases: Vec::new(),
            cut: false,
            rewritten: None,
        };
        if !server.ip.is_multicast() {
            self.look_up(id, matches, || Some(lookup()));
        }
    }
}
