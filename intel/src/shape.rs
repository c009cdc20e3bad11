//! Of which shape a file is: a plain list, or a table with which delimiter and which columns.

use crate::columns::{Columns, normalised};
use crate::plain::is_comment;
use crate::source::Layout;
use crate::table::{Cells, Fields, Table};
use crate::value;
use std::borrow::Cow;

/// How many lines are looked at.
const SAMPLE_LINES: usize = 32;
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The shape of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One value a line.
    Plain {
        /// The first line that is no comment names the only column.
        has_header: bool,
    },
    /// Rows of fields.
    Table(Box<Table>),
}

/// The table that a layout describes; `None` when a column that it names is not there.
pub(crate) fn laid_out(lines: &[Cow<'_, str>], layout: &Layout) -> Option<Table> {
    let is_data = |line: &&Cow<'_, str>| !line.trim().is_empty() && !line.starts_with('#');
    let first = lines.iter().find(is_data).map(|line| &**line).unwrap_or_default();
    let above = lines.iter().take_while(|line| !is_data(line)).filter(|line| !line.trim().is_empty()).last();
    let above = above.map(|line| line.trim_start_matches(['#', ' '])).unwrap_or_default();
    let fields_of = |line: &str, delimiter| {
        let mut fields = Fields::new(delimiter);
        fields.split(line);
        fields
    };
    let most_fields =
        || DELIMITERS.into_iter().rev().max_by_key(|delimiter| fields_of(first, *delimiter).len());
    let delimiter = layout.delimiter.or_else(most_fields).unwrap_or(b',');
    let columns = |header: Option<&str>| {
        let titles = header.map(|header| fields_of(header, delimiter));
        Columns::laid_out(layout, |field| match field.parse::<usize>() {
            Ok(number) => number.checked_sub(1),
            Err(_) => titles
                .as_ref()
                .and_then(|titles| titles.iter().position(|title| normalised(title) == normalised(field))),
        })
    };
    if let Some(columns) = columns(None) {
        let row = fields_of(first, delimiter);
        let holds_value = columns.values.iter().any(|(at, _)| value::parse(row.get(*at)).is_ok());
        let has_header =
            !columns.values.is_empty() && !holds_value && Columns::from_header(row.iter()).is_some();
        return Some(Table { delimiter, columns, has_header });
    }
    let in_first = columns(Some(first)).map(|columns| Table { delimiter, columns, has_header: true });
    in_first.or_else(|| columns(Some(above)).map(|columns| Table { delimiter, columns, has_header: false }))
}

/// Tells the shape from the first lines and the extension (lower case).
pub(crate) fn detect(lines: &[Cow<'_, str>], extension: Option<&str>) -> Shape {
    let is_data = |line: &&Cow<'_, str>| !line.trim().is_empty() && !is_comment(line.trim_start());
    let data: Vec<&str> = lines.iter().filter(is_data).take(SAMPLE_LINES).map(|line| &**line).collect();
    let Some(&first) = data.first() else {
        return Shape::Plain { has_header: false };
    };
    let named_table = matches!(extension, Some("csv" | "tsv"));
    if is_header_word(first) {
        return Shape::Plain { has_header: true };
    }
    if let Some(table) = headed(first, true) {
        return Shape::Table(Box::new(table));
    }
    let above = lines.iter().take_while(|line| !is_data(line)).filter(|line| !line.trim().is_empty()).last();
    if let Some(table) = above.and_then(|line| headed(line.trim_start_matches(['#', ';', ' ']), false)) {
        let elsewhere = table.columns.values.first().is_some_and(|(at, _)| *at > 0);
        if named_table || elsewhere || first.starts_with('"') {
            return Shape::Table(Box::new(table));
        }
    }
    match bare(&data) {
        Some((at, table)) if at > 0 || named_table || first.starts_with('"') => Shape::Table(Box::new(table)),
        _ => Shape::Plain { has_header: false },
    }
}

/// A single word that names a column of values: `url`, `"indicator"`.
fn is_header_word(line: &str) -> bool {
    let word = line.trim().trim_matches('"');
    !word.contains(|c: char| DELIMITERS.iter().any(|delimiter| c == char::from(*delimiter)))
        && Columns::from_header([word]).is_some()
}

/// The table of which this line is the header, with the delimiter that makes most sense of it.
fn headed(line: &str, has_header: bool) -> Option<Table> {
    let mut best: Option<Table> = None;
    for delimiter in DELIMITERS {
        let mut fields = Fields::new(delimiter);
        if !fields.split(line) || fields.len() < 2 || fields.iter().any(|field| value::parse(field).is_ok()) {
            continue;
        }
        let Some(columns) = Columns::from_header(fields.iter()) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| columns.known() > best.columns.known()) {
            best = Some(Table { delimiter, columns, has_header });
        }
    }
    best
}

/// A table without header: the delimiter that gives every line as many fields, and the column that most often holds a value.
fn bare(data: &[&str]) -> Option<(usize, Table)> {
    DELIMITERS.into_iter().find_map(|delimiter| {
        let (column, count) = column_of_values(data, delimiter)?;
        Some((column, Table { delimiter, columns: Columns::bare(column, count), has_header: false }))
    })
}

fn column_of_values(data: &[&str], delimiter: u8) -> Option<(usize, usize)> {
    let mut fields = Fields::new(delimiter);
    let mut votes: Vec<usize> = Vec::new();
    for line in data {
        if !fields.split(line) {
            continue;
        }
        // A URL may hold the delimiter: a line that is a value as a whole is no row.
        if fields.len() < 2 || value::parse(line).is_ok() {
            return None;
        }
        votes.resize(votes.len().max(fields.len()), 0);
        for (vote, field) in votes.iter_mut().zip(fields.iter()) {
            *vote += usize::from(value::parse(field).is_ok());
        }
    }
    let most = votes.iter().copied().max().filter(|most| *most > 0)?;
    votes.iter().position(|votes| *votes == most).map(|column| (column, votes.len()))
}
