//! Public names: parsed once, compared as plain lower-case ASCII from then on.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A fully normalised DNS name: lower case, IDN in its `xn--` form, no trailing dot, at most 253 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(Box<str>);

/// Why a text is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostnameError {
    /// Nothing there.
    #[error("a domain is needed, such as app.example.com")]
    Empty,
    /// Longer than DNS allows.
    #[error("a domain has at most 253 characters, this one has {0}")]
    TooLong(usize),
    /// A label that DNS does not allow.
    #[error("{0:?} is not a legal part of a domain: 1 to 63 letters, digits and '-', not at its ends")]
    Label(String),
    /// International characters that do not map to DNS.
    #[error("{0:?} has characters that no domain may have")]
    Idna(String),
    /// A scheme, port or path where only a name belongs.
    #[error("{0:?} is not a domain: leave out the scheme, port and path")]
    NotAName(String),
    /// An IP address where a name belongs.
    #[error("{0:?} is an IP address; a mapping needs a domain")]
    Address(String),
    /// A `*` elsewhere than as the whole first label.
    #[error("{0:?}: a wildcard is the whole first label and stands before at least one more, as in *.example.com")]
    Wildcard(String),
}

impl Hostname {
    /// Most bytes of a name.
    pub const MAX_LEN: usize = 253;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its first label, if a label is left.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.borrowed().parent()
    }

    /// Reads the host of an HTTP `Host` header or `:authority`: a port and a trailing dot are ignored, case is
    /// folded. `None` when what is left is not a name (an address, or nonsense): no mapping can have it.
    #[must_use]
    pub fn from_authority(authority: &str) -> Option<Self> {
        name_in(authority)?.parse().ok()
    }

    /// The name, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> HostnameRef<'_> {
        HostnameRef(&self.0)
    }
}

/// As its hash and its order are those of its text.
impl Borrow<str> for Hostname {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A [`Hostname`] whose text lies elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostnameRef<'a>(&'a str);

impl<'a> HostnameRef<'a> {
    /// As [`Hostname::from_authority`], where the name is written as it is compared: nearly always. `None` says nothing
    /// else than that it must be read by that.
    #[must_use]
    pub fn from_authority(authority: &'a str) -> Option<Self> {
        name_in(authority).filter(|name| is_normal(name)).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// See [`Hostname::parent`].
    #[must_use]
    pub fn parent(self) -> Option<&'a str> {
        self.0.split_once('.').map(|(_, rest)| rest)
    }

    /// The same with a text of its own.
    #[must_use]
    pub fn to_hostname(self) -> Hostname {
        Hostname(self.0.into())
    }
}

/// An authority without its port; `None` if it has none that is a name.
fn name_in(authority: &str) -> Option<&str> {
    if authority.starts_with('[') {
        return None;
    }
    match authority.bytes().rposition(|byte| byte == b':') {
        Some(colon) => {
            let is_port = authority.as_bytes()[colon + 1..].iter().all(u8::is_ascii_digit);
            is_port.then(|| &authority[..colon])
        }
        None => Some(authority),
    }
}

fn check_label(label: &str) -> Result<(), HostnameError> {
    let legal = (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-');
    if legal { Ok(()) } else { Err(HostnameError::Label(label.to_owned())) }
}

/// Whether the text is a name as it stands, found in one pass: every request's host comes through here, and nearly all
/// are.
fn is_normal(text: &str) -> bool {
    let mut label = 0;
    let mut last = b'.';
    let mut is_number = true;
    for byte in text.bytes() {
        match byte {
            b'.' if label == 0 || last == b'-' => return false,
            b'.' => {
                label = 0;
                is_number = true;
            }
            b'-' if label == 0 => return false,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                label += 1;
                is_number &= byte.is_ascii_digit();
            }
            _ => return false,
        }
        if label > 63 {
            return false;
        }
        last = byte;
    }
    label > 0 && last != b'-' && !is_number && text.len() <= Hostname::MAX_LEN
}

impl FromStr for Hostname {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_normal(text) {
            return Ok(Self(text.into()));
        }
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(HostnameError::Empty);
        }
        if text.contains(['/', ':', '@', '?', '#']) {
            return Err(HostnameError::NotAName(text.to_owned()));
        }
        if text.contains('*') {
            return Err(HostnameError::Wildcard(text.to_owned()));
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(text).map_err(|_| HostnameError::Idna(text.to_owned()))?
        };
        if ascii.len() > Self::MAX_LEN {
            return Err(HostnameError::TooLong(ascii.len()));
        }
        ascii.split('.').try_for_each(check_label)?;
        if ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(HostnameError::Address(ascii));
        }
        Ok(Self(ascii.into_boxed_str()))
    }
}

impl TryFrom<String> for Hostname {
    type Error = HostnameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> Self {
        name.0.into_string()
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host part of an HTTP mapping: one name, or every direct child of one (`*.example.com` has `a.example.com`
/// but neither `example.com` nor `a.b.example.com`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// Exactly this name.
    Exact(Hostname),
    /// One label before this name.
    Wildcard(Hostname),
}

impl HostPattern {
    /// Whether the pattern takes this name.
    #[must_use]
    pub fn matches(&self, name: &Hostname) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Wildcard(suffix) => name.parent() == Some(suffix.as_str()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().strip_prefix("*.") {
            Some("") => Err(HostnameError::Wildcard(text.to_owned())),
            Some(suffix) => suffix.parse().map(Self::Wildcard),
            None => text.parse().map(Self::Exact),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostnameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
        }
    }
}
