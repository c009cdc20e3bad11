//! Filter lists for browsers and DNS filters (Adblock Plus, AdGuard, uBlock Origin): `||evil.example^`.
//!
//! Only rules that block a name or a URL whatever the page are indicators; a rule with a condition would match more without it.

use crate::RefusalReason;
use crate::linewise::LineOut;
use crate::value::{self, Hint};
use weir_model::Context;

/// Options that do not narrow a rule.
const WIDE_OPTIONS: [&str; 6] = ["important", "all", "document", "doc", "popup", "network"];

/// Whether the first lines are those of a filter list.
pub(crate) fn is_one(data: &[&str], first: &str) -> bool {
    first.starts_with("[Adblock") || data.iter().any(|line| line.starts_with("||") && line.contains('^'))
}

/// Reads a line.
pub(crate) fn line(line: &str, out: &mut LineOut<'_, '_>) {
    let line = line.trim();
    let is_comment =
        line.is_empty() || line.starts_with('!') || (line.starts_with('[') && line.ends_with(']'));
    if is_comment || (line.starts_with('#') && !line.starts_with("##")) {
        return;
    }
    match rule(line) {
        Ok((text, hint)) => out.value(line, value::parse_as(text, hint), Context::default()),
        Err(reason) => out.refuse(line, reason),
    }
}

/// The name or URL that a rule blocks.
fn rule(line: &str) -> Result<(&str, Hint), RefusalReason> {
    if line.starts_with("@@") {
        return Err(RefusalReason::Exception);
    }
    if ["##", "#@#", "#?#", "#$#", "#%#", "$$"].iter().any(|mark| line.contains(mark)) {
        return Err(RefusalReason::UnsupportedType);
    }
    let is_expression =
        line.starts_with('/') && line.len() > 1 && line.trim_end_matches(|c| c != '/').len() > 1;
    if is_expression {
        return Err(RefusalReason::PatternOperator);
    }
    let (pattern, options) = line.rsplit_once('$').unwrap_or((line, ""));
    for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        if option == "badfilter" {
            return Err(RefusalReason::Exception);
        }
        if !WIDE_OPTIONS.contains(&option) {
            return Err(RefusalReason::PatternConjunction);
        }
    }
    let (anchored, body) = match pattern.strip_prefix("||") {
        Some(body) => (true, body),
        None => (false, pattern.strip_prefix('|').unwrap_or(pattern)),
    };
    let body = body.trim_end_matches(['|', '^']);
    if body.contains(['*', '^', '|']) {
        return Err(RefusalReason::PatternOperator);
    }
    // A part of a URL that may stand anywhere is no value; a name alone in its line is one.
    let is_url = body.contains("://") || (anchored && body.contains('/'));
    if is_url || (!body.contains('/') && !body.starts_with(['.', '-', '_'])) {
        return Ok((body, if is_url { Hint::Url } else { Hint::None }));
    }
    Err(RefusalReason::PatternOperator)
}

#[cfg(test)]
mod tests {
    use crate::tests::load;

    #[test]
    fn rules_that_block_a_name_or_url_are_indicators() {
        let loaded = load(
            "filter.txt",
            "[Adblock Plus 2.0]\n! Title: X\n||evil.example^\n||evil.example^$important\n||ads.example^$third-party\n\
             @@||good.example^\n||evil.example/a.php^\n|http://b.example/x|\nexample##.ad\n/ban[0-9]/\n||*.c.example^\n\
             ||d.example^$badfilter\nplain.example\n&ad_box_\n||192.0.2.1^$all\n-ad-banner.\n",
        );
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(
            values,
            ["evil.example", "evil.example/a.php", "b.example/x", "plain.example", "192.0.2.1"]
        );
        let reasons: Vec<_> =
            loaded.refused.iter().map(|refusal| (refusal.text.as_str(), refusal.reason.keyword())).collect();
        assert_eq!(
            reasons,
            [
                ("||ads.example^$third-party", "pattern_conjunction"),
                ("@@||good.example^", "exception"),
                ("example##.ad", "unsupported_type"),
                ("/ban[0-9]/", "pattern_operator"),
                ("||*.c.example^", "pattern_operator"),
                ("||d.example^$badfilter", "exception"),
                ("&ad_box_", "bad_name"),
                ("-ad-banner.", "pattern_operator"),
            ]
        );
    }
}
