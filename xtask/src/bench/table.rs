//! What a benchmark says: tables for a person, the same as JSON for a script. Other commands print their
//! tables with it too.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The tables of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
    /// What one has to know to read the figures.
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// Whether every bar was kept.
    pub(crate) fn passed(&self) -> bool {
        let mut cells = self
            .tables
            .iter()
            .flat_map(|table| table.rows.iter().flatten());
        !cells.any(|cell| matches!(cell, Cell::Kept(false)))
    }
}

/// Rows of cells, one for each column.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(
        title: impl Into<String>,
        columns: [&'static str; N],
    ) -> Self {
        Self {
            title: title.into(),
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }
}

/// One figure, or what it is about.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Count(i64),
    Milliseconds(f64),
    Ratio(f64),
    /// Of a hundred.
    Percent(f64),
    Mebibytes(f64),
    /// Whether a bar was kept.
    Kept(bool),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => count.fmt(f),
            Self::Milliseconds(ms) => write!(f, "{ms:.3} ms"),
            Self::Ratio(ratio) => write!(f, "{ratio:.2}x"),
            Self::Percent(share) => write!(f, "{share:.1}%"),
            Self::Mebibytes(size) => write!(f, "{size:.1} MiB"),
            Self::Kept(true) => f.write_str("pass"),
            Self::Kept(false) => f.write_str("FAIL"),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(count) => serializer.serialize_i64(*count),
            Self::Milliseconds(n) | Self::Ratio(n) | Self::Percent(n) | Self::Mebibytes(n) => {
                serializer.serialize_f64((n * 1e3).round() / 1e3)
            }
            Self::Kept(kept) => serializer.serialize_bool(*kept),
        }
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<Row<'_>> = self
            .rows
            .iter()
            .map(|row| Row(&self.columns, row))
            .collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("title", &self.title)?;
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

/// A row as an object.
struct Row<'a>(&'a [&'static str], &'a [Cell]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self
            .columns
            .iter()
            .map(|column| (*column).to_owned())
            .collect();
        let body = self
            .rows
            .iter()
            .map(|row| row.iter().map(ToString::to_string).collect());
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        writeln!(f, "{}", self.title)?;
        for (number, line) in lines.iter().enumerate() {
            for (column, cell) in line.iter().enumerate() {
                let width = width(column);
                // Figures stand under each other, right-aligned; so do their headings.
                let figure = self.rows.iter().any(|row| {
                    !matches!(row.get(column), Some(Cell::Text(_) | Cell::Kept(_)) | None)
                });
                if figure {
                    write!(f, "  {cell:>width$}")?;
                } else {
                    write!(f, "  {cell:<width$}")?;
                }
            }
            writeln!(f)?;
            if number == 0 {
                let rule: usize = (0..line.len()).map(|column| width(column) + 2).sum();
                writeln!(f, "  {}", "-".repeat(rule.saturating_sub(2)))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Report, Table};

    #[test]
    fn a_report_is_tables_and_json_and_fails_with_one_bar() {
        let mut table = Table::new("t", ["what", "p50", "kept"]);
        table.row(["a".into(), Cell::Milliseconds(1.23456), Cell::Kept(true)]);
        let mut report = Report {
            tables: vec![table],
            notes: Vec::new(),
        };
        assert!(report.passed());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["tables"][0]["rows"][0]["p50"], 1.235);
        assert!(report.to_string().contains("1.235 ms  pass"));
        report.tables[0].row(["b".into(), Cell::Empty, Cell::Kept(false)]);
        assert!(!report.passed());
    }
}
