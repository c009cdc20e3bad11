//! Why a datagram, or a part of it, was not taken.

use std::fmt;

/// A reason; small, and a label of a metric without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refused {
    /// Shorter than the header of its version.
    TooShort,
    /// The version is none that is read here.
    UnknownVersion,
    /// The header says that there is more than there is.
    Truncated,
    /// The number of records in the header is none that the version allows.
    RecordCount,
    /// The length in the header is shorter than the header.
    MessageLength,
    /// Bytes behind the message that the header describes (zeros are padding). They are not read.
    TrailingBytes,
    /// The same datagram was there before.
    Repeated,
    /// No room for another exporter.
    ExportersFull,
    /// A set whose length is shorter than its header, or longer than the message.
    SetLength,
    /// A set of a number that is reserved.
    SetId,
    /// A template that is cut short.
    TemplateTruncated,
    /// A template with a number below 256.
    TemplateId,
    /// A template without fields, or all of length zero.
    TemplateEmpty,
    /// A template with more fields than [`super::ExportLimits::fields`].
    TemplateFields,
    /// A template whose records would not fit into a message.
    TemplateLength,
    /// An options template whose scope makes no sense.
    TemplateScope,
    /// More templates in one datagram than [`super::ExportLimits::templates`].
    TemplateCount,
    /// A template beyond [`super::ExportLimits::state_bytes`] of the exporter or in all.
    TemplateMemory,
    /// A record that ends beyond its set.
    RecordTruncated,
    /// A sample that ends beyond its datagram, or a record beyond its sample.
    SampleLength,
}

impl Refused {
    /// All reasons.
    pub const ALL: [Self; 20] = [
        Self::TooShort,
        Self::UnknownVersion,
        Self::Truncated,
        Self::RecordCount,
        Self::MessageLength,
        Self::TrailingBytes,
        Self::Repeated,
        Self::ExportersFull,
        Self::SetLength,
        Self::SetId,
        Self::TemplateTruncated,
        Self::TemplateId,
        Self::TemplateEmpty,
        Self::TemplateFields,
        Self::TemplateLength,
        Self::TemplateScope,
        Self::TemplateCount,
        Self::TemplateMemory,
        Self::RecordTruncated,
        Self::SampleLength,
    ];

    /// A stable name for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::UnknownVersion => "unknown_version",
            Self::Truncated => "truncated",
            Self::RecordCount => "record_count",
            Self::MessageLength => "message_length",
            Self::TrailingBytes => "trailing_bytes",
            Self::Repeated => "repeated",
            Self::ExportersFull => "exporters_full",
            Self::SetLength => "set_length",
            Self::SetId => "set_id",
            Self::TemplateTruncated => "template_truncated",
            Self::TemplateId => "template_id",
            Self::TemplateEmpty => "template_empty",
            Self::TemplateFields => "template_fields",
            Self::TemplateLength => "template_length",
            Self::TemplateScope => "template_scope",
            Self::TemplateCount => "template_count",
            Self::TemplateMemory => "template_memory",
            Self::RecordTruncated => "record_truncated",
            Self::SampleLength => "sample_length",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Refused {}

/// A counter for each reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons([u64; Refused::ALL.len()]);

impl Reasons {
    /// How often that was the reason.
    pub fn of(&self, reason: Refused) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Reasons that did occur, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Refused, u64)> {
        Refused::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    pub(super) fn count(&mut self, reason: Refused) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, other) in self.0.iter_mut().zip(other.0) {
            *count += other;
        }
    }
}
