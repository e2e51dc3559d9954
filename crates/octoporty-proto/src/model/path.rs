//! Path prefixes that match at segment boundaries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A path prefix: begins with `/`, does not end with one (except the root itself), has no query, no empty or dot
/// segment. `/api` takes `/api` and `/api/x`, not `/apis`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(Box<str>);

/// Why a text is not a [`PathPrefix`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathPrefixError {
    /// No leading slash.
    #[error("a path prefix begins with '/', as in /api")]
    NoSlash,
    /// Too long to be one.
    #[error("a path prefix has at most 1024 characters, this one has {0}")]
    TooLong(usize),
    /// A character that a path cannot have as it is.
    #[error("a path prefix cannot have {0:?}; percent-encode it if the site's own paths do")]
    Character(char),
    /// `//`, `/./` or `/../`.
    #[error("a path prefix has no empty, '.' or '..' segment")]
    Segment,
}

impl PathPrefix {
    /// Most bytes of a prefix.
    pub const MAX_LEN: usize = 1024;

    /// The prefix that takes every path.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Whether this is the prefix that takes every path.
    #[must_use]
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the prefix takes this path, at a segment boundary.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.is_root()
            || path.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}

impl FromStr for PathPrefix {
    type Err = PathPrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text == "/" {
            return Ok(Self::root());
        }
        if !text.starts_with('/') {
            return Err(PathPrefixError::NoSlash);
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.len() > Self::MAX_LEN {
            return Err(PathPrefixError::TooLong(text.len()));
        }
        if let Some(bad) =
            text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '\\' | '"' | '<' | '>'))
        {
            return Err(PathPrefixError::Character(bad));
        }
        if text[1..].split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(PathPrefixError::Segment);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for PathPrefix {
    type Error = PathPrefixError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathPrefix> for String {
    fn from(prefix: PathPrefix) -> Self {
        prefix.0.into_string()
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
