//! Files for Suricata: datasets (texts in base64, hashes, addresses; with a reputation behind a comma) and lists of IP reputation.

use crate::RefusalReason;
use crate::linewise::{LineOut, described};
use crate::value::{self, Hint};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use weir_model::{Context, IndicatorValue};

/// The highest score of IP reputation.
const MAX_SCORE: u32 = 127;

/// Whether all of the first lines are texts in base64 that are values: nothing else looks like that.
pub(crate) fn is_dataset(data: &[&str]) -> bool {
    let is_value = |line: &&str| {
        let text = line.split(',').next().and_then(decoded);
        text.is_some_and(|text| value::parse(&text).is_ok())
    };
    !data.is_empty() && data.iter().all(is_value)
}

/// Whether all of the first lines are an address, a category and a score.
pub(crate) fn is_reputation(data: &[&str]) -> bool {
    !data.is_empty()
        && data.iter().all(|line| matches!(reputation(line), Some((_, category, _)) if category <= 60))
}

/// Reads a line of a dataset.
pub(crate) fn dataset_line(line: &str, out: &mut LineOut<'_, '_>) {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    let (text, reputation) = line.split_once(',').unwrap_or((line, ""));
    let said = if reputation.is_empty() {
        Context::default()
    } else {
        described(&format!("reputation {reputation}"))
    };
    let is_hash = matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = if is_hash {
        // Datasets of the types md5 and sha256 hold hashes of files.
        Err(RefusalReason::FileHash)
    } else if let Some(decoded) = decoded(text) {
        value::parse(&decoded)
    } else {
        value::parse(text)
    };
    out.value(line, value, said);
}

/// Reads a line of a reputation list: `192.0.2.1,5,100`.
pub(crate) fn reputation_line(line: &str, out: &mut LineOut<'_, '_>) {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    let Some((address, category, score)) = reputation(line) else {
        return out.refuse(line, RefusalReason::BadRow);
    };
    let confidence = u8::try_from(score * 100 / MAX_SCORE).ok();
    let said = Context { confidence, ..described(&format!("reputation category {category}")) };
    out.value(line, address, said);
}

type Address = Result<IndicatorValue, RefusalReason>;

fn reputation(line: &str) -> Option<(Address, u32, u32)> {
    let mut fields = line.trim().splitn(3, ',').map(str::trim);
    let (address, category, score) = (fields.next()?, fields.next()?, fields.next()?);
    let category = category.parse().ok()?;
    let score = score.parse().ok().filter(|score| *score <= MAX_SCORE)?;
    let is_address = address.split('/').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok());
    is_address.then(|| (value::parse_as(address, Hint::Address), category, score))
}

/// Names and addresses have characters that base64 has not.
fn decoded(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use crate::tests::{load, load_named};

    fn encoded(text: &str) -> String {
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
    }

    #[test]
    fn datasets_are_recognised_and_decoded() {
        let lines = [encoded("evil.example"), format!("{},12", encoded("http://evil.example/a"))];
        let loaded = load("bad.lst", lines.join("\n"));
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(values, ["evil.example", "evil.example/a"]);
        assert_eq!(loaded.indicators[1].contexts[0].description.as_deref(), Some("reputation 12"));
        let mixed = "192.0.2.1\n0123456789abcdef0123456789abcdef\nevil.example\n";
        let loaded = load_named("dataset", mixed);
        assert_eq!(loaded.indicators.len(), 2);
        assert_eq!(loaded.refused[0].reason.keyword(), "file_hash");
    }

    #[test]
    fn reputation_becomes_confidence() {
        let list = "# x\n192.0.2.1,1,127\n198.51.100.0/24,20,64\n192.0.2.2,1\n192.0.2.3,1,200\n";
        let loaded = load_named("iprep", list);
        let confidence: Vec<_> =
            loaded.indicators.iter().map(|indicator| indicator.contexts[0].confidence.unwrap()).collect();
        assert_eq!(confidence, [100, 50]);
        assert_eq!(loaded.stats.refused, 2);
        assert_eq!(
            load("reputation.list", "192.0.2.1,1,127\n").indicators[0].contexts[0].confidence,
            Some(100)
        );
    }
}
