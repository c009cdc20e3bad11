//! What numbers on the wire are called.

use crate::json::{Text, Value};
use std::fmt;

/// A number of a registry: its keyword, or a prefix and the number where it has none.
#[derive(Clone, Copy)]
pub(crate) enum Registered {
    /// It has one.
    Keyword(&'static str),
    /// It has none: `TYPE65280`.
    Number(&'static str, u16),
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword(keyword) => f.write_str(keyword),
            Self::Number(prefix, number) => write!(f, "{prefix}{number}"),
        }
    }
}

impl Value for Registered {
    fn write(self, text: &mut Text) {
        match self {
            Self::Keyword(keyword) => keyword.write(text),
            Self::Number(prefix, number) => format_args!("{prefix}{number}").write(text),
        }
    }
}

/// The keyword of a record type (IANA "Resource Record TYPEs"), or `TYPE` and its number (RFC 3597).
pub(crate) fn record_type(number: u16) -> Registered {
    Registered::Keyword(match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => return Registered::Number("TYPE", number),
    })
}

/// The keyword of a class (IANA "DNS CLASSes"), or `CLASS` and its number.
pub(crate) fn class(number: u16) -> Registered {
    Registered::Keyword(match number {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        _ => return Registered::Number("CLASS", number),
    })
}

/// The keyword of an operation (IANA "DNS OpCodes"), or `OPCODE` and its number.
pub(crate) fn op_code(number: u8) -> Registered {
    Registered::Keyword(match number {
        0 => "QUERY",
        1 => "IQUERY",
        2 => "STATUS",
        4 => "NOTIFY",
        5 => "UPDATE",
        _ => return Registered::Number("OPCODE", number.into()),
    })
}

/// The keyword of a response code (IANA "DNS RCODEs"), or `RCODE` and its number.
pub(crate) fn response_code(number: u16) -> Registered {
    Registered::Keyword(match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        _ => return Registered::Number("RCODE", number),
    })
}

/// Protocol and version behind the number on the wire.
pub(crate) fn version_name(number: u16) -> Option<(&'static str, &'static str)> {
    Some(match number {
        0x0002 => ("ssl", "2.0"),
        0x0300 => ("ssl", "3.0"),
        0x0301 => ("tls", "1.0"),
        0x0302 => ("tls", "1.1"),
        0x0303 => ("tls", "1.2"),
        0x0304 => ("tls", "1.3"),
        0xfeff => ("dtls", "1.0"),
        0xfefd => ("dtls", "1.2"),
        0xfefc => ("dtls", "1.3"),
        _ => return None,
    })
}
