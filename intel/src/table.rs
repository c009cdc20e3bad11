//! Tables: CSV, TSV, and with `;` or `|` between the fields.

use crate::collect::{Collector, Origin};
use crate::columns::{Columns, Kind, Take, kind};
use crate::lines::{Line, Lines};
use crate::value::{self, Hint};
use crate::{Place, RefusalReason, misp, text};
use csv_core::ReadRecordResult;
use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::sync::Arc;
use weir_model::{Context, IndicatorValue, Tlp};

/// Most lines that one row may have (a line break inside quotation marks). Past it, the mark counts as forgotten: the
/// row is refused and reading goes on with the next line, so that one bad row cannot swallow the rest.
const MAX_ROW_LINES: usize = 16;

/// How a table is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) delimiter: u8,
    pub(crate) columns: Columns,
    /// The first line that is no comment is the header.
    pub(crate) has_header: bool,
}

/// Reads all rows.
pub(crate) fn read<R: BufRead>(
    lines: &mut Lines<R>,
    table: &Table,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let mut header_due = table.has_header;
    let mut reader = Rows { table, origin, fields: Fields::new(table.delimiter) };
    while let Some(line) = lines.next()? {
        let text = match line.text {
            Ok(text) => text,
            Err(reason) => {
                collector.line();
                collector.refuse(origin, line.number, "", reason);
                continue;
            }
        };
        let is_comment = text.trim().is_empty() || text.starts_with('#');
        if is_comment || std::mem::take(&mut header_due) {
            collector.line();
            collector.without_value();
            lines.recycle(text);
        } else {
            reader.row(lines, line.number, text, collector)?;
        }
    }
    Ok(())
}

/// The cells of a row or of what stands for one.
pub(crate) trait Cells {
    /// How many there are.
    fn len(&self) -> usize;

    /// The one in this column, trimmed; empty where there is none.
    fn get(&self, column: usize) -> &str;
}

/// The fields of a row.
pub(crate) struct Fields {
    delimiter: char,
    /// Kept, because making it costs more than splitting a row.
    reader: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    /// For rows with this delimiter.
    pub(crate) fn new(delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { delimiter: char::from(delimiter), reader, bytes: Vec::new(), ends: Vec::new(), count: 0 }
    }

    /// Splits a row; `false` when a quotation mark is not closed.
    pub(crate) fn split(&mut self, row: &str) -> bool {
        // abuse.ch writes a blank between delimiter and quotation mark, which CSV (RFC 4180) would take for text.
        let tidied = row.contains(" \"").then(|| {
            let delimiter = self.delimiter;
            row.replace(&format!("{delimiter} \""), &format!("{delimiter}\""))
        });
        let row = tidied.as_deref().unwrap_or(row).trim_start_matches(' ');
        self.bytes.resize(row.len() + 1, 0);
        self.ends.resize(row.len() + 1, 0);
        self.reader.reset();
        let reader = &mut self.reader;
        let (first, read, written, count) =
            reader.read_record(row.as_bytes(), &mut self.bytes, &mut self.ends);
        let rest = self.bytes.get_mut(written..).unwrap_or_default();
        let ends = self.ends.get_mut(count..).unwrap_or_default();
        // The end of the line ends the record, unless it is inside quotation marks.
        let (second, _, _, more) = match first {
            ReadRecordResult::InputEmpty if read == row.len() => reader.read_record(b"\n", rest, ends),
            _ => (first, 0, 0, 0),
        };
        self.count = count + more;
        matches!(second, ReadRecordResult::Record)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.count).map(|column| self.get(column))
    }
}

impl Cells for Fields {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, column: usize) -> &str {
        if column >= self.count {
            return "";
        }
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(column).copied().unwrap_or(start);
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default().trim()
    }
}

struct Rows<'a> {
    table: &'a Table,
    origin: &'a Origin,
    fields: Fields,
}

impl Rows<'_> {
    fn row<R: BufRead>(
        &mut self,
        lines: &mut Lines<R>,
        number: u32,
        text: String,
        collector: &mut Collector<'_>,
    ) -> io::Result<()> {
        collector.line();
        if self.fields.split(&text) {
            self.store(number, &text, collector);
            lines.recycle(text);
            return Ok(());
        }
        let mut further: Vec<Line> = Vec::new();
        let mut row = text.clone();
        while further.len() + 1 < MAX_ROW_LINES {
            let Some(line) = lines.next()? else { break };
            let next = line.text.as_deref().ok().map(str::to_owned);
            further.push(line);
            let Some(next) = next else { break };
            row.push('\n');
            row.push_str(&next);
            if self.fields.split(&row) {
                if self.record().values().is_ok_and(|found| found.iter().any(|(_, value)| value.is_ok())) {
                    for _ in &further {
                        collector.line();
                    }
                    self.store(number, &row, collector);
                    return Ok(());
                }
                break;
            }
        }
        collector.refuse(self.origin, number, &text, RefusalReason::BadRow);
        lines.give_back(further);
        Ok(())
    }

    fn store(&self, number: u32, row: &str, collector: &mut Collector<'_>) {
        self.record().store(self.origin, number, row, collector);
    }

    fn record(&self) -> Record<'_> {
        Record { columns: &self.table.columns, cells: &self.fields }
    }
}

/// What one row says.
pub(crate) struct Record<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) cells: &'a dyn Cells,
}

type Found<'a> = (&'a str, Result<IndicatorValue, RefusalReason>);

impl Record<'_> {
    /// Hands on the values of the row, or says why there are none.
    pub(crate) fn store(
        &self,
        origin: &Origin,
        place: impl Into<Place> + Clone,
        row: &str,
        collector: &mut Collector<'_>,
    ) {
        let values = match self.values() {
            Ok(values) => values,
            Err(reason) => return collector.refuse(origin, place, row, reason),
        };
        let context = self.context(origin, &place.clone().into());
        for (text, value) in values {
            match value {
                Ok(value) => collector.value(origin, place.clone(), row, value, context.clone()),
                Err(reason) => collector.refuse(origin, place.clone(), text, reason),
            }
        }
    }

    /// The values of the row, mostly one, with what stood there; or why there is nothing that could be one.
    fn values(&self) -> Result<Vec<Found<'_>>, RefusalReason> {
        let columns = self.columns;
        if columns.take == Take::Any {
            let cells = (0..self.cells.len()).map(|column| self.cells.get(column));
            let found: Vec<_> =
                cells.map(|text| (text, value::parse(text))).filter(|(_, value)| value.is_ok()).collect();
            return if found.is_empty() { Err(RefusalReason::NotAnIndicator) } else { Ok(found) };
        }
        if columns.to_ids.is_some_and(|column| matches!(self.cells.get(column), "0" | "false" | "False")) {
            return Err(RefusalReason::NotForDetection);
        }
        let count = if columns.take == Take::Every { columns.values.len() } else { 1 };
        let filled = columns.values.iter().map(|&(column, hint)| (self.cells.get(column), hint));
        let found: Vec<_> = filled
            .filter(|(text, _)| !text.is_empty())
            .take(count)
            .flat_map(|(text, hint)| self.parts(text, hint).into_iter().map(move |value| (text, value)))
            .collect();
        match columns.values.first() {
            _ if !found.is_empty() => Ok(found),
            Some(&(column, _)) if column < self.cells.len() => Err(RefusalReason::Empty),
            _ => Err(RefusalReason::BadRow),
        }
    }

    /// What a cell stands for, mostly one value; a type beside it decides.
    fn parts(&self, text: &str, of_column: Hint) -> Vec<Result<IndicatorValue, RefusalReason>> {
        let of_row = self.columns.kind.map(|column| self.cells.get(column)).unwrap_or_default();
        match kind(of_row) {
            Kind::Refused(reason) => vec![Err(reason)],
            Kind::Composite => misp::values::of(&of_row.to_ascii_lowercase(), text),
            Kind::As(Hint::None) => vec![value::parse_as(text, of_column)],
            Kind::As(hint) => vec![value::parse_as(text, hint)],
        }
    }

    fn context(&self, origin: &Origin, place: &Place) -> Context {
        let columns = self.columns;
        let field = |column: Option<usize>| {
            column.map(|column| self.cells.get(column)).filter(|text| !text.is_empty())
        };
        let tags = field(columns.tags).map(text::tags).unwrap_or_default();
        let tlp = field(columns.tlp).and_then(Tlp::parse);
        Context {
            source: Arc::clone(&origin.source),
            line: match place {
                Place::Line(line) => Some(*line),
                _ => None,
            },
            description: text::shared(&self.description()),
            reference: field(columns.reference).and_then(text::shared),
            confidence: field(columns.confidence).and_then(text::confidence),
            first_seen: field(columns.first_seen).and_then(text::time),
            last_seen: field(columns.last_seen).and_then(text::time),
            tlp: tlp.or_else(|| {
                tags.iter()
                    .filter(|tag| tag.to_ascii_lowercase().starts_with("tlp:"))
                    .find_map(|tag| Tlp::parse(tag))
            }),
            tags,
            further: None,
        }
    }

    fn description(&self) -> String {
        let columns = self.columns;
        let mut description = String::new();
        for text in
            columns.descriptions.iter().map(|column| self.cells.get(*column)).filter(|text| !text.is_empty())
        {
            if !description.is_empty() {
                description.push_str(", ");
            }
            description.push_str(text);
        }
        if let Some(port) = columns.port.map(|column| self.cells.get(column)).filter(|port| !port.is_empty())
        {
            let _ = write!(description, "{}port {port}", if description.is_empty() { "" } else { ", " });
        }
        description
    }
}
