//! JA3, the older fingerprint of a ClientHello (Salesforce, <https://github.com/salesforce/ja3>, BSD 3-Clause): the MD5 of
//!
//! ```text
//! 771,4865-4866-49195,0-23-65281-10-11,29-23-24,0
//! |   |               |                |        ` point formats
//! |   |               |                ` groups (elliptic curves)
//! |   |               ` types of extensions in order
//! |   ` cipher suites in order
//! ` version in the hello itself, not that of the extension
//! ```
//!
//! in decimal digits. GREASE values (RFC 8701) are left out. Browsers shuffle their extensions since 2023, so that each of their
//! hellos has another JA3; that of most malware stays.

use super::client_hello::{Offer, is_grease};
use md5::{Digest, Md5};

pub(super) fn of(offer: &Offer<'_>) -> [u8; 16] {
    Md5::digest(text(offer)).into()
}

fn text(offer: &Offer<'_>) -> String {
    let values = offer.ciphers.len() + offer.extensions.len() + offer.groups.len();
    let mut text = String::with_capacity(16 + 6 * values);
    push_number(&mut text, offer.legacy_version);
    for list in [&offer.ciphers, &offer.extensions, &offer.groups] {
        text.push(',');
        push_list(&mut text, list.iter().copied().filter(|value| !is_grease(*value)));
    }
    text.push(',');
    push_list(&mut text, offer.point_formats.iter().copied().map(u16::from));
    text
}

fn push_list(text: &mut String, values: impl Iterator<Item = u16>) {
    for (position, value) in values.enumerate() {
        if position > 0 {
            text.push('-');
        }
        push_number(text, value);
    }
}

fn push_number(text: &mut String, value: u16) {
    let digits = [10_000, 1_000, 100, 10, 1].map(|unit| (value / unit % 10) as u8);
    let leading = digits.iter().take(4).take_while(|digit| **digit == 0).count();
    text.extend(digits.into_iter().skip(leading).map(|digit| char::from(b'0' + digit)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::observation::TlsTransport;

    fn text_of(offer: &mut Offer<'_>, extensions: &[u16], groups: &[u16]) -> String {
        offer.extensions = extensions.to_vec();
        offer.groups = groups.to_vec();
        text(offer)
    }

    #[test]
    fn the_text_has_all_five_parts() {
        let mut offer = Offer::new(769, vec![0x0a0a, 4, 5, 10, 65535], TlsTransport::Tcp);
        assert_eq!(text_of(&mut offer, &[], &[]), "769,4-5-10-65535,,,");
        offer.point_formats = &[0, 1];
        assert_eq!(
            text_of(&mut offer, &[0x1a1a, 0, 10], &[0x2a2a, 23, 100]),
            "769,4-5-10-65535,0-10,23-100,0-1"
        );
    }
}
