//! What of an alert only tells of indicators that may not be told.

use std::sync::Arc;
use weir_model::flow::{Flow, TlsSummary};
use weir_model::observation::HttpHost;
use weir_model::{Alert, Indicator, IndicatorValue, Name};

/// Indicators that were left out of an alert, and those that stayed.
pub(super) struct Traces<'a> {
    pub gone: Vec<&'a Indicator>,
    pub stayed: Vec<&'a Indicator>,
}

impl Traces<'_> {
    /// Takes names, look-ups and fingerprints out that only what is gone recognises. The addresses at the ends of the flow stay: what
    /// stayed says that it is bad, and without them nobody could act on it.
    pub(super) fn clear(&self, alert: &mut Alert) {
        alert.names.retain(|(name, _)| !self.betrays(name));
        let before = alert.lookups.len();
        alert.lookups.retain(|lookup| {
            !std::iter::once(&lookup.name).chain(&lookup.aliases).any(|name| self.betrays(name))
        });
        alert.lookup_count = alert.lookup_count.saturating_sub((before - alert.lookups.len()) as u64);
        let mut example = Flow::clone(&alert.example);
        self.clear_flow(&mut example);
        if example != *alert.example {
            alert.example = Arc::new(example);
        }
    }

    fn clear_flow(&self, flow: &mut Flow) {
        flow.name = flow.name.take().filter(|known| !self.betrays(&known.name));
        flow.other_names.retain(|known| !self.betrays(&known.name));
        for known in flow.name.iter_mut().chain(&mut flow.other_names) {
            known.aliases.retain(|alias| !self.betrays(alias));
        }
        if let Some(tls) = &mut flow.tls {
            self.clear_tls(tls);
        }
        if let Some(http) = &mut flow.http {
            http.request = http
                .request
                .take()
                .filter(|request| !matches!(&request.host, Some(HttpHost::Name(host)) if self.betrays(host)));
        }
    }

    fn clear_tls(&self, tls: &mut TlsSummary) {
        tls.server_name = tls.server_name.take().filter(|name| !self.betrays(name));
        tls.ja3 = tls.ja3.filter(|ja3| !self.is_gone(&IndicatorValue::Ja3(*ja3)));
        tls.ja4 = tls.ja4.take().filter(|ja4| !self.is_gone(&IndicatorValue::Ja4(Arc::clone(ja4))));
        tls.certificate = tls.certificate.take().filter(|certificate| {
            !self.is_gone(&IndicatorValue::CertificateSha1(certificate.sha1))
                && !self.is_gone(&IndicatorValue::CertificateSha256(certificate.sha256))
                && !certificate.names.iter().any(|name| self.betrays(name))
        });
    }

    /// Whether a name is recognised by what is gone and by nothing that stayed.
    fn betrays(&self, name: &Name) -> bool {
        let recognises = |indicators: &[&Indicator]| {
            indicators.iter().any(|indicator| match &indicator.value {
                IndicatorValue::Domain(domain) => name.is_within(domain),
                IndicatorValue::Host(host) => name == host,
                IndicatorValue::Url(url) => *name == url.host,
                _ => false,
            })
        };
        recognises(&self.gone) && !recognises(&self.stayed)
    }

    fn is_gone(&self, value: &IndicatorValue) -> bool {
        let has = |indicators: &[&Indicator]| indicators.iter().any(|indicator| indicator.value == *value);
        has(&self.gone) && !has(&self.stayed)
    }
}
