//! Tables as CSV (RFC 4180).

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

/// A table that grows row by row.
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns.iter().map(|column| (*column).to_owned()));
        table
    }

    /// Appends a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.cell(&cell);
        }
        self.0.push_str("\r\n");
    }

    /// A text that visitors wrote must not become a formula when a spreadsheet opens the file.
    fn cell(&mut self, text: &str) {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let guarded = if formula { format!("'{text}") } else { text.to_owned() };
        if guarded.contains([',', '"', '\r', '\n']) {
            self.0.push('"');
            self.0.push_str(&guarded.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(&guarded);
        }
    }

    /// The file.
    pub(crate) fn answer(self, name: &str) -> Response {
        let disposition = format!("attachment; filename=\"{name}\"");
        ([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)], self.0)
            .into_response()
    }
}

/// What an absent value is written as.
pub(crate) fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_not() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["plain".to_owned(), "with, \"quotes\"\nand lines".to_owned()]);
        table.row(["=1+1".to_owned(), "@SUM(A1)".to_owned()]);
        assert_eq!(table.0, "a,b\r\nplain,\"with, \"\"quotes\"\"\nand lines\"\r\n'=1+1,'@SUM(A1)\r\n");
    }
}
