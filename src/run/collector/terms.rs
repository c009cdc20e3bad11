//! What is agreed of exporters, and can be agreed anew while they are heard: who is heard, who has a row and a series, and what they do not say of
//! their sampling.

use crate::config::{CollectorSettings, ConfiguredSampling};
use arc_swap::ArcSwap;
use std::net::IpAddr;
use std::sync::Arc;
use weir_capture::collector::CollectorMonitor;
use weir_model::record::{Sampling, SamplingSource};
use weir_wire::export::{ExportDecoder, Precedence};

/// What all threads look at.
pub(in crate::run) struct Terms {
    agreed: ArcSwap<Agreed>,
    monitor: Arc<CollectorMonitor>,
}

/// What counts.
pub(in crate::run) struct Agreed {
    /// Exporters that are named one by one, sorted.
    pub named: Arc<[IpAddr]>,
    sampling: Vec<ConfiguredSampling>,
}

impl Terms {
    /// As the settings say; who is heard, the sockets know already.
    pub(super) fn new(settings: &CollectorSettings, monitor: &Arc<CollectorMonitor>) -> Arc<Self> {
        let agreed = ArcSwap::from_pointee(Agreed::of(settings));
        Arc::new(Self { agreed, monitor: Arc::clone(monitor) })
    }

    /// Counts from here on. Streams that are open go on, also of who is not heard any more.
    pub(in crate::run) fn change(&self, settings: &CollectorSettings) {
        self.monitor.allow(&settings.exporters);
        self.agreed.store(Arc::new(Agreed::of(settings)));
    }

    pub(in crate::run) fn agreed(&self) -> Arc<Agreed> {
        self.agreed.load_full()
    }
}

impl Agreed {
    fn of(settings: &CollectorSettings) -> Self {
        Self { named: settings.named_exporters().into(), sampling: settings.sampling.clone() }
    }

    /// What the operator says of sampling counts where the exporter says nothing.
    pub(super) fn teach(&self, decoder: &mut ExportDecoder) {
        decoder.clear_configured_sampling();
        for rate in &self.sampling {
            if let Some(sampling) = Sampling::new(1, rate.one_in, SamplingSource::Configured) {
                let precedence = Precedence::WhenSilent;
                decoder.set_configured_sampling(rate.exporter, rate.interface, sampling, precedence);
            }
        }
    }
}
