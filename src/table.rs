//! Tables for people, who read them on a terminal: columns as wide as what is in them.

use weir_model::text::printable;

/// Longest text in a cell, in bytes. What sources say may be kilobytes, and control characters in it could take a terminal over: they are
/// escaped.
const MAX_CELL_BYTES: usize = 100;

/// A table that is filled row by row.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    title: &'static str,
    /// Numbers stand to the right.
    is_number: bool,
}

impl Table {
    /// Titles; one with `#` before it is of a column of numbers.
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| Column {
            title: title.trim_start_matches('#'),
            is_number: title.starts_with('#'),
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| printable(cell.as_ref(), MAX_CELL_BYTES)).collect());
    }

    /// Whether no row was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, a line for the titles and one for each row.
    pub(crate) fn render(&self) -> String {
        let titles: Vec<_> = self.columns.iter().map(|column| column.title.to_owned()).collect();
        let lines = || std::iter::once(&titles).chain(&self.rows);
        let width = |index| {
            let cells = lines().filter_map(|row: &Vec<String>| row.get(index));
            cells.map(|cell: &String| cell.chars().count()).max()
        };
        let widths: Vec<_> = (0..self.columns.len()).map(|index| width(index).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in lines() {
            let cells = row.iter().zip(&widths).zip(&self.columns);
            let cells: Vec<_> = cells.map(|((cell, width), column)| column.fill(cell, *width)).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

impl Column {
    fn fill(&self, cell: &str, width: usize) -> String {
        if self.is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_terminals_are_safe() {
        let mut table = Table::new(&["source", "#entries", "said"]);
        assert!(table.is_empty());
        table.row(["misp", "1,234,567", ""]);
        table.row(["a longer name", "0", "\u{1b}[2J"]);
        let text = table.render();
        assert_eq!(text.lines().next().unwrap(), "source           entries  said");
        assert_eq!(text.lines().nth(1).unwrap(), "misp           1,234,567");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
