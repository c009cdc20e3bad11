//! Templates: what they say, checked, and what is compiled of them.
//!
//! `netflow_parser` reads the bytes, one template at a time and without its caches; what is wrong with a template is decided
//! here, because the crate leaves such templates out without saying which and why.

use super::limits::ExportLimits;
use super::options::OptionPlan;
use super::plan::{Plan, VARIABLE};
use super::refused::Refused;
use netflow_parser::variable_versions::{ipfix, v9};
use nom_derive::Parse;
use weir_model::Timestamp;

/// A template that is known.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) definition: Definition,
    pub(super) reads: Reads,
    /// When it was announced or used last.
    pub(super) seen: Timestamp,
}

/// How its records are read.
#[derive(Debug)]
pub(super) enum Reads {
    /// Flow records.
    Data(Plan),
    /// Records of options.
    Options(OptionPlan),
}

/// A template as it was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) id: u16,
    /// Fields of the scope, which come first; none in a template of flow records.
    pub(super) scope: u16,
    pub(super) fields: Box<[TemplateField]>,
}

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TemplateField {
    /// 0 for IANA's, and in v9.
    pub(super) enterprise: u32,
    pub(super) number: u16,
    /// [`VARIABLE`] for variable length.
    pub(super) length: u16,
}

/// What a template set holds.
#[derive(Debug)]
pub(super) enum Announced {
    /// A template.
    Defined(Definition),
    /// The template of that number is withdrawn; 2 and 3 stand for all (RFC 7011 section 8.1).
    Withdrawn(u16),
}

/// Which kind of set templates are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplateSet {
    NetFlow9,
    NetFlow9Options,
    Ipfix,
    IpfixOptions,
}

impl Template {
    /// `Err` when its records cannot be.
    pub(super) fn compile(definition: Definition, seen: Timestamp, v9: bool) -> Result<Self, Refused> {
        if definition.fields.iter().all(|field| field.length == 0) {
            return Err(Refused::TemplateEmpty);
        }
        let reads = if definition.scope > 0 {
            Reads::Options(OptionPlan::new(&definition, v9).ok_or(Refused::TemplateLength)?)
        } else {
            Reads::Data(Plan::new(&definition.fields).ok_or(Refused::TemplateLength)?)
        };
        Ok(Self { definition, reads, seen })
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let plan = match &self.reads {
            Reads::Data(plan) => plan.bytes(),
            Reads::Options(plan) => plan.bytes(),
        };
        size_of::<Self>() + self.definition.fields.len() * size_of::<TemplateField>() + plan
    }
}

impl TemplateSet {
    /// The next template of a set and what is behind it; `None` at the end, or where padding begins.
    pub(super) fn next<'a>(
        self,
        bytes: &'a [u8],
        limits: &ExportLimits,
    ) -> Option<Result<(Announced, &'a [u8]), Refused>> {
        let (&[a, b, c, d], _) = bytes.split_first_chunk::<4>()?;
        let (id, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if id == 0 {
            // Zeros up to the end are padding. Anything else ends the set, or its zeros would be gone through again and again.
            let is_padding = bytes.iter().all(|byte| *byte == 0);
            return if is_padding { None } else { Some(Err(Refused::TemplateId)) };
        }
        if count == 0 && matches!(self, Self::Ipfix | Self::IpfixOptions) {
            let rest = bytes.get(4..).unwrap_or_default();
            return Some(Ok((Announced::Withdrawn(id), rest)));
        }
        Some(self.definition(bytes, limits).map(|(definition, rest)| (Announced::Defined(definition), rest)))
    }

    fn definition<'a>(
        self,
        bytes: &'a [u8],
        limits: &ExportLimits,
    ) -> Result<(Definition, &'a [u8]), Refused> {
        self.check_count(bytes, limits)?;
        let (definition, rest) = match self {
            Self::NetFlow9 => v9::Template::parse(bytes).map(|(rest, read)| (of_v9(&read), rest)).ok(),
            Self::NetFlow9Options => {
                v9::OptionsTemplate::parse(bytes).map(|(rest, read)| (of_v9_options(&read), rest)).ok()
            }
            Self::Ipfix => ipfix::Template::parse(bytes)
                .map(|(rest, read)| (of_ipfix(read.template_id, 0, &read.fields), rest))
                .ok(),
            Self::IpfixOptions => ipfix::OptionsTemplate::parse(bytes)
                .map(|(rest, read)| (of_ipfix(read.template_id, read.scope_field_count, &read.fields), rest))
                .ok(),
        }
        .ok_or(Refused::TemplateTruncated)?;
        if self == Self::IpfixOptions && definition.scope == 0 {
            return Err(Refused::TemplateScope);
        }
        Ok((definition, rest))
    }

    /// Before anything is allocated for the fields.
    fn check_count(self, bytes: &[u8], limits: &ExportLimits) -> Result<(), Refused> {
        let at = |offset: usize| {
            let two = bytes.get(offset..offset + 2).and_then(|two| <[u8; 2]>::try_from(two).ok());
            two.map(u16::from_be_bytes).ok_or(Refused::TemplateTruncated)
        };
        let count = match self {
            Self::NetFlow9Options => {
                let (scope, options) = (at(2)?, at(4)?);
                if scope % 4 != 0 || options % 4 != 0 {
                    return Err(Refused::TemplateScope);
                }
                usize::from(scope / 4) + usize::from(options / 4)
            }
            Self::NetFlow9 | Self::Ipfix | Self::IpfixOptions => usize::from(at(2)?),
        };
        if count == 0 {
            return Err(Refused::TemplateEmpty);
        }
        if count > limits.fields {
            return Err(Refused::TemplateFields);
        }
        Ok(())
    }
}

impl Definition {
    /// What does not depend on how it is read.
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.id < 256 {
            return Err(Refused::TemplateId);
        }
        if self.fields.is_empty() {
            return Err(Refused::TemplateEmpty);
        }
        if usize::from(self.scope) > self.fields.len() {
            return Err(Refused::TemplateScope);
        }
        Ok(())
    }

    /// Least bytes of a record.
    pub(super) fn least_length(&self) -> usize {
        let least =
            |field: &TemplateField| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        self.fields.iter().map(least).sum()
    }
}

fn of_v9(read: &v9::Template) -> Definition {
    let fields = read.fields.iter().map(|field| iana(field.field_type_number, field.field_length));
    Definition { id: read.template_id, scope: 0, fields: fields.collect() }
}

/// v9 numbers what a scope is by itself: 1 system, 2 interface, 3 line card, 4 cache, 5 template (RFC 3954 section 6.1). A
/// template of options without any scope, as some Juniper send, is given an empty one.
fn of_v9_options(read: &v9::OptionsTemplate) -> Definition {
    let mut scopes: Vec<_> =
        read.scope_fields.iter().map(|field| iana(field.field_type_number, field.field_length)).collect();
    if scopes.is_empty() {
        scopes.push(iana(1, 0));
    }
    let options = read.option_fields.iter().map(|field| iana(field.field_type_number, field.field_length));
    let scope = scopes.len() as u16;
    Definition { id: read.template_id, scope, fields: scopes.into_iter().chain(options).collect() }
}

fn of_ipfix(id: u16, scope: u16, fields: &[ipfix::TemplateField]) -> Definition {
    let fields = fields.iter().map(|field| TemplateField {
        enterprise: field.enterprise_number.unwrap_or_default(),
        number: field.field_type_number,
        length: field.field_length,
    });
    Definition { id, scope, fields: fields.collect() }
}

const fn iana(number: u16, length: u16) -> TemplateField {
    TemplateField { enterprise: 0, number, length }
}
