//! Lines of a process's own log, and where they are read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes that an entry takes beside its texts, by estimate: what it costs to hold and to write.
const ENTRY_OVERHEAD: usize = 96;
/// The same for a field.
const FIELD_OVERHEAD: usize = 16;

/// How important a line is, least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
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

impl LogLevel {
    /// All of them, least important first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is not a level.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0:?} is not a level; one of trace, debug, info, warn and error is needed here")]
pub struct LogLevelError(String);

impl FromStr for LogLevel {
    type Err = LogLevelError;

    /// In any case, and in the words of settings: `information` and `warning` as well.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "trace" | "verbose" => Ok(Self::Trace),
            "debug" => Ok(Self::Debug),
            "info" | "information" => Ok(Self::Info),
            "warn" | "warning" => Ok(Self::Warn),
            "error" | "fatal" | "critical" => Ok(Self::Error),
            _ => Err(LogLevelError(text.to_owned())),
        }
    }
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogEntry {
    /// Rises from line to line, over restarts of the process too. Where the clock goes on, it is the line's time in
    /// microseconds; it is below 2^53, so that a browser can hold it.
    pub id: u64,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// How important.
    pub level: LogLevel,
    /// The sentence.
    pub message: String,
    /// Fields of the line by name, those of the spans around it as `span.field`, and its origin as `target`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl LogEntry {
    /// Bytes that it takes, by estimate.
    #[must_use]
    pub fn weight(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len() + FIELD_OVERHEAD);
        ENTRY_OVERHEAD + self.message.len() + fields.sum::<usize>()
    }
}

/// Which lines are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogQuery {
    /// Where to begin.
    pub place: LogPlace,
    /// Most lines.
    pub count: u32,
    /// Least important level.
    #[serde(default)]
    pub level: Option<LogLevel>,
    /// Message, a field's name or its value contains this, in whatever case.
    #[serde(default)]
    pub search: Option<String>,
    /// Most bytes of lines ([`LogEntry::weight`]); the first line is given whatever it weighs.
    pub bytes: u32,
}

/// Where a page of lines begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPlace {
    /// At the newest line, downwards.
    Newest,
    /// Below this id, downwards.
    Before(u64),
    /// Above this id, upwards; only what is still in memory.
    After(u64),
}

impl LogQuery {
    /// Whether a line is wanted, its place aside.
    #[must_use]
    pub fn wants(&self, entry: &LogEntry) -> bool {
        if self.level.is_some_and(|least| entry.level < least) {
            return false;
        }
        let Some(search) = self.search.as_deref().filter(|search| !search.is_empty()) else { return true };
        let search = search.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&search);
        has(&entry.message) || entry.fields.iter().any(|(name, value)| has(name) || has(value))
    }
}

/// A page of lines.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LogPage {
    /// In the order that was asked for: newest first downwards, oldest first upwards.
    pub entries: Vec<LogEntry>,
    /// Whether there may be more in that direction.
    pub more: bool,
    /// Up to where was looked: the place of the next page. Beyond the last entry where a search looked at many lines
    /// and found few.
    #[serde(default)]
    pub next: Option<u64>,
}

/// The log of a process, or of one role in it.
pub trait LogSource: fmt::Debug + Send + Sync + 'static {
    /// A page. May read files: call it where blocking is fine, unless [`LogPlace::After`] is asked for.
    fn page(&self, query: &LogQuery) -> LogPage;

    /// Id of the newest line; 0 when there is none.
    fn newest(&self) -> u64;
}

/// The log of a process that keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl LogSource for NoLog {
    fn page(&self, _: &LogQuery) -> LogPage {
        LogPage::default()
    }

    fn newest(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> LogEntry {
        LogEntry {
            id: 7,
            at_ms: 1,
            level: LogLevel::Warn,
            message: "Wrong Key".to_owned(),
            fields: BTreeMap::from([("source".to_owned(), "192.0.2.1".to_owned())]),
        }
    }

    fn query(level: Option<LogLevel>, search: &str) -> LogQuery {
        LogQuery { place: LogPlace::Newest, count: 1, level, search: Some(search.to_owned()), bytes: 1 }
    }

    #[test]
    fn levels_are_ordered_and_read_in_any_case() {
        assert!(LogLevel::ALL.is_sorted());
        for level in LogLevel::ALL {
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        assert_eq!("Warning".parse(), Ok(LogLevel::Warn));
        let error = "loud".parse::<LogLevel>().unwrap_err().to_string();
        assert!(LogLevel::ALL.iter().all(|level| error.contains(level.as_str())), "{error}");
    }

    #[test]
    fn a_search_looks_at_message_names_and_values_in_any_case() {
        for search in ["wrong key", "WRONG", "Source", "0.2.1", ""] {
            assert!(query(None, search).wants(&entry()), "{search}");
        }
        assert!(!query(None, "right key").wants(&entry()));
    }

    #[test]
    fn a_level_is_the_least_that_is_wanted() {
        assert!(query(Some(LogLevel::Info), "").wants(&entry()));
        assert!(query(Some(LogLevel::Warn), "").wants(&entry()));
        assert!(!query(Some(LogLevel::Error), "").wants(&entry()));
    }

    #[test]
    fn the_weight_covers_all_texts() {
        assert!(entry().weight() > "Wrong Keysource192.0.2.1".len());
    }
}
