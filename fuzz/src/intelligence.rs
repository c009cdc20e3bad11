//! Files of indicators: whatever they hold, the books balance, and what is taken can be written down and read again.

use weir_intel::stix::{self, MAX_ALTERNATIVES};
use weir_intel::value::{self, Hint};
use weir_intel::{Format, MAX_REFUSALS_LISTED, MAX_REFUSED_TEXT_BYTES, Taken};
use weir_model::{Context, IndicatorValue};

/// Reads the input as a file of a format.
pub fn file(format: Format, input: &[u8]) {
    let (mut taken, mut repeated) = (0, 0);
    let mut take = |value: IndicatorValue, context: Context| {
        comes_back(&value);
        check(&context);
        taken += 1;
        if taken % 3 == 0 {
            repeated += 1;
            Taken::Repeated
        } else {
            Taken::New
        }
    };
    let loaded = weir_intel::load_bytes_into(input, &format.into(), &mut take);
    let stats = &loaded.stats;
    assert_eq!((stats.indicators + stats.repeated, stats.repeated), (taken, repeated));
    assert_eq!(stats.values, stats.indicators + stats.repeated + stats.refused);
    assert_eq!(stats.refused + stats.files_refused, stats.refused_by_reason.values().sum::<u64>());
    assert!(loaded.refused.len() <= MAX_REFUSALS_LISTED);
    // The last character may be written as its escape, and then comes the mark of what was cut.
    assert!(loaded.refused.iter().all(|refusal| refusal.text.len() < MAX_REFUSED_TEXT_BYTES + 16));
}

/// Reads the input as a STIX pattern, and reduces it to values.
pub fn pattern(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(pattern) = stix::pattern::parse(text) else { return };
    let reduction = stix::reduce(&pattern);
    assert!(reduction.values.len() <= MAX_ALTERNATIVES);
    reduction.values.iter().for_each(|(value, _)| comes_back(value));
    assert!(!reduction.values.is_empty() || !reduction.refused.is_empty(), "{text} says nothing");
}

/// What people would write for a value is that value; but for URLs with marks that people put around values and into them.
fn comes_back(value: &IndicatorValue) {
    const MARKS: [char; 12] = ['<', '>', '"', '\'', '`', '\\', '[', ']', '(', ')', '{', '}'];
    if matches!(value, IndicatorValue::Url(url) if url.path.contains(MARKS)) {
        return;
    }
    let text = value.to_string();
    let read = match value {
        IndicatorValue::Host(_) => value::parse_as(&text, Hint::Host),
        IndicatorValue::Url(_) => value::parse(&format!("http://{text}")),
        IndicatorValue::Ja3(_) => value::parse_as(&text, Hint::Ja3),
        _ => value::parse(&text),
    };
    assert_eq!(read.as_ref(), Ok(value), "{text}");
}

/// Texts are bounded, whatever the file says.
fn check(context: &Context) {
    assert!(context.tags.len() <= weir_intel::MAX_TAGS, "{} tags", context.tags.len());
    let texts = context.tags.iter().chain(&context.description).chain(&context.reference);
    for text in texts {
        assert!(text.len() <= weir_intel::MAX_TEXT_BYTES, "{} bytes of text", text.len());
    }
    assert!(context.confidence.is_none_or(|confidence| confidence <= 100));
}
