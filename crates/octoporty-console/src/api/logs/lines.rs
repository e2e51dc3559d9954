//! Lines of the logs of agent and gateway, as the API shows them, and how they are asked for.

use std::collections::BTreeMap;

use octoporty_proto::model::{LogEntry, LogLevel, LogPage, LogPlace, LogQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{before_id, count};
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::clock::rfc3339;

/// Most characters of what is searched for.
const MOST_SEARCH: usize = 256;

/// Which lines. What is left out does not narrow.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct LineQuery {
    /// Only lines with a lower id: `nextBeforeId` of the page before. 0 means the newest.
    #[param(value_type = Option<u64>)]
    before_id: Option<String>,
    /// Lines of the page: 1 to 5000, default 1000.
    #[param(value_type = Option<i64>)]
    count: Option<String>,
    /// Least important level: `trace`, `debug`, `info`, `warn` or `error`.
    #[param(value_type = Option<LineLevel>)]
    level: Option<String>,
    /// Message, name or value of a field contains this, in whatever case.
    search: Option<String>,
}

impl LineQuery {
    /// The query, for an answer of so many bytes at most.
    pub(crate) fn parse(self, bytes: u32) -> Result<LogQuery, ApiError> {
        let mut mistakes = Mistakes::default();
        let before = before_id(&mut mistakes, self.before_id.as_deref()).and_then(|id| u64::try_from(id).ok());
        let level = self.level.filter(|text| !text.trim().is_empty());
        let level = level.and_then(|text| mistakes.parse::<LogLevel>("level", &text));
        let search = self.search.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if search.as_ref().is_some_and(|text| text.chars().count() > MOST_SEARCH) {
            mistakes.add("search", "a text of 256 characters at most is needed here");
        }
        let place = before.map_or(LogPlace::Newest, LogPlace::Before);
        let query = LogQuery { place, count: count(self.count.as_deref()), level, search, bytes };
        mistakes.finish(Some(query))
    }
}

/// Whose log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LogSource)]
pub(crate) enum LineSource {
    /// The agent's and its console's.
    Agent,
    /// The gateway's.
    Gateway,
}

/// How important a line is, least first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LogLevel)]
pub(crate) enum LineLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a defect.
    Debug,
    /// What happened.
    Info,
    /// What somebody should look at.
    Warn,
    /// What does not work.
    Error,
}

/// One line.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogLine)]
pub(crate) struct Line {
    /// Rises from line to line, over restarts too; the cursor of `beforeId`. Below 2^53.
    pub(crate) id: u64,
    /// RFC 3339, UTC, milliseconds.
    #[schema(format = DateTime)]
    pub(crate) timestamp: String,
    /// How important.
    pub(crate) level: LineLevel,
    /// The sentence. Plain text; it may tell of what visitors sent.
    pub(crate) message: String,
    /// Particulars by name: the line's own, those around it as `span.name`, and its origin as `target`.
    pub(crate) fields: BTreeMap<String, String>,
}

/// A page of a log, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogLinePage)]
pub(crate) struct LinePage {
    /// Always true; a failure is a problem with a status of its own.
    pub(crate) success: bool,
    /// Always null.
    #[schema(required)]
    pub(crate) error: Option<String>,
    /// Newest first.
    pub(crate) logs: Vec<Line>,
    /// Whether there may be older ones. A search that looked at many lines and found few says so as well.
    pub(crate) has_more: bool,
    /// `beforeId` of the next page; null when there is none.
    #[schema(required)]
    pub(crate) next_before_id: Option<u64>,
}

impl From<LogLevel> for LineLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace => Self::Trace,
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

impl From<LogEntry> for Line {
    fn from(entry: LogEntry) -> Self {
        let timestamp = rfc3339(entry.at_ms);
        Self { id: entry.id, timestamp, level: entry.level.into(), message: entry.message, fields: entry.fields }
    }
}

impl From<LogPage> for LinePage {
    fn from(page: LogPage) -> Self {
        let logs = page.entries.into_iter().map(Line::from).collect();
        Self { success: true, error: None, logs, has_more: page.more, next_before_id: page.next }
    }
}
