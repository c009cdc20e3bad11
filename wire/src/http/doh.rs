//! DNS over HTTPS by GET (RFC 8484 section 4.1): the question stands in the request's target.

use crate::dns;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::sync::Arc;
use weir_model::observation::{DnsMessage, Fact, HttpRequest};

/// The RFC says without padding; some clients write it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request says: itself, and the DNS question in its target.
pub(crate) fn request_facts(request: HttpRequest, learn: &mut dyn FnMut(Fact)) {
    let question = dns_question(&request.path);
    learn(Fact::HttpRequest(Arc::new(request)));
    if let Some(question) = question {
        learn(Fact::Dns(Arc::new(question)));
    }
}

/// The DNS question in the `dns` parameter of a target. Any path may have one, so only a whole and plain question counts.
fn dns_question(path: &str) -> Option<DnsMessage> {
    let (_, query) = path.split_once('?')?;
    let coded = query.split('&').find_map(|parameter| parameter.strip_prefix("dns="))?;
    let message = LENIENT.decode(coded).ok()?;
    let question = if dns::looks_like(&message) { dns::parse(&message).ok() } else { None };
    question.filter(|question| !question.is_response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        let name = |path| dns_question(path).map(|question| question.questions[0].name.as_str().to_owned());
        let short = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
        assert_eq!(name(short).as_deref(), Some("www.example.com"));
        let long = "/q?x=1&dns=AAABAAABAAAAAAAAAWE-NjJjaGFyYWN0ZXJsYWJlbC1tYWtlcy1iYXNlNjR1cmwtZGlzdGluY3QtZnJvbS1zdGFuZGFyZC1iYXNlNjQHZXhhbXBsZQNjb20AAAEAAQ";
        assert!(name(long).is_some_and(|name| name.starts_with("a.62characterlabel-makes-base64url-")));
        assert_eq!(name("/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQ"), None);
        assert_eq!(name("/search?dns=example.com"), None);
        assert_eq!(name("/dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"), None);
        let answer = "/dns-query?dns=AACBAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
        assert_eq!(name(answer), None);
    }
}
