//! Which rows of the request log are wanted.

use std::net::IpAddr;

use octoporty_proto::model::{AccessRow, MappingId};
use sqlx::{QueryBuilder, Sqlite};

use super::super::{StoreError, signed};
use super::RequestRow;
use super::block::Block;

/// `2xx` and its like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatusClass(u16);

impl StatusClass {
    /// `2`, `2xx`; 1 to 5.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")).unwrap_or(text);
        match digit.parse() {
            Ok(class @ 1..=5) if digit.len() == 1 => Some(Self(class)),
            _ => None,
        }
    }
}

/// Which rows; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFilter {
    /// Of this mapping.
    pub(crate) mapping: Option<MappingId>,
    /// With this method.
    pub(crate) method: Option<String>,
    /// With such a status.
    pub(crate) status: Option<StatusClass>,
    /// Path begins with this.
    pub(crate) path: Option<String>,
    /// From this address.
    pub(crate) client: Option<String>,
    /// With this failure.
    pub(crate) error: Option<String>,
    /// With exactly this request id.
    pub(crate) request_id: Option<String>,
    /// Host, path or request id contains this.
    pub(crate) search: Option<String>,
    /// At this moment or later, Unix milliseconds.
    pub(crate) since_ms: Option<u64>,
    /// Before this moment, Unix milliseconds.
    pub(crate) until_ms: Option<u64>,
    /// With a lower id.
    pub(crate) before_id: Option<i64>,
    /// With a higher id.
    pub(crate) after_id: Option<i64>,
    /// At most this many.
    pub(crate) count: u32,
}

impl RequestFilter {
    /// The blocks that may have such rows with ids below the given one.
    pub(super) fn blocks_before(&self, id: i64) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT * FROM request_blocks WHERE first_id < ");
        query.push_bind(id);
        if let Some(since) = self.since_ms {
            query.push(" AND newest_ms >= ").push_bind(signed(since));
        }
        if let Some(until) = self.until_ms {
            query.push(" AND oldest_ms < ").push_bind(signed(until));
        }
        if let Some(after) = self.after_id {
            query.push(" AND first_id + rows > ").push_bind(after.saturating_add(1));
        }
        if let Some(StatusClass(class)) = self.status {
            query.push(" AND classes & ").push_bind(1_i64 << class).push(" <> 0");
        }
        query
    }

    /// Adds the wanted rows of a block, newest first, until there are enough.
    pub(super) fn collect(&self, block: &Block, found: &mut Vec<RequestRow>) -> Result<(), StoreError> {
        let wanted = usize::try_from(self.count).unwrap_or(usize::MAX);
        let before = self.before_id.unwrap_or(i64::MAX);
        let after = self.after_id.unwrap_or(i64::MIN);
        // What is no address matches no row.
        let client = match self.client.as_deref().map(str::parse::<IpAddr>) {
            Some(Err(_)) => return Ok(()),
            Some(Ok(client)) => Some(client),
            None => None,
        };
        for (row, id) in block.rows()?.iter().rev().zip((block.first_id..block.end()).rev()) {
            if found.len() >= wanted {
                break;
            }
            if id < before && id > after && client.is_none_or(|client| row.client == client) && self.matches(row) {
                found.push(RequestRow { id, mapping_name: None, record: row.to_record() });
            }
        }
        Ok(())
    }

    fn matches(&self, row: &AccessRow<'_>) -> bool {
        let is = |wanted: Option<bool>| wanted.unwrap_or(true);
        is(self.mapping.map(|mapping| row.mapping == mapping))
            && is(self.status.map(|StatusClass(class)| row.status / 100 == class))
            && is(self.since_ms.map(|since| row.at_ms >= since))
            && is(self.until_ms.map(|until| row.at_ms < until))
            && is(self.method.as_ref().map(|method| row.method.eq_ignore_ascii_case(method)))
            && is(self.error.as_deref().map(|error| row.error == Some(error)))
            && is(self.request_id.as_deref().map(|id| row.request_id == id))
            && is(self.path.as_ref().map(|path| row.path.starts_with(path)))
            && is(self
                .search
                .as_ref()
                .map(|text| [row.host, row.path, row.request_id].iter().any(|field| field.contains(text))))
    }
}
