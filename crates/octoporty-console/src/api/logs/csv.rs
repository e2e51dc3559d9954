//! Tables as CSV (RFC 4180), sent while they are read: an export may be the whole of a log.

use std::future::Future;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::store::StoreError;

/// Rows that are read and sent at once when all are wanted: some 200 KiB.
const PORTION: u32 = 1_000;

/// How much of a log is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// Every row that matches: nobody has to page through an export.
    All,
    /// As many as the client says.
    Counted,
}

impl Extent {
    /// Of the client's `count`.
    pub(crate) fn of(count: Option<&str>) -> Self {
        if count.is_some_and(|count| !count.trim().is_empty()) { Self::Counted } else { Self::All }
    }

    /// Rows to read next, of so many on a page.
    pub(crate) const fn portion(self, page: u32) -> u32 {
        match self {
            Self::All => PORTION,
            Self::Counted => page,
        }
    }

    /// The cursor of what follows.
    pub(crate) const fn next(self, cursor: Option<i64>) -> Option<i64> {
        match self {
            Self::All => cursor,
            Self::Counted => None,
        }
    }
}

/// Rows of a table.
#[derive(Debug, Default)]
pub(crate) struct Table(String);

impl Table {
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
}

/// Sends a table portion by portion. `fetch` gives the rows before a cursor, and the cursor of those that follow. The
/// first portion is there before the answer begins, so that a database that is away is an error and not an empty file;
/// one that goes away later cuts the answer.
pub(crate) async fn stream<F, W>(name: &str, columns: &[&str], mut fetch: F) -> Result<Response, StoreError>
where
    F: FnMut(Option<i64>) -> W + Send + 'static,
    W: Future<Output = Result<(Table, Option<i64>), StoreError>> + Send + 'static,
{
    let mut begin = Table::default();
    begin.row(columns.iter().map(|column| (*column).to_owned()));
    let (first, next) = fetch(None).await?;
    begin.0.push_str(&first.0);
    let rest = stream::try_unfold((fetch, next), |(mut fetch, cursor)| async move {
        let Some(cursor) = cursor else { return Ok(None) };
        let (part, next) = fetch(Some(cursor)).await?;
        Ok(Some((part.0, (fetch, next))))
    });
    let whole = stream::once(async move { Ok::<_, StoreError>(begin.0) }).chain(rest);
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(whole)).into_response())
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
        let mut table = Table::default();
        table.row(["a".to_owned(), "b".to_owned()]);
        table.row(["plain".to_owned(), "with, \"quotes\"\nand lines".to_owned()]);
        table.row(["=1+1".to_owned(), "@SUM(A1)".to_owned()]);
        assert_eq!(table.0, "a,b\r\nplain,\"with, \"\"quotes\"\"\nand lines\"\r\n'=1+1,'@SUM(A1)\r\n");
    }
}
