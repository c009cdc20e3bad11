//! The Certificate message up to TLS 1.2 (RFC 5246 section 7.4.2), and what an X.509 certificate (RFC 5280) is called.

use super::{TlsError, known};
use crate::cursor::Cursor;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;
use weir_model::Name;
use weir_model::observation::Certificate;
use x509_parser::certificate::X509CertificateParser;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::oid_registry::{
    OID_DOMAIN_COMPONENT, OID_PKCS9_EMAIL_ADDRESS, OID_USERID, OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME,
    OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_LOCALITY_NAME, OID_X509_ORGANIZATION_NAME,
    OID_X509_ORGANIZATIONAL_UNIT, OID_X509_SERIALNUMBER, OID_X509_STATE_OR_PROVINCE_NAME,
    OID_X509_STREET_ADDRESS, Oid,
};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Certificates read of one chain. Real chains have up to five. The rest is left out.
pub const MAX_CERTIFICATES: usize = 10;

/// Names kept of one certificate. Content networks put a hundred into one, and nothing forbids ten thousand; they explain
/// a flow and never ring. The rest is left out.
pub const MAX_NAMES: usize = 64;

/// Longest certificate that X.509 parsing is tried on; of a longer one there are only the hashes.
pub const MAX_CERTIFICATE_BYTES: usize = 32 * 1024;

/// Bytes kept of a subject's or issuer's text. The rest is left out.
const MAX_TEXT_BYTES: usize = 1024;

/// Reads the body of a Certificate message; `each` is called with every certificate up to the first that the message does
/// not wholly hold.
pub fn parse_chain(handshake_body: &[u8], each: &mut dyn FnMut(Arc<Certificate>)) -> Result<(), TlsError> {
    let mut message = Cursor::new(handshake_body);
    let length = message.u24()?;
    let mut chain = message.sub(length as usize)?;
    for position in 0..MAX_CERTIFICATES {
        if chain.is_empty() {
            break;
        }
        let length = chain.u24()?;
        each(known::describe(position as u8, chain.take(length as usize)?));
    }
    Ok(())
}

/// What is known of a certificate from its DER form; where that is not X.509, only its hashes.
pub fn describe(position: u8, der: &[u8]) -> Certificate {
    let mut certificate = Certificate {
        position,
        sha1: Sha1::digest(der).into(),
        sha256: Sha256::digest(der).into(),
        subject: "".into(),
        issuer: "".into(),
        names: Vec::new(),
        not_before: 0,
        not_after: 0,
    };
    // Of the extensions one is of interest here; the parser need not look into the others.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    if der.len() <= MAX_CERTIFICATE_BYTES
        && let Ok((_, parsed)) = parser.parse(der)
    {
        certificate.subject = distinguished_name(parsed.subject()).into();
        certificate.issuer = distinguished_name(parsed.issuer()).into();
        certificate.names = alternative_names(&parsed);
        certificate.not_before = parsed.validity().not_before.timestamp();
        certificate.not_after = parsed.validity().not_after.timestamp();
    }
    certificate
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<Name> {
    let mut extensions = certificate.extensions().iter();
    let Some(extension) = extensions.find(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME) else {
        return Vec::new();
    };
    let Ok((_, alternatives)) = SubjectAlternativeName::from_der(extension.value) else {
        return Vec::new();
    };
    let names = alternatives.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(text) => Name::from_ascii(text.as_bytes()),
        _ => None,
    });
    names.take(MAX_NAMES).collect()
}

/// The text form of RFC 4514: the last part first, `,` between parts, `+` inside of one (there in openssl's order).
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        let mut separator = if text.is_empty() { "" } else { "," };
        let attributes: Vec<_> = part.iter().collect();
        for attribute in attributes.into_iter().rev() {
            text.push_str(separator);
            push_attribute(&mut text, attribute);
            separator = "+";
        }
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

fn push_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    match keyword(attribute.attr_type()) {
        Some(keyword) => text.push_str(keyword),
        None => text.push_str(&attribute.attr_type().to_id_string()),
    }
    text.push('=');
    push_value(text, &attribute_text(attribute));
}

/// The keywords of RFC 4514 section 3, and two that certificates often have.
fn keyword(oid: &Oid<'_>) -> Option<&'static str> {
    let keywords = [
        (OID_X509_COMMON_NAME, "CN"),
        (OID_X509_LOCALITY_NAME, "L"),
        (OID_X509_STATE_OR_PROVINCE_NAME, "ST"),
        (OID_X509_ORGANIZATION_NAME, "O"),
        (OID_X509_ORGANIZATIONAL_UNIT, "OU"),
        (OID_X509_COUNTRY_NAME, "C"),
        (OID_X509_STREET_ADDRESS, "STREET"),
        (OID_DOMAIN_COMPONENT, "DC"),
        (OID_USERID, "UID"),
        (OID_PKCS9_EMAIL_ADDRESS, "emailAddress"),
        (OID_X509_SERIALNUMBER, "serialNumber"),
    ];
    keywords.into_iter().find_map(|(known, keyword)| (known == *oid).then_some(keyword))
}

/// The string in an attribute, whichever of ASN.1's string types it has.
fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    const BMP_STRING: u32 = 30;
    let bytes = attribute.as_slice();
    if attribute.attr_value().tag().0 == BMP_STRING {
        let units = bytes.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair));
        return char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // TeletexString in practice holds Latin-1.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Escapes as RFC 4514 section 2.4 wants it, and control characters as pairs of hexadecimal digits.
fn push_value(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', character]),
            '#' if index == 0 => text.push_str("\\#"),
            ' ' if index == 0 || index == last => text.push_str("\\ "),
            _ if character.is_control() => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\{byte:02X}");
                }
            }
            _ => text.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DER: &[u8] = include_bytes!("../../testdata/certificate.der");

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    fn chain(certificates: &[&[u8]]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..].to_vec();
        let all: Vec<u8> = certificates.iter().flat_map(|der| [length(der), der.to_vec()].concat()).collect();
        [length(&all), all].concat()
    }

    /// What openssl says of the file (`openssl x509 -nameopt RFC2253`).
    #[test]
    fn describes_a_certificate() {
        let read = describe(0, DER);
        assert_eq!(hex(&read.sha1), "8802fbc99f7f9faeb7028088473636bf8ba66d6f");
        assert_eq!(hex(&read.sha256), "8a95ba159d8b28f4eab7f219c79d626fcda11d9db45d3f0ad661085b5faa17f6");
        assert_eq!(
            &*read.subject,
            "emailAddress=a@b.example,CN=\u{c9}t\u{e9}.example+OU=names,O=Weir\\, \\\"Ltd\\\" #1,C=FR"
        );
        assert_eq!(read.issuer, read.subject);
        let names: Vec<_> = read.names.iter().map(Name::as_str).collect();
        assert_eq!(names, ["www.weir.example", "*.weir.example"]);
        assert_eq!((read.not_before, read.not_after), (1_795_356_138, 2_110_975_338));
    }

    #[test]
    fn what_is_not_x509_still_has_hashes() {
        let read = describe(3, b"abc");
        assert_eq!(hex(&read.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!((read.position, &*read.subject, read.names.len(), read.not_after), (3, "", 0, 0));
        let mut long = DER.to_vec();
        long.resize(MAX_CERTIFICATE_BYTES + 1, 0);
        assert_eq!(&*describe(0, &long).subject, "");
        long.pop();
        assert_ne!(&*describe(0, &long).subject, "");
    }

    #[test]
    fn reads_a_chain_up_to_its_end_its_cap_or_its_fault() {
        let read = |body: &[u8]| {
            let mut positions = Vec::new();
            let outcome = parse_chain(body, &mut |certificate| positions.push(certificate.position));
            (positions, outcome.is_ok())
        };
        assert_eq!(read(&chain(&[DER, b"abc"])), (vec![0, 1], true));
        assert_eq!(read(&chain(&[])), (vec![], true));
        assert_eq!(read(&chain(&[b"a".as_slice(); 11])), ((0..10).collect(), true));
        let mut lie = chain(&[b"a", b"b"]);
        lie[9] = 9;
        assert_eq!(read(&lie), (vec![0], false));
        lie[2] = 99;
        assert_eq!(read(&lie), (vec![], false));
    }

    #[test]
    fn values_are_escaped() {
        let escaped = |value| {
            let mut text = String::new();
            push_value(&mut text, value);
            text
        };
        assert_eq!(escaped(" #a b "), "\\ #a b\\ ");
        assert_eq!(escaped("#a=<b>;+\u{1b}\u{85}"), "\\#a=\\<b\\>\\;\\+\\1B\\C2\\85");
    }

    proptest! {
        #[test]
        fn damaged_certificates_never_panic(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut der = DER.to_vec();
            for (position, value) in damage {
                let position = position.index(der.len());
                der[position] = value;
            }
            let read = describe(0, &der);
            prop_assert!(read.subject.len() <= MAX_TEXT_BYTES && read.names.len() <= MAX_NAMES);
        }

        #[test]
        fn arbitrary_chains_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_chain(&bytes, &mut |_| {});
        }
    }
}
