//! Files of Zeek's intelligence framework: columns between tabulators, named by `#fields`.

use crate::linewise::LineOut;
use crate::value::{self, Hint};
use crate::{RefusalReason, text};
use weir_model::{Context, IndicatorValue};

/// Whether one of the first lines names the fields of such a file.
pub(crate) fn is_one(lines: &[&str]) -> bool {
    lines.iter().any(|line| line.starts_with("#fields") && line.contains("indicator_type"))
}

/// Reads a file, line by line.
#[derive(Default)]
pub(crate) struct Intel {
    fields: Vec<String>,
}

impl Intel {
    /// Reads a line.
    pub(crate) fn line(&mut self, line: &str, out: &mut LineOut<'_, '_>) {
        if let Some(fields) = line.strip_prefix("#fields") {
            self.fields = fields.trim().split('\t').map(str::to_owned).collect();
            return;
        }
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let cell = |name: &str| {
            let at = self.fields.iter().position(|field| field == name)?;
            cells.get(at).copied().filter(|cell| !matches!(*cell, "-" | "(empty)" | ""))
        };
        let Some((indicator, kind)) = cell("indicator").zip(cell("indicator_type")) else {
            return out.refuse(line, RefusalReason::BadRow);
        };
        let description = cell("meta.desc").or_else(|| cell("meta.source"));
        let said = Context {
            description: description.and_then(text::shared),
            reference: cell("meta.url").and_then(text::shared),
            confidence: cell("meta.confidence").and_then(text::confidence),
            ..Context::default()
        };
        out.value(indicator, of_type(kind, indicator), said);
    }
}

/// `Intel::Type` of Zeek's `base/frameworks/intel`.
fn of_type(kind: &str, text: &str) -> Result<IndicatorValue, RefusalReason> {
    match kind.strip_prefix("Intel::").unwrap_or(kind) {
        "ADDR" | "SUBNET" => value::parse_as(text, Hint::Address),
        "DOMAIN" | "CERT_HASH" => value::parse(text),
        "URL" => value::parse_as(text, Hint::Url),
        "EMAIL" => Err(RefusalReason::Email),
        "FILE_HASH" => Err(RefusalReason::FileHash),
        _ => Err(RefusalReason::UnsupportedType),
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::load;

    #[test]
    fn types_and_meta_data() {
        let loaded = load(
            "intel.dat",
            "#separator \\x09\n#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\n\
             192.0.2.1\tIntel::ADDR\tCERT X\tC2\thttps://r.example/\nevil.example\tIntel::DOMAIN\tCERT X\t-\t-\n\
             evil.example/a\tIntel::URL\t-\t-\t-\n198.51.100.0/24\tIntel::SUBNET\tx\t-\t-\n\
             0123456789abcdef0123456789abcdef\tIntel::FILE_HASH\tx\t-\t-\nbad\tIntel::USER_NAME\tx\t-\t-\nshort\n",
        );
        let shown: Vec<_> = loaded
            .indicators
            .iter()
            .map(|indicator| {
                let description = indicator.contexts[0].description.as_deref().unwrap_or("-");
                format!("{} {} {description}", indicator.value.kind(), indicator.value)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "address 192.0.2.1 C2",
                "domain evil.example CERT X",
                "url evil.example/a -",
                "network 198.51.100.0/24 x"
            ]
        );
        assert_eq!(loaded.indicators[0].contexts[0].reference.as_deref(), Some("https://r.example/"));
        let reasons: Vec<_> = loaded.refused.iter().map(|refusal| refusal.reason.keyword()).collect();
        assert_eq!(reasons, ["file_hash", "unsupported_type", "bad_row"]);
    }
}
