//! What the columns of a table are, by their usual names; and what a type column says.

use crate::RefusalReason;
use crate::source::{FieldRole, Layout};
use crate::value::Hint;

/// Which column holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Columns with a value, the most telling first.
    pub(crate) values: Vec<(usize, Hint)>,
    /// Which of them count in a row.
    pub(crate) take: Take,
    /// The type of the value.
    pub(crate) kind: Option<usize>,
    /// Texts that describe it, in order.
    pub(crate) descriptions: Vec<usize>,
    /// Whether MISP means the value for detection.
    pub(crate) to_ids: Option<usize>,
    /// A port beside the value: kept as context. It does not narrow the address, because lists of addresses give the
    /// port at which a server was once met.
    pub(crate) port: Option<usize>,
    /// Tags.
    pub(crate) tags: Option<usize>,
    /// TLP.
    pub(crate) tlp: Option<usize>,
    /// Confidence.
    pub(crate) confidence: Option<usize>,
    /// First seen.
    pub(crate) first_seen: Option<usize>,
    /// Last seen.
    pub(crate) last_seen: Option<usize>,
    /// Reference.
    pub(crate) reference: Option<usize>,
}

/// Which columns of a row hold its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Take {
    /// Of those that may, the first that is not empty: the others only explain it.
    #[default]
    First,
    /// All that were named.
    Every,
    /// Whichever has the form of a value.
    Any,
}

impl Columns {
    /// As a layout says, of which `find` tells the columns; `None` when one that may hold a value is not there.
    pub(crate) fn laid_out(layout: &Layout, find: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let mut columns = Self { take: Take::Every, ..Self::default() };
        for (role, field) in &layout.fields {
            let at = find(field);
            match role {
                FieldRole::Value => {
                    let hint = value_title(&normalised(field)).map_or(Hint::None, |(_, hint)| hint);
                    columns.values.push((at?, hint));
                }
                FieldRole::Description => columns.descriptions.extend(at),
                FieldRole::Type => columns.kind = at,
                FieldRole::Port => columns.port = at,
                FieldRole::Tags => columns.tags = at,
                FieldRole::Tlp => columns.tlp = at,
                FieldRole::Confidence => columns.confidence = at,
                FieldRole::FirstSeen => columns.first_seen = at,
                FieldRole::LastSeen => columns.last_seen = at,
                FieldRole::Reference => columns.reference = at,
            }
        }
        if layout.is_any_value {
            columns.take = Take::Any;
        }
        Some(columns)
    }

    /// From a header; `None` when no column for the value is recognised.
    pub(crate) fn from_header<'a>(header: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut columns = Self::default();
        let mut values = Vec::new();
        for (at, title) in header.into_iter().enumerate() {
            let title = normalised(title);
            if let Some((rank, hint)) = value_title(&title) {
                values.push((rank, at, hint));
            } else {
                columns.note(at, &title);
            }
        }
        values.sort_by_key(|(rank, at, _)| (*rank, *at));
        // A column that may hold any kind stands for the row; the others then only explain it.
        let generic = values.first().is_some_and(|(rank, ..)| *rank == 0);
        columns.values = values
            .iter()
            .take(if generic { 1 } else { values.len() })
            .map(|&(_, at, hint)| (at, hint))
            .collect();
        (!columns.values.is_empty()).then_some(columns)
    }

    /// For a table without header: the value's column, all others describe it.
    pub(crate) fn bare(value: usize, count: usize) -> Self {
        let descriptions = (0..count).filter(|at| *at != value).collect();
        Self { values: vec![(value, Hint::None)], descriptions, ..Self::default() }
    }

    /// How many columns have a meaning.
    pub(crate) fn known(&self) -> usize {
        let single = [
            self.kind,
            self.to_ids,
            self.port,
            self.tags,
            self.tlp,
            self.confidence,
            self.first_seen,
            self.last_seen,
            self.reference,
        ];
        self.values.len() + self.descriptions.len() + single.iter().flatten().count()
    }

    fn note(&mut self, at: usize, title: &str) {
        let column = match title {
            "type" | "ioc_type" | "indicator_type" | "observable_type" | "value_type" | "kind" => {
                &mut self.kind
            }
            "to_ids" => &mut self.to_ids,
            "tlp" | "marking" | "tlp_marking" => &mut self.tlp,
            "tags" | "tag" | "labels" | "label" | "category" | "categories" => &mut self.tags,
            "confidence" | "confidence_level" => &mut self.confidence,
            "port" | "dst_port" | "dstport" | "dest_port" => &mut self.port,
            "first_seen" | "first_seen_utc" | "firstseen" | "dateadded" | "date_added" | "date"
            | "created" | "created_at" | "listingdate" | "timestamp" | "valid_from" | "submission_time"
            | "creation_date" | "added" => &mut self.first_seen,
            "last_seen" | "last_seen_utc" | "lastseen" | "last_online" | "modified" | "updated"
            | "updated_at" => &mut self.last_seen,
            "reference" | "references" | "urlhaus_link" | "link" | "report" | "phish_detail_url"
            | "report_url" | "source_url" | "ref" => &mut self.reference,
            "description" | "comment" | "comments" | "desc" | "note" | "notes" | "details"
            | "listingreason" | "reason" | "malware" | "malware_printable" | "malware_family" | "family"
            | "threat" | "threat_type" | "campaign" | "actor" | "threat_actor" | "title" | "source"
            | "provider" | "feed" | "target" => {
                self.descriptions.push(at);
                return;
            }
            _ => return,
        };
        column.get_or_insert(at);
    }
}

/// `"First Seen (UTC)"` as `first_seen_utc`.
pub(crate) fn normalised(title: &str) -> String {
    let mut name = String::new();
    for character in title.chars().take(64) {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// Titles of columns that hold a value: how telling it is (0: any kind), and what it says of the value.
fn value_title(title: &str) -> Option<(u8, Hint)> {
    Some(match title {
        "indicator" | "indicators" | "ioc" | "iocs" | "ioc_value" | "value" | "indicator_value"
        | "observable" | "observable_value" | "ip_port" | "artifact" => (0, Hint::None),
        "url" | "uri" | "urls" | "full_url" | "malicious_url" | "phish_url" => (1, Hint::Url),
        "ja4" | "certificate" | "fingerprint" | "sha1" | "sha256" | "cert_sha1" | "cert_sha256"
        | "certificate_sha1" | "certificate_sha256" | "sha1_fingerprint" | "sha256_fingerprint" => {
            (2, Hint::None)
        }
        "ja3" | "ja3_hash" | "ja3_md5" | "ja3_fingerprint" => (2, Hint::Ja3),
        "hostname" | "host" => (3, Hint::Host),
        "domain" | "domains" | "domain_name" | "fqdn" => (4, Hint::None),
        "ip" | "ips" | "ip_address" | "ipaddress" | "ip_addr" | "ipv4" | "ipv6" | "address" | "dst_ip"
        | "dstip" | "dest_ip" | "destination_ip" | "ip_dst" | "src_ip" | "srcip" | "source_ip" | "cidr"
        | "network" | "netblock" | "subnet" | "prefix" => (5, Hint::None),
        _ => return None,
    })
}

/// What the type that a source gives decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The value's form decides, with this hint.
    As(Hint),
    /// `first|second`, to be taken apart as MISP means it.
    Composite,
    /// Not visible on the wire.
    Refused(RefusalReason),
}

/// How types begin that name what is not seen on the wire, or not by Weir.
const UNSEEN: &[&str] = &[
    "attachment",
    "bitcoin",
    "btc",
    "cve",
    "file",
    "hassh",
    "ja3s",
    "jarm",
    "mutex",
    "pattern-in",
    "phone",
    "process-",
    "regkey",
    "registry",
    "sigma",
    "snort",
    "user-a",
    "vulnerability",
    "windows-registry",
    "yara",
];

/// Reads a type as MISP, STIX, abuse.ch, OTX and people write it; one that is not known leaves it to the value's form.
pub(crate) fn kind(text: &str) -> Kind {
    let text = text.trim().to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    if text.starts_with("ja3") && !text.starts_with("ja3s") {
        return Kind::As(Hint::Ja3);
    }
    if starts(&["x509", "cert", "ssl", "tls"]) {
        return if text.contains("md5") {
            Kind::Refused(RefusalReason::FileHash)
        } else {
            Kind::As(Hint::None)
        };
    }
    if [
        "md5", "sha1", "sha-1", "sha224", "sha256", "sha-256", "sha384", "sha512", "sha-512", "hash",
        "ssdeep", "tlsh",
    ]
    .iter()
    .any(|hash| text.contains(hash))
    {
        return Kind::Refused(if text.contains("ja3s") || text.contains("hassh") {
            RefusalReason::UnsupportedType
        } else {
            RefusalReason::FileHash
        });
    }
    match text.as_str() {
        "ip-dst|port" | "ip-src|port" | "domain|ip" | "hostname|port" => Kind::Composite,
        "hostname" | "host" | "host-name" => Kind::As(Hint::Host),
        "url" | "uri" | "link" => Kind::As(Hint::Url),
        "ip" | "ipv4" | "ipv6" | "ip-dst" | "ip-src" | "ipv4-addr" | "ipv6-addr" | "cidr" | "netblock"
        | "subnet" => Kind::As(Hint::Address),
        _ if starts(&["email", "e-mail"]) => Kind::Refused(RefusalReason::Email),
        "as" | "asn" | "autonomous-system" => Kind::Refused(RefusalReason::UnsupportedType),
        _ if starts(UNSEEN) => Kind::Refused(RefusalReason::UnsupportedType),
        _ => Kind::As(Hint::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_known_exports() {
        let header = [
            "first_seen_utc",
            "ioc_id",
            "ioc_value",
            "ioc_type",
            "threat_type",
            "confidence_level",
            "reference",
            "tags",
        ];
        let columns = Columns::from_header(header).unwrap();
        assert_eq!((columns.values.as_slice(), columns.kind), ([(2, Hint::None)].as_slice(), Some(3)));
        assert_eq!((columns.first_seen, columns.confidence, columns.tags), (Some(0), Some(5), Some(7)));
        let columns =
            Columns::from_header(["id", "dateadded", "url", "url_status", "tags", "urlhaus_link", "host"])
                .unwrap();
        assert_eq!(columns.values, [(2, Hint::Url), (6, Hint::Host)]);
        assert_eq!(Columns::from_header(["name", "md5_hash", "sha256_hash"]), None);
        assert_eq!(Columns::from_header([" IP Address ", "Comment"]).unwrap().known(), 2);
    }

    #[test]
    fn types_decide_what_the_form_leaves_open() {
        for (text, expected) in [
            ("ip:port", Kind::As(Hint::None)),
            ("Domain", Kind::As(Hint::None)),
            ("hostname", Kind::As(Hint::Host)),
            ("URL", Kind::As(Hint::Url)),
            ("c2", Kind::As(Hint::None)),
            ("payload_delivery", Kind::As(Hint::None)),
            ("registered domain", Kind::As(Hint::None)),
            ("user-agent", Kind::Refused(RefusalReason::UnsupportedType)),
            ("ASN", Kind::Refused(RefusalReason::UnsupportedType)),
            ("x509-fingerprint-sha1", Kind::As(Hint::None)),
            ("x509-fingerprint-md5", Kind::Refused(RefusalReason::FileHash)),
            ("sha256_hash", Kind::Refused(RefusalReason::FileHash)),
            ("FileHash-SHA1", Kind::Refused(RefusalReason::FileHash)),
            ("ja3-fingerprint-md5", Kind::As(Hint::Ja3)),
            ("ja3s_hash", Kind::Refused(RefusalReason::UnsupportedType)),
            ("email-src", Kind::Refused(RefusalReason::Email)),
            ("mutex", Kind::Refused(RefusalReason::UnsupportedType)),
            ("ip-dst|port", Kind::Composite),
            ("Domain|IP", Kind::Composite),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
