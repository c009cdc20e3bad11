//! What a key takes, and what is wrong with a value that it does not.

mod networks;
mod values;

pub(super) use networks::network;

use super::keys::Key;
use toml::de::{DeInteger, DeValue};

pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// A path to what may come to be.
    Path,
    /// A file that is read.
    File,
    /// A folder that is read.
    Folder,
    /// A file or folder that is read.
    Existing,
    /// The same, perhaps behind its format (`rpz:PATH`).
    Indicators,
    /// The name of a variable of the environment.
    Variable,
    /// The name of an interface.
    Interface,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number { least: i64, most: i64 },
    /// A whole number, or `"off"`.
    NumberOrOff { least: i64 },
    /// A number with or without a point.
    Decimal,
    /// A port.
    Port,
    /// `90s`, `7d`.
    Time,
    /// The same, or `"off"`.
    TimeOrOff,
    /// `512MiB`.
    Size { least: u64, most: u64 },
    /// An address with a port.
    Address,
    /// The same, or `"off"`.
    AddressOrOff,
    /// An address or a prefix.
    Network,
    /// `192.0.2.1/12=1000`.
    Sampling,
    /// With one of these schemes.
    Url(&'static [&'static str]),
    /// `SOC <soc@example.org>`.
    Mail,
    /// A marking.
    Tlp,
    /// One of several.
    Word(fn() -> Vec<&'static str>),
    /// Text, a whole number, `true` or `false`.
    Property,
    /// Several.
    List(&'static Form),
    /// A table in which these are the names, if any are said, and this the values.
    Map(Option<fn() -> Vec<&'static str>>, &'static Form),
    /// A table with keys.
    Table(&'static [Key]),
    /// `true` or `false`, or a table with keys.
    SwitchOr(&'static [Key]),
}

/// What is wrong with a value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub what: String,
    pub remedy: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

impl Form {
    /// What a value must be, for people.
    pub(crate) fn wants(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Path => "a path (relative to the folder of the configuration)".to_owned(),
            Self::File => "the path of a file (relative to the folder of the configuration)".to_owned(),
            Self::Folder => "the path of a folder (relative to the folder of the configuration)".to_owned(),
            Self::Existing | Self::Indicators => {
                "the path of a file or a folder (relative to the folder of the configuration)".to_owned()
            }
            Self::Variable => "the name of a variable of the environment".to_owned(),
            Self::Interface => "the name of a network interface".to_owned(),
            Self::Switch | Self::SwitchOr(&[]) => "true or false".to_owned(),
            Self::Number { least, most: i64::MAX } => format!("a whole number, at least {least}"),
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::NumberOrOff { least } => format!("a whole number, at least {least}, or \"off\""),
            Self::Decimal => "a number such as 0.5".to_owned(),
            Self::Port => "a port from 1 to 65535".to_owned(),
            Self::Time => "a time with its unit, such as \"90s\", \"5m\", \"1h 30m\", \"7d\"".to_owned(),
            Self::TimeOrOff => "a time with its unit, such as \"90s\", \"5m\", \"1h\", or \"off\"".to_owned(),
            Self::Size { least, most } => values::sizes(least, most),
            Self::Address => "an address with a port, such as \"0.0.0.0:2055\" or \"[::]:2055\"".to_owned(),
            Self::AddressOrOff => "an address with a port, such as \"127.0.0.1:9347\", or \"off\"".to_owned(),
            Self::Network => "an address or a prefix, such as \"192.0.2.1\" or \"192.0.2.0/24\"".to_owned(),
            Self::Sampling => {
                "an exporter and a rate, such as \"192.0.2.1=1000\" or \"192.0.2.1/12=1000\"".to_owned()
            }
            Self::Url(schemes) => {
                let schemes: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
                format!("a URL that begins with {}", schemes.join(" or "))
            }
            Self::Mail => {
                "a mail address, such as \"soc@example.org\" or \"SOC <soc@example.org>\"".to_owned()
            }
            Self::Tlp => "a marking: clear, green, amber, amber+strict or red".to_owned(),
            Self::Word(all) => format!("one of {}", all().join(", ")),
            Self::Property => "text, a whole number, true or false".to_owned(),
            Self::List(form) => format!("a list, each {}", form.wants()),
            Self::Map(Some(names), form) => {
                format!("a table with some of {}, each {}", names().join(", "), form.wants())
            }
            Self::Map(None, form) => format!("a table of names, each {}", form.wants()),
            Self::Table(_) => "a table".to_owned(),
            Self::SwitchOr(_) => "true, false or a table".to_owned(),
        }
    }

    /// Whether values of it stand in quotation marks.
    const fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Switch
                | Self::SwitchOr(_)
                | Self::Number { .. }
                | Self::Decimal
                | Self::Port
                | Self::Property
                | Self::List(_)
                | Self::Map(..)
                | Self::Table(_)
        )
    }

    /// What people say of a default, as a value where it is one.
    pub(super) fn written(self, default: &str) -> String {
        let quoted = format!("\"{default}\"");
        let is_value =
            self.is_text() && self.check(&DeValue::String(default.into())).is_ok() && !default.contains(' ');
        if is_value { quoted } else { default.to_owned() }
    }

    /// The keys of a table.
    pub(crate) const fn keys(self) -> Option<&'static [Key]> {
        match self {
            Self::Table(keys) | Self::SwitchOr(keys) => Some(keys),
            _ => None,
        }
    }

    /// What is wrong with a value, if anything is. What is in lists and tables is looked at one by one elsewhere.
    pub(super) fn check(self, value: &DeValue<'_>) -> Result<(), Wrong> {
        match value {
            DeValue::String(text) => self.text(text),
            DeValue::Integer(number) => self.number(number),
            DeValue::Float(number) => match self {
                Self::Decimal => Ok(()),
                _ => Err(self.not_that("a number with a point", number.as_str())),
            },
            DeValue::Boolean(truth) => match self {
                Self::Switch | Self::SwitchOr(_) | Self::Property => Ok(()),
                _ => Err(self.not_that("true or false", &truth.to_string())),
            },
            DeValue::Array(_) => match self {
                Self::List(_) => Ok(()),
                _ => Err(Wrong::new("takes one value, not a list", format!("write {}", self.wants()))),
            },
            DeValue::Table(_) => match self {
                Self::Map(..) | Self::Table(_) | Self::SwitchOr(_) => Ok(()),
                _ => Err(Wrong::new("is a value, not a table", format!("write {}", self.wants()))),
            },
            DeValue::Datetime(date) => Err(self.not_that("a date", &date.to_string())),
        }
    }

    fn not_that(self, kind: &str, written: &str) -> Wrong {
        let as_text = DeValue::String(written.into());
        let remedy = match self {
            Self::List(form) if form.check(&as_text).is_ok() && form.is_text() => {
                format!("write [\"{written}\"]")
            }
            _ if self.is_text() && self.check(&as_text).is_ok() => {
                format!("write \"{written}\", with quotation marks")
            }
            _ => format!("write {}", self.wants()),
        };
        Wrong::new(format!("{written} is {kind}, which it does not take"), remedy)
    }

    fn number(self, written: &DeInteger<'_>) -> Result<(), Wrong> {
        let Ok(number) = i64::from_str_radix(written.as_str(), written.radix()) else {
            return Err(Wrong::new(
                format!("{written} is too large a number"),
                format!("write {}", self.wants()),
            ));
        };
        match self {
            Self::Number { least, most } => values::within(number, least, most, self),
            Self::Port => values::within(number, 1, 65_535, self),
            Self::NumberOrOff { least } => values::within(number, least, i64::MAX, self),
            Self::Decimal | Self::Property => Ok(()),
            Self::Time | Self::TimeOrOff if number > 0 => Err(Wrong::new(
                format!("{number} has no unit"),
                format!(
                    "write \"{number}s\" for seconds, \"{number}m\" for minutes, \"{number}h\" for hours"
                ),
            )),
            Self::Size { .. } if number > 0 => Err(Wrong::new(
                format!("{number} is a number, and sizes are text"),
                format!("write \"{number}\" for bytes, or a size such as \"512MiB\""),
            )),
            Self::List(form @ Self::Port) => {
                form.number(written)?;
                Err(Wrong::new("takes a list", format!("write [{number}]")))
            }
            _ => Err(self.not_that("a number", &written.to_string())),
        }
    }

    fn text(self, text: &str) -> Result<(), Wrong> {
        values::no_variable(self, text)?;
        match self {
            Self::Switch | Self::SwitchOr(_) => Err(values::no_switch(text, self)),
            Self::NumberOrOff { .. } | Self::TimeOrOff | Self::AddressOrOff if text == "off" => Ok(()),
            Self::Number { .. } | Self::NumberOrOff { .. } | Self::Decimal | Self::Port => {
                Err(values::no_number(text, self))
            }
            Self::Time | Self::TimeOrOff => values::time(text, self),
            Self::Size { least, most } => values::size(text, least, most, self),
            Self::Address | Self::AddressOrOff => networks::address(text, self),
            Self::Network => network(text),
            Self::Sampling => networks::sampling(text),
            Self::Url(schemes) => values::url(text, schemes),
            Self::Mail => values::mail(text),
            Self::Tlp => values::tlp(text),
            Self::Word(all) => values::word(text, &all()),
            Self::Variable => values::variable(text),
            Self::Path | Self::File | Self::Folder | Self::Existing | Self::Indicators | Self::Interface
                if text.is_empty() =>
            {
                Err(Wrong::new("is empty", format!("write {}, or leave the line out", self.wants())))
            }
            Self::Interface => networks::interface(text),
            Self::List(form) => Err(Wrong::new(
                format!("takes a list, not \"{text}\" alone"),
                if form.check(&DeValue::String(text.into())).is_ok() {
                    format!("write [\"{text}\"]")
                } else {
                    format!("write a list such as [\"one\", \"two\"], each {}", form.wants())
                },
            )),
            Self::Table(keys)
                if ["file", "env"].iter().all(|name| keys.iter().any(|key| key.name == *name)) =>
            {
                Err(Wrong::new(
                    "says where a secret lies, and no secret stands in this file",
                    "write { file = \"PATH\" } with the secret in that file, or { env = \"NAME\" }",
                ))
            }
            Self::Map(..) | Self::Table(_) => {
                Err(Wrong::new("is a table, not text", "write a header [...] for it, or { KEY = VALUE }"))
            }
            Self::Text
            | Self::Property
            | Self::Path
            | Self::File
            | Self::Folder
            | Self::Existing
            | Self::Indicators => Ok(()),
        }
    }
}
