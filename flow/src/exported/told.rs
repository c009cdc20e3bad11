//! Names that exporters write into records: hostile text until it was looked at.

use std::sync::Arc;
use weir_model::Name;
use weir_model::observation::{HttpHost, ToldNames};
use weir_model::record::ExportedRecord;
use weir_wire::http::{clean_text, escaped_path, split_authority};

/// Longest application name that is kept, in bytes.
const MAX_APPLICATION_LEN: usize = 128;

/// The names in a record, and how many texts there were that no name can be.
pub(super) fn names(record: &ExportedRecord<'_>) -> (Option<ToldNames>, u64) {
    let mut refused = 0;
    let mut told = ToldNames::default();
    let mut host_name = |text: Option<&[u8]>| {
        let text = trimmed(text?);
        let name = plain(Name::from_ascii(text));
        refused += u64::from(name.is_none() && !text.is_empty());
        name
    };
    told.dns_question = host_name(record.dns_query);
    told.server_name = host_name(record.tls_server_name);
    let (url_host, path) =
        record.http_target.map_or((&[][..], &[][..]), |target| split_target(trimmed(target)));
    let authority = record.http_host.map(trimmed).filter(|host| !host.is_empty()).unwrap_or(url_host);
    if !authority.is_empty() {
        (told.http_host, told.http_port) = host(authority);
        refused += u64::from(told.http_host.is_none());
    }
    told.http_path = escaped_path(path);
    (Some(told).filter(|told| *told != ToldNames::default()), refused)
}

/// The exporter's name of the application: readable text of bounded length.
pub(super) fn application(text: &[u8]) -> Option<Arc<str>> {
    let text = trimmed(text);
    let kept = text.get(..MAX_APPLICATION_LEN).unwrap_or(text);
    (!kept.is_empty()).then(|| clean_text(kept))
}

/// Fields of fixed length are filled up with zeros.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim_ascii()
}

/// Only names whose bytes are printable ASCII: others come from exporters that misread packets, or from who wants it so.
fn plain(name: Option<Name>) -> Option<Name> {
    name.filter(|name| !name.is_root() && !name.as_str().contains('\\'))
}

fn host(authority: &[u8]) -> (Option<HttpHost>, Option<u16>) {
    match split_authority(authority) {
        (Some(HttpHost::Name(name)), port) => (plain(Some(name)).map(HttpHost::Name), port),
        (Some(HttpHost::Address(address)), port) => (Some(HttpHost::Address(address)), port),
        (None, _) => (None, None),
    }
}

/// Authority and path of a target: a path, or a URL as some exporters write it.
fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    let behind_scheme = target
        .windows(3)
        .position(|window| window == b"://")
        .filter(|scheme| target.iter().take(*scheme).all(u8::is_ascii_alphabetic))
        .and_then(|scheme| target.get(scheme + 3..));
    let Some(rest) = behind_scheme else {
        return (&[], target);
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::record::Origin;
    use weir_model::{ExportVersion, Timestamp};

    fn record() -> ExportedRecord<'static> {
        ExportedRecord::empty(Origin {
            exporter: [192, 0, 2, 1].into(),
            version: ExportVersion::Ipfix,
            domain: 0,
            exported: Timestamp::EPOCH,
            received: Timestamp::EPOCH,
        })
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_compared_as_all_names_are() {
        let (told, refused) = names(&ExportedRecord {
            dns_query: Some(b"WWW.Example.\0\0\0"),
            tls_server_name: Some(b" www.example "),
            http_host: Some(b"www.example:8080"),
            http_target: Some(b"/a b?c"),
            ..record()
        });
        let told = told.unwrap();
        assert_eq!(refused, 0);
        assert_eq!(
            (told.dns_question, told.server_name),
            (Some(name("www.example")), Some(name("www.example")))
        );
        assert_eq!((told.http_host, told.http_port), (Some(HttpHost::Name(name("www.example"))), Some(8080)));
        assert_eq!(&*told.http_path, "/a%20b?c");
    }

    #[test]
    fn a_url_is_taken_apart() {
        let (told, _) =
            names(&ExportedRecord { http_target: Some(b"http://[2001:db8::1]:81/x"), ..record() });
        let told = told.unwrap();
        assert_eq!(told.http_host, Some(HttpHost::Address("2001:db8::1".parse().unwrap())));
        assert_eq!((told.http_port, &*told.http_path), (Some(81), "/x"));
        let (told, _) =
            names(&ExportedRecord { http_target: Some(b"/to?u=http://other.example/"), ..record() });
        assert_eq!(
            (told.clone().unwrap().http_host, &*told.unwrap().http_path),
            (None, "/to?u=http://other.example/")
        );
    }

    #[test]
    fn hostile_bytes_are_refused_and_counted() {
        let long = [b'a'; 300];
        for text in [&b"evil\x1b[31m.example"[..], b"a\xff.example", b"spa ce.example", &long] {
            let hostile = ExportedRecord { dns_query: Some(text), tls_server_name: Some(text), ..record() };
            assert_eq!(names(&hostile), (None, 2), "{text:?}");
            assert_eq!(names(&ExportedRecord { http_host: Some(text), ..record() }), (None, 1), "{text:?}");
        }
        let nothing = ExportedRecord { dns_query: Some(b""), http_host: Some(b"\0\0"), ..record() };
        assert_eq!(names(&nothing), (None, 0));
    }

    #[test]
    fn applications_are_text() {
        assert_eq!(application(b"bit\x07torrent\0\0").as_deref(), Some("bit\u{fffd}torrent"));
        assert_eq!(application(b"\0"), None);
        assert_eq!(application(&[b'x'; 4_000]).unwrap().len(), MAX_APPLICATION_LEN);
    }
}
