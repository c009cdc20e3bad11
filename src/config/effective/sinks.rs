//! Where what is told goes.

use super::Effective;
use crate::config::ConfiguredSink;
use weir_alert::sinks::Kind;
use weir_model::Grade;

impl ConfiguredSink {
    pub(super) fn put(&self, to: &mut Effective) {
        let key = format!("sink.{}", self.name);
        to.put_written(&key, &self.settings);
        to.put(format!("{key}.type"), self.settings.kind());
        to.put(format!("{key}.enabled"), self.is_enabled);
        to.put_texts(format!("{key}.send"), self.send.iter().copied().map(Kind::plural));
        to.put_texts(format!("{key}.spool"), self.spool.iter().copied().map(Kind::plural));
        let terms = &self.terms;
        to.put(format!("{key}.format"), terms.format.keyword());
        to.put(format!("{key}.tlp"), terms.ceiling.keyword().to_ascii_lowercase());
        to.put_written(&format!("{key}.above"), &terms.above);
        to.put(format!("{key}.severity"), terms.severity.keyword());
        to.put(format!("{key}.grade"), terms.grade.map(Grade::keyword));
        to.put_texts(format!("{key}.sources"), &terms.sources);
        to.put(format!("{key}.rate"), terms.rate);
        to.put(format!("{key}.pseudonyms"), self.has_pseudonyms);
    }
}
