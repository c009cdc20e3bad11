//! Response policy zones (draft-vixie-dnsop-dns-rpz) as master files (RFC 1035 section 5): each record is a rule.

use crate::RefusalReason;
use crate::linewise::{LineOut, described};
use crate::value::{self, Hint};
use std::net::{Ipv4Addr, Ipv6Addr};
use weir_model::IndicatorValue;

/// Whether the first lines are those of a zone.
pub(crate) fn is_one(lines: &[&str]) -> bool {
    let word = |line: &&str, words: &[&str]| {
        line.split_whitespace().any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    let is_zone = lines.iter().any(|line| line.starts_with('$') || word(line, &["SOA"]));
    is_zone && lines.iter().any(|line| word(line, &["CNAME", "A", "AAAA", "SOA"]))
}

/// Reads a zone, line by line.
#[derive(Default)]
pub(crate) struct Zone {
    /// In lower case, without the last dot; empty where it is not known.
    origin: String,
    /// Of the record before: a line that begins with a blank is about the same name.
    owner: String,
    /// Inside the parentheses of a record of several lines.
    is_inside: bool,
}

impl Zone {
    /// Reads a line.
    pub(crate) fn line(&mut self, line: &str, out: &mut LineOut<'_, '_>) {
        let (record, comment) = line.split_once(';').unwrap_or((line, ""));
        let opens = record.contains('(') && !record.contains(')');
        if self.is_inside {
            self.is_inside = !record.contains(')');
            return;
        }
        self.is_inside = opens;
        let mut words = record.split_whitespace().peekable();
        if record.starts_with('$') {
            return self.directive(record, words.next().unwrap_or_default(), words.next(), out);
        }
        if !record.starts_with(char::is_whitespace) {
            match words.next() {
                Some(owner) => self.owner = owner.to_ascii_lowercase(),
                None => return,
            }
        }
        let is_class = |word: &str| matches!(word.to_ascii_uppercase().as_str(), "IN" | "CH" | "HS");
        while words.next_if(|word| is_class(word) || word.starts_with(|c: char| c.is_ascii_digit())).is_some()
        {
        }
        let Some(kind) = words.next() else { return };
        let target = words.next().unwrap_or_default();
        match kind.to_ascii_uppercase().as_str() {
            "SOA" => self.begin(),
            "NS" | "DNSKEY" | "RRSIG" | "NSEC" | "DS" => {}
            kind @ ("CNAME" | "A" | "AAAA" | "TXT" | "MX") => {
                let value = if is_exception(kind, target, &self.owner) {
                    Err(RefusalReason::Exception)
                } else {
                    self.trigger()
                };
                out.value(record, value, described(comment));
            }
            _ => out.refuse(record, RefusalReason::UnsupportedType),
        }
    }

    fn directive(
        &mut self,
        record: &str,
        directive: &str,
        argument: Option<&str>,
        out: &mut LineOut<'_, '_>,
    ) {
        match (directive.to_ascii_uppercase().as_str(), argument) {
            ("$ORIGIN", Some(origin)) => self.origin = origin.trim_end_matches('.').to_ascii_lowercase(),
            ("$TTL", _) => {}
            _ => out.refuse(record, RefusalReason::UnsupportedType),
        }
    }

    /// The owner of the SOA record is the zone.
    fn begin(&mut self) {
        if self.owner.ends_with('.') {
            self.owner.trim_end_matches('.').clone_into(&mut self.origin);
        }
    }

    /// What the owner of a rule stands for.
    fn trigger(&self) -> Result<IndicatorValue, RefusalReason> {
        let name = match self.owner.strip_suffix('.') {
            Some(absolute) => absolute
                .strip_suffix(&self.origin)
                .map(|name| if self.origin.is_empty() { name } else { name.trim_end_matches('.') })
                .ok_or(RefusalReason::BadName)?,
            None => &self.owner,
        };
        if let Some(reversed) = name.strip_suffix(".rpz-ip") {
            return address(reversed);
        }
        if ["rpz-client-ip", "rpz-nsdname", "rpz-nsip"].iter().any(|kind| name.ends_with(kind)) {
            return Err(RefusalReason::UnsupportedType);
        }
        match name.strip_prefix("*.") {
            Some(below) => value::parse(below),
            None => value::parse_as(name, Hint::Host),
        }
    }
}

/// `rpz-passthru.`, and in old zones the name itself.
fn is_exception(kind: &str, target: &str, owner: &str) -> bool {
    let target = target.trim_end_matches('.');
    kind == "CNAME"
        && (target.eq_ignore_ascii_case("rpz-passthru")
            || (!target.is_empty() && target.eq_ignore_ascii_case(owner.trim_end_matches('.'))))
}

/// `32.1.2.0.192`: the length of the prefix, then the address from its end; of IPv6, `zz` stands for `::`.
fn address(reversed: &str) -> Result<IndicatorValue, RefusalReason> {
    let mut parts: Vec<&str> = reversed.split('.').collect();
    parts.reverse();
    let length = parts.pop().ok_or(RefusalReason::BadAddress)?;
    let ip = if parts.len() == 4 && !parts.contains(&"zz") {
        parts.join(".").parse::<Ipv4Addr>().map(|ip| ip.to_string())
    } else {
        let text = parts.join(":").replace(":zz:", "::").replace("zz:", "::").replace(":zz", "::");
        text.parse::<Ipv6Addr>().map(|ip| ip.to_string())
    };
    let ip = ip.map_err(|_| RefusalReason::BadAddress)?;
    value::parse_as(&format!("{ip}/{length}"), Hint::Address)
}

#[cfg(test)]
mod tests {
    use crate::tests::load;

    const ZONE: &str = "$TTL 60\n@ IN SOA localhost. root.localhost. (\n  1 ; serial\n  3600 900 604800 60 )\n\
        @ IN NS localhost.\nevil.example CNAME . ; C2 of X\n*.evil.example 60 IN CNAME .\n  IN TXT \"why\"\n\
        good.example CNAME rpz-passthru.\nold.example CNAME old.example.\nwalled.example A 192.0.2.80\n\
        32.1.2.0.192.rpz-ip CNAME .\n24.0.100.51.198.rpz-ip CNAME rpz-drop.\n48.zz.1.db8.2001.rpz-ip CNAME .\n\
        8.0.0.0.10.rpz-client-ip CNAME .\nns.evil.example.rpz-nsdname CNAME .\n$INCLUDE other\nx.example SRV 0 0 5 y.\n";

    #[test]
    fn rules_on_names_and_addresses_in_answers_are_indicators() {
        let loaded = load("bad.zone", ZONE);
        let shown: Vec<_> = loaded
            .indicators
            .iter()
            .map(|indicator| format!("{} {}", indicator.value.kind(), indicator.value))
            .collect();
        assert_eq!(
            shown,
            [
                "host evil.example",
                "domain evil.example",
                "host walled.example",
                "address 192.0.2.1",
                "network 198.51.100.0/24",
                "network 2001:db8:1::/48",
            ]
        );
        assert_eq!(loaded.indicators[0].contexts[0].description.as_deref(), Some("C2 of X"));
        let reasons: Vec<_> = loaded.refused.iter().map(|refusal| refusal.reason.keyword()).collect();
        assert_eq!(
            reasons,
            [
                "exception",
                "exception",
                "unsupported_type",
                "unsupported_type",
                "unsupported_type",
                "unsupported_type"
            ]
        );
    }

    #[test]
    fn names_are_relative_to_the_zone() {
        let zone =
            "rpz.local. IN SOA a. b. 1 2 3 4 5\nevil.example.rpz.local. CNAME .\nevil.example. CNAME .\n";
        let loaded = load("x", zone);
        assert_eq!(loaded.indicators[0].value.to_string(), "evil.example");
        assert_eq!(loaded.refused[0].reason.keyword(), "bad_name");
    }
}
