//! What is heard of routers.

use super::Effective;
use crate::config::CollectorSettings;
use weir_capture::collector::Transport;
use weir_net::units::show_size;

impl CollectorSettings {
    pub(super) fn put(&self, to: &mut Effective) {
        for (key, addresses) in &self.listen_by_key {
            to.put_texts(*key, addresses);
        }
        let files = self.listen.iter().find_map(|listen| match &listen.transport {
            Transport::Tls(files) => Some(files),
            _ => None,
        });
        if let Some(files) = files {
            to.put_path("ipfix_tls_cert", Some(&files.certificate));
            to.put_path("ipfix_tls_key", Some(&files.key));
            to.put_path("ipfix_tls_client_ca", files.client_authority.as_deref());
        }
        to.put_texts("exporter", &self.exporters);
        let rates = self.sampling.iter().map(|rate| {
            let interface = rate.interface.map_or(String::new(), |interface| format!("/{interface}"));
            format!("{}{interface}={}", rate.exporter, rate.one_in)
        });
        to.put_texts("exporter_sampling", rates);
        to.put("collectors", self.threads);
        to.put("receive_buffer", show_size(self.receive_buffer_bytes.into()));
    }
}
