//! What could not be used, and why.

use std::fmt;
use std::sync::Arc;

/// Most bytes of a refused text that are kept, for people to recognise it; longer texts are cut. A list of long
/// lines would otherwise fill memory and terminal.
pub const MAX_REFUSED_TEXT_BYTES: usize = 120;

/// A line, cell or file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file, as it was found.
    pub file: Arc<str>,
    /// Where in it.
    pub place: Place,
    /// What stood there: control characters escaped, cut to [`MAX_REFUSED_TEXT_BYTES`].
    pub text: String,
    /// Why it cannot be used.
    pub reason: RefusalReason,
}

/// `lists/bad.txt:17: too_wide: 0.0.0.0/0`, `event.json#/Event/Attribute/3: not_for_detection: 192.0.2.1`
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.file, self.place, self.reason)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, ": {}", self.text) }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line, from 1.
    Line(u32),
    /// A member of a JSON document, as a JSON pointer (RFC 6901).
    Pointer(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, ":{line}"),
            Self::Pointer(pointer) => write!(f, "#{pointer}"),
        }
    }
}

impl From<u32> for Place {
    fn from(line: u32) -> Self {
        Self::Line(line)
    }
}

macro_rules! reasons {
    ($($variant:ident => $keyword:literal, $meaning:literal;)+) => {
        /// Why a text is not an indicator that Weir can use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RefusalReason {
            $(#[doc = $meaning] $variant,)+
        }

        impl RefusalReason {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// From its keyword.
            pub fn parse(keyword: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.keyword() == keyword)
            }

            /// As written in reports and metrics.
            pub const fn keyword(self) -> &'static str {
                match self { $(Self::$variant => $keyword),+ }
            }

            /// What it means, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

reasons! {
    Empty => "empty", "There is no value where one should be.";
    NotAnIndicator => "not_an_indicator", "The text has the form of no kind of indicator.";
    BadAddress => "bad_address", "It looks like an address but is none.";
    BadPrefix => "bad_prefix", "The part after the slash is no prefix length of that address.";
    BadPort => "bad_port", "The part after the colon is no port (1 to 65535).";
    BadName => "bad_name", "A domain name cannot be so: an empty or overlong label, or a character that names do not have.";
    NameWithoutDot => "name_without_dot", "A single label (a top-level domain, `localhost`) names too much or nothing public.";
    NameWithPort => "name_with_port", "A name with a port: names are met where no port is known, so it would have to be widened.";
    TooWide => "too_wide", "The network is so wide that it would match nearly everything.";
    SpecialAddress => "special_address", "The address names no host: unspecified, loopback or broadcast.";
    Email => "email", "An e-mail address: not visible on the wire.";
    NotForDetection => "not_for_detection", "MISP says that the attribute is not meant for detection (`to_ids` is false).";
    Unpublished => "unpublished", "Its MISP event is not published yet.";
    Deleted => "deleted", "Deleted at the source.";
    Revoked => "revoked", "Revoked by its creator (STIX).";
    Superseded => "superseded", "The same file has a newer version of this object (STIX).";
    Benign => "benign", "The source says that it is benign.";
    Exception => "exception", "The list names it as an exception that must not be blocked.";
    Warninglist => "warninglist", "A warninglist keeps it out: meeting it means nothing (`weir explain VALUE` says which).";
    PublicSuffix => "public_suffix", "A public suffix such as `co.uk`: anybody can register names below it.";
    OwnNetwork => "own_network", "It lies inside the home net: you are listed yourself, which flows could not tell.";
    PatternSyntax => "pattern_syntax", "The STIX pattern is not well-formed, or too large or too deep.";
    PatternLanguage => "pattern_language", "The pattern is not in the STIX patterning language.";
    PatternOperator => "pattern_operator", "An operator that no list of values can stand for: a negation, an order, a wildcard, an expression.";
    PatternConjunction => "pattern_conjunction", "Several conditions that must be true at once, of which one alone would match too much.";
    PatternSequence => "pattern_sequence", "Several observations that must come together or one after the other, repetitions, or a window of time.";
    FileHash => "file_hash", "A file hash (or an MD5): not visible on the wire.";
    UnsupportedType => "unsupported_type", "The type or scheme is one that Weir does not see on the wire.";
    LineTooLong => "line_too_long", "The line or value is longer than any indicator.";
    BadRow => "bad_row", "A quotation mark is not closed, or the row lacks the column of the value.";
    UnreadableFile => "unreadable_file", "The file could not be opened, read or unpacked (to its end).";
    NotText => "not_text", "The file is binary, or text in UTF-16.";
    UnsupportedFormat => "unsupported_format", "The file is XML, or JSON of no kind that Weir reads.";
    NotAFile => "not_a_file", "A source that must be asked over the network, which reading files does not do.";
    BadDocument => "bad_document", "The JSON is not well-formed, nested too deep, or not what its format says.";
    TooLarge => "too_large", "The document is larger than what is held at once.";
    TooMany => "too_many", "More indicators than the program holds.";
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_file_line_and_reason() {
        let refusal = Refusal {
            file: "bad.txt".into(),
            place: Place::Line(7),
            text: "0.0.0.0/0".into(),
            reason: RefusalReason::TooWide,
        };
        assert_eq!(refusal.to_string(), "bad.txt:7: too_wide: 0.0.0.0/0");
    }
}
