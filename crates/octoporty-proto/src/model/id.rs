//! Identifiers. Each is its own type, so that none can stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was made elsewhere (ids are random; this crate has no randomness).
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A mapping. Chosen by the console that owns it and stable for its life.
    MappingId
);
uuid_id!(
    /// One session of one agent process. Chosen by the gateway.
    SessionId
);
uuid_id!(
    /// One run of an agent process: a restart has a new one. Chosen by the agent.
    InstanceId
);

/// The identity an agent connects under. Agents that use the gateway's API key share [`TunnelId::SHARED`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TunnelId(String);

impl TunnelId {
    /// The tunnel of every agent that authenticates with the gateway's API key.
    pub const SHARED: &'static str = "shared";

    /// The tunnel of every agent that authenticates with the gateway's API key.
    #[must_use]
    pub fn shared() -> Self {
        Self(Self::SHARED.to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TunnelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Orders the sessions of one (tunnel, agent name): a later session has a higher epoch, and only the epoch that
/// made a registry entry may remove it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Who an agent is within its tunnel; by default the host's name. 1 to 64 characters of letters, digits, `.`, `_`
/// and `-`; compared as written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

/// Why a text is not an [`AgentName`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AgentNameError {
    /// Empty or too long.
    #[error("an agent name has 1 to 64 characters, this one has {0}")]
    Length(usize),
    /// A character that is not allowed.
    #[error("an agent name has only letters, digits, '.', '_' and '-'; {0:?} is none of them")]
    Character(char),
}

impl AgentName {
    /// Most characters of a name.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentName {
    type Err = AgentNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if length == 0 || length > Self::MAX_LEN {
            return Err(AgentNameError::Length(length));
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            Some(bad) => Err(AgentNameError::Character(bad)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for AgentName {
    type Error = AgentNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AgentName> for String {
    fn from(name: AgentName) -> Self {
        name.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
