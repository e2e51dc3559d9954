//! Which version and features two peers speak: the agent offers, the gateway chooses, the agent checks the choice.

use thiserror::Error;

use super::{
    DEFAULT_BYTES_IN_FLIGHT, DEFAULT_MAX_STREAMS, Hello, OLDEST_VERSION, Refused, RefusedCode, VERSION, Welcome,
    feature,
};

/// What two peers have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// The newest version that both speak.
    pub version: u16,
    /// Features that both have, in the agent's order.
    pub features: Vec<String>,
}

/// Why a Welcome is not an answer to this agent's Hello.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WelcomeError {
    /// A version that was not offered.
    #[error("the gateway chose protocol version {0}, which this agent did not offer; update the gateway")]
    Version(u16),
    /// A feature that was not offered.
    #[error("the gateway chose the feature {0:?}, which this agent did not offer; update the gateway")]
    Feature(String),
}

/// The gateway's choice.
///
/// # Errors
/// No version in common; the text says which side to update.
pub fn negotiate(hello: &Hello) -> Result<Common, Refused> {
    let common = hello.versions.iter().copied().filter(|version| (OLDEST_VERSION..=VERSION).contains(version)).max();
    let Some(version) = common else { return Err(no_common_version(hello)) };
    let features = hello.features.iter().filter(|offered| feature::ALL.contains(&offered.as_str())).cloned().collect();
    Ok(Common { version, features })
}

fn no_common_version(hello: &Hello) -> Refused {
    let newest = hello.versions.iter().copied().max();
    let older = if newest.is_some_and(|newest| newest > VERSION) { "gateway" } else { "agent" };
    let offered = match hello.versions.as_slice() {
        [] => "none".to_owned(),
        versions => {
            let mut versions = versions.to_vec();
            versions.sort_unstable();
            versions.dedup();
            versions.iter().take(8).map(u16::to_string).collect::<Vec<_>>().join(", ")
        }
    };
    let spoken = if OLDEST_VERSION == VERSION { VERSION.to_string() } else { format!("{OLDEST_VERSION} to {VERSION}") };
    Refused {
        code: RefusedCode::Version,
        text: format!(
            "the agent (release {}) speaks protocol version {offered}, the gateway speaks {spoken}: update the {older}",
            hello.agent_version
        ),
        retry_after_s: None,
    }
}

impl Hello {
    /// What this release offers.
    #[must_use]
    pub fn offered_versions() -> Vec<u16> {
        (OLDEST_VERSION..=VERSION).rev().collect()
    }

    /// What the agent is ready to hold for the link, bytes. The smaller of this and [`Welcome::in_flight`] is the
    /// link's cap, for both directions ([`crate::mux::Mux::limit_in_flight`]).
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.bytes_in_flight.unwrap_or(DEFAULT_BYTES_IN_FLIGHT)
    }

    /// Most streams that the agent takes on the link.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.max_streams.unwrap_or(DEFAULT_MAX_STREAMS)
    }

    /// Checks that a gateway chose only what was offered.
    ///
    /// # Errors
    /// See [`WelcomeError`]; the link must be closed.
    pub fn accepts(&self, welcome: &Welcome) -> Result<(), WelcomeError> {
        if !self.versions.contains(&welcome.version) {
            return Err(WelcomeError::Version(welcome.version));
        }
        match welcome.features.iter().find(|chosen| !self.features.contains(chosen)) {
            Some(foreign) => Err(WelcomeError::Feature(foreign.clone())),
            None => Ok(()),
        }
    }
}

impl Welcome {
    /// What the gateway is ready to hold for the link, bytes; see [`Hello::in_flight`].
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.bytes_in_flight.unwrap_or(DEFAULT_BYTES_IN_FLIGHT)
    }
}
