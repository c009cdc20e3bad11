//! What of an HTTP request is compared, whether a packet or a router tells of it.

use super::Found;
use crate::hits::Subject;
use std::sync::Arc;
use weir_model::alert::Field;
use weir_model::indicator::Url;
use weir_model::observation::{HttpHost, HttpRequest, RequestForm};
use weir_model::{Endpoint, IndicatorValue, Name};

/// The part of a request that is compared.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub host: &'a HttpHost,
    /// The port with it, where written.
    pub port: Option<u16>,
    pub path: &'a Arc<str>,
    pub form: RequestForm,
    /// Whom it was sent to.
    pub server: Endpoint,
}

impl Target<'_> {
    /// The port at which the host is wanted, where the request does not say: that of the flow, or through a proxy the scheme's
    /// default.
    fn port_meant(&self) -> u16 {
        self.port.unwrap_or(match self.form {
            RequestForm::Origin => self.server.port,
            RequestForm::Absolute => 80,
            RequestForm::Connect => 443,
        })
    }
}

impl Found<'_> {
    pub(super) fn http_request(&mut self, request: &HttpRequest, server: Endpoint) {
        let HttpRequest { host, port, path, form, .. } = request;
        if let Some(host) = host {
            self.http(Target { host, port: *port, path, form: *form, server });
        }
    }

    pub(super) fn http(&mut self, target: Target<'_>) {
        let text = match target.host {
            HttpHost::Name(name) => name.clone(),
            HttpHost::Address(ip) => Name::from_text_form(&ip.to_string()),
        };
        let subject =
            Subject::Said { host: text.as_str().into(), to_proxy: target.form != RequestForm::Origin };
        match target.host {
            HttpHost::Name(name) => {
                self.hit_all(self.set.name(name), Field::HttpHost, name.as_str(), &subject);
            }
            HttpHost::Address(ip) => {
                self.hit_all(self.set.address(*ip), Field::HttpHost, text.as_str(), &subject);
                let end = Endpoint::new(*ip, target.port_meant());
                let at_port = self.set.address_port(end.ip, end.port);
                self.hit_all(at_port, Field::HttpHost, &end.to_string(), &subject);
            }
        }
        self.url(target, &text, &subject);
    }

    /// A request without a port in its Host field means the default port; but clients that leave the port out also where it
    /// is another one exist, so the port of the flow is tried as well.
    fn url(&mut self, target: Target<'_>, host: &Name, subject: &Subject) {
        let Target { port, path, form, server, .. } = target;
        if !path.starts_with('/') {
            return;
        }
        let of_flow = (form == RequestForm::Origin && port.is_none()).then_some(server.port);
        for port in [Some(port), of_flow.map(Some)].into_iter().flatten() {
            let Some(id) = self.set.url(host.as_str(), port, path) else {
                continue;
            };
            let port = port.filter(|port| !matches!(port, 80 | 443));
            let url = Url { host: host.clone(), port, path: Arc::clone(path) };
            self.hit(id, Field::Url, &IndicatorValue::Url(url).to_string().into(), subject.clone());
            return;
        }
    }
}
