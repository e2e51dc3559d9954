//! Mappings, and the whole of what an agent wants its gateway to serve.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{HostPattern, Hostname, MappingId, PathPrefix, Target, TlsVerification};

/// What a person calls a mapping: 1 to 100 characters, no control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MappingName(String);

/// Why a text is not a [`MappingName`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MappingNameError {
    /// Empty or too long.
    #[error("a name has 1 to 100 characters, this one has {0}")]
    Length(usize),
    /// A line break or another control character.
    #[error("a name cannot have control characters")]
    Control,
}

impl MappingName {
    /// Most characters of a name.
    pub const MAX_LEN: usize = 100;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MappingName {
    type Err = MappingNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > Self::MAX_LEN {
            return Err(MappingNameError::Length(length));
        }
        if text.chars().any(char::is_control) {
            return Err(MappingNameError::Control);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for MappingName {
    type Error = MappingNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MappingName> for String {
    fn from(name: MappingName) -> Self {
        name.0
    }
}

impl fmt::Display for MappingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of a matched path prefix on the way to the target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixHandling {
    /// The target sees the whole path.
    #[default]
    Keep,
    /// The target sees what follows the prefix, at least `/`.
    Strip,
}

/// The public side of a mapping.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Endpoint {
    /// HTTP requests to a host, under a path prefix.
    Http {
        /// Which names.
        host: HostPattern,
        /// Which paths.
        path: PathPrefix,
        /// Whether the prefix reaches the target.
        prefix: PrefixHandling,
    },
}

/// What the target sees as `Host`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostHeader {
    /// What the visitor sent.
    #[default]
    Keep,
    /// The target's own `host:port`.
    Target,
    /// A fixed name.
    Custom(Hostname),
}

/// Whether stream data is compressed on the link.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Compressed when the first block shows that it helps.
    #[default]
    Auto,
    /// Always tried.
    On,
    /// Never.
    Off,
}

/// A public endpoint and the target that it leads to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mapping {
    /// Stable for the mapping's life.
    pub id: MappingId,
    /// What a person calls it.
    pub name: MappingName,
    /// The public side.
    pub endpoint: Endpoint,
    /// The private side. The gateway is told (it shows it to nobody but the owner), the agent's own copy decides.
    pub target: Target,
    /// For `https` targets.
    #[serde(default)]
    pub verification: TlsVerification,
    /// What the target sees as `Host`.
    #[serde(default)]
    pub host_header: HostHeader,
    /// Whether its streams are compressed on the link.
    #[serde(default)]
    pub compression: Compression,
}

/// Counts the changes of a desired state; a higher one replaces a lower one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// The product's own landing page: what a gateway shows until somebody makes another.
pub const DEFAULT_LANDING_HTML: &str = include_str!("../../assets/landing.html");

/// Custom HTML for the gateway's own name and for names without a mapping; at most 1 MB.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LandingPage(String);

/// Why a text is not a [`LandingPage`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LandingPageError {
    /// Nothing but white space.
    #[error("the landing page is empty; reset it to get the default page")]
    Empty,
    /// Over the limit.
    #[error("the landing page may have 1048576 bytes, this one has {0}")]
    TooLarge(usize),
}

impl LandingPage {
    /// Most bytes of HTML.
    pub const MAX_BYTES: usize = 1_048_576;

    /// Checks the size.
    ///
    /// # Errors
    /// Empty or over [`Self::MAX_BYTES`].
    pub fn new(html: String) -> Result<Self, LandingPageError> {
        if html.trim().is_empty() {
            return Err(LandingPageError::Empty);
        }
        if html.len() > Self::MAX_BYTES {
            return Err(LandingPageError::TooLarge(html.len()));
        }
        Ok(Self(html))
    }

    /// The HTML.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LandingPage {
    type Error = LandingPageError;
    fn try_from(html: String) -> Result<Self, Self::Error> {
        Self::new(html)
    }
}

impl From<LandingPage> for String {
    fn from(page: LandingPage) -> Self {
        page.0
    }
}

/// All that an agent wants its gateway to serve: the unit of sync, of the agent's cache and of an atomic swap.
/// Only enabled mappings are in it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DesiredState {
    /// Rises with every change.
    pub revision: Revision,
    /// Enabled mappings.
    pub mappings: Vec<Mapping>,
    /// `None`: the gateway's own default page.
    #[serde(default)]
    pub landing_page: Option<LandingPage>,
}
