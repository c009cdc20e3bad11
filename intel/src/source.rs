//! How people name a source: a path, before it the format where it should not be guessed, and how a table is laid out.
//!
//! ```text
//! lists/                                     files of any format
//! rpz:/var/named/bad.zone                    this format
//! csv,delimiter=pipe,value=3:sshpwauth.txt   this layout
//! ```

use crate::format::Format;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file or folder, and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    pub(crate) reading: Reading,
}

/// How to read a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its format; else it is told from its first bytes and its name.
    pub(crate) format: Option<Format>,
    /// How its fields are laid out; else the titles and the content tell.
    pub(crate) layout: Layout,
}

/// Where what stands in a table or a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) delimiter: Option<u8>,
    /// Fields as they were named (number from 1, title, JSON pointer), with what they hold, in that order.
    pub(crate) fields: Vec<(FieldRole, String)>,
    /// Every field may hold a value (`value=*`).
    pub(crate) is_any_value: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldRole {
    Value,
    Type,
    Description,
    Port,
    Tags,
    Tlp,
    Confidence,
    FirstSeen,
    LastSeen,
    Reference,
}

/// What is wrong with the way in which a source is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// There is no such option.
    UnknownOption(String),
    /// There is no such delimiter.
    BadDelimiter(String),
    /// The format has no fields that could be laid out.
    NoLayout(&'static str),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOption(option) => write!(
                f,
                "unknown option {option:?}: there are delimiter, value, type, description, port, tags, tlp, confidence, \
                 first_seen, last_seen, reference"
            ),
            Self::BadDelimiter(delimiter) => write!(
                f,
                "unknown delimiter {delimiter:?}: there are comma, semicolon, tab, pipe, space, or any one character"
            ),
            Self::NoLayout(format) => write!(f, "files of the format {format} have no columns to be named"),
        }
    }
}

impl std::error::Error for SourceError {}

impl Source {
    /// Reads `FORMAT:PATH` or `FORMAT,OPTION=VALUE,...:PATH`, where FORMAT is one of [`Format::keyword`]; anything else is a path as it
    /// stands. A file whose name looks like that is named with `./` before it.
    pub fn parse(named: &Path) -> Result<Self, SourceError> {
        let as_it_stands = Self::of_path(named);
        let Some((head, path)) = named.to_str().and_then(|text| text.split_once(':')) else {
            return Ok(as_it_stands);
        };
        let mut parts = head.split(',');
        let Some(format) = parts.next().and_then(Format::from_keyword) else {
            return Ok(as_it_stands);
        };
        let mut layout = Layout { delimiter: (head == "tsv").then_some(b'\t'), ..Layout::default() };
        for option in parts {
            layout.set(option)?;
        }
        if layout != Layout::default() && !format.has_layout() {
            return Err(SourceError::NoLayout(format.keyword()));
        }
        Ok(Self { path: path.into(), reading: Reading { format: Some(format), layout } })
    }

    /// A path as it stands.
    pub(crate) fn of_path(path: &Path) -> Self {
        Self { path: path.to_owned(), reading: Reading::default() }
    }

    /// The same, read so.
    pub(crate) fn read_as(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    /// The same, named as one in a file that lies in `folder` names it: relative paths begin there.
    pub fn rebase(named: &Path, folder: &Path) -> PathBuf {
        match Self::parse(named) {
            Ok(source) if source.path != named => {
                let head = named.to_str().and_then(|text| text.split_once(':')).map_or("", |(head, _)| head);
                PathBuf::from(format!("{head}:{}", folder.join(&source.path).display()))
            }
            _ => folder.join(named),
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Reading {
    /// Reads `FORMAT` or `FORMAT,OPTION=VALUE,...`, as they stand before a path; `None` where there is no such format.
    pub fn parse(text: &str) -> Result<Option<Self>, SourceError> {
        let source = Source::parse(Path::new(&format!("{text}:-")))?;
        Ok((source.path == Path::new("-")).then_some(source.reading))
    }
}

impl From<Format> for Reading {
    fn from(format: Format) -> Self {
        Self { format: Some(format), layout: Layout::default() }
    }
}

impl Layout {
    fn set(&mut self, option: &str) -> Result<(), SourceError> {
        let unknown = || SourceError::UnknownOption(option.to_owned());
        let (name, field) = option.split_once('=').ok_or_else(unknown)?;
        let role = match name {
            "delimiter" => {
                self.delimiter = Some(delimiter(field)?);
                return Ok(());
            }
            "value" if field == "*" => {
                self.is_any_value = true;
                return Ok(());
            }
            "value" => FieldRole::Value,
            "type" => FieldRole::Type,
            "description" => FieldRole::Description,
            "port" => FieldRole::Port,
            "tags" => FieldRole::Tags,
            "tlp" => FieldRole::Tlp,
            "confidence" => FieldRole::Confidence,
            "first_seen" => FieldRole::FirstSeen,
            "last_seen" => FieldRole::LastSeen,
            "reference" => FieldRole::Reference,
            _ => return Err(unknown()),
        };
        self.fields.push((role, field.to_owned()));
        Ok(())
    }
}

fn delimiter(text: &str) -> Result<u8, SourceError> {
    Ok(match (text, text.as_bytes()) {
        ("comma" | "", _) => b',',
        ("semicolon", _) => b';',
        ("tab", _) => b'\t',
        ("pipe", _) => b'|',
        ("space", _) => b' ',
        (_, [one]) if one.is_ascii_punctuation() || *one == b' ' => *one,
        _ => return Err(SourceError::BadDelimiter(text.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, SourceError> {
        Source::parse(Path::new(text))
    }

    #[test]
    fn a_path_is_a_path_unless_a_format_stands_before_it() {
        for path in ["lists/", "./misp:x", "C:\\lists", "weird:name.txt", "a,b:c"] {
            let source = parse(path).unwrap();
            assert_eq!((source.path(), &source.reading), (Path::new(path), &Reading::default()));
        }
        let source = parse("misp:/srv/feed:1").unwrap();
        assert_eq!((source.path(), source.reading.format), (Path::new("/srv/feed:1"), Some(Format::Misp)));
        assert_eq!(parse("tsv:x").unwrap().reading.layout.delimiter, Some(b'\t'));
    }

    #[test]
    fn a_configuration_names_sources_beside_it() {
        let rebased = |named: &str| Source::rebase(Path::new(named), Path::new("/etc/weir"));
        assert_eq!(rebased("lists/"), Path::new("/etc/weir/lists/"));
        assert_eq!(rebased("csv,value=3:x.csv"), Path::new("csv,value=3:/etc/weir/x.csv"));
        assert_eq!(rebased("rpz:/var/x"), Path::new("rpz:/var/x"));
    }

    #[test]
    fn options_lay_out_fields() {
        let source = parse("csv,delimiter=pipe,value=3,value=IP,tags=a b:x").unwrap();
        let fields = [(FieldRole::Value, "3"), (FieldRole::Value, "IP"), (FieldRole::Tags, "a b")];
        assert_eq!(source.reading.layout.delimiter, Some(b'|'));
        assert_eq!(source.reading.layout.fields, fields.map(|(role, field)| (role, field.to_owned())));
        assert!(parse("csv,value=*:x").unwrap().reading.layout.is_any_value);
        assert_eq!(parse("csv,colour=3:x"), Err(SourceError::UnknownOption("colour=3".to_owned())));
        assert_eq!(parse("csv,value:x"), Err(SourceError::UnknownOption("value".to_owned())));
        assert_eq!(parse("csv,delimiter=xy:x"), Err(SourceError::BadDelimiter("xy".to_owned())));
        assert_eq!(parse("stix,value=3:x"), Err(SourceError::NoLayout("stix")));
    }
}
