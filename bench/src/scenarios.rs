//! What is measured. One module a scenario; each says which systems take part and what its figures mean for the goals.

mod beside;
mod bodies;
mod bulk;
mod delay;
mod isolation;
mod log;
mod mappings;
mod memory;
mod routing;
mod small;
mod start;

use anyhow::Result;

use crate::lab::Lab;
use crate::report::Outcome;
use crate::systems::Name;

/// Every scenario, in the order of a run: memory first, as nothing has been used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Memory, idle and for each idle connection and agent.
    Memory,
    /// Small requests on one connection.
    OneConnection,
    /// Small requests on 64 connections.
    Small64,
    /// Small requests on 512 connections.
    Small512,
    /// A new connection for each small request.
    Fresh,
    /// Larger bodies on 64 connections.
    Bodies,
    /// One download.
    Bulk1,
    /// Eight downloads.
    Bulk8,
    /// One and eight uploads.
    Upload,
    /// Small requests beside eight downloads.
    Beside,
    /// 50 ms each way.
    Delay,
    /// Start of an agent, restart of a gateway.
    Start,
    /// Routing look-up, from the micro benches.
    Routing,
    /// A thousand mappings.
    Mappings,
    /// Two hundred slow streams beside a fast one.
    Isolation,
    /// A million rows in the request log.
    Log,
}

/// Systems of the quick matrix for a single visitor's small requests, and for memory.
const QUICK: [Name; 6] = [Name::Direct, Name::Nginx2, Name::HaproxyTcp2, Name::Octoporty, Name::Rathole, Name::Bore];
/// Where visitors are many or bodies larger; one peer less, to stay within ten minutes.
const QUICK_CROWD: [Name; 5] = [Name::Direct, Name::Nginx2, Name::HaproxyTcp2, Name::Octoporty, Name::Rathole];
/// Where much is carried: the link with TLS takes part.
const QUICK_BULK: [Name; 5] = [Name::Direct, Name::Nginx2, Name::HaproxyTcp2, Name::Octoporty, Name::OctoportyTls];

impl Scenario {
    /// All of them.
    pub(crate) const ALL: [Self; 16] = [
        Self::Memory,
        Self::OneConnection,
        Self::Small64,
        Self::Small512,
        Self::Fresh,
        Self::Bodies,
        Self::Bulk1,
        Self::Bulk8,
        Self::Upload,
        Self::Beside,
        Self::Delay,
        Self::Start,
        Self::Routing,
        Self::Mappings,
        Self::Isolation,
        Self::Log,
    ];

    /// As on the command line.
    #[must_use]
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::OneConnection => "small-1",
            Self::Small64 => "small-64",
            Self::Small512 => "small-512",
            Self::Fresh => "new-connections",
            Self::Bodies => "bodies",
            Self::Bulk1 => "download-1",
            Self::Bulk8 => "download-8",
            Self::Upload => "upload",
            Self::Beside => "beside",
            Self::Delay => "delay",
            Self::Start => "start",
            Self::Routing => "routing",
            Self::Mappings => "mappings",
            Self::Isolation => "isolation",
            Self::Log => "log",
        }
    }

    /// Goals that it tells about.
    #[must_use]
    pub(crate) fn goals(self) -> &'static [&'static str] {
        match self {
            Self::Memory => &["S9"],
            Self::OneConnection => &["S3", "S14"],
            Self::Small64 => &["S1", "S8"],
            Self::Small512 => &["S2"],
            Self::Fresh => &["S4"],
            Self::Bodies => &["S7"],
            Self::Bulk1 => &["S5"],
            Self::Bulk8 => &["S6"],
            Self::Upload => &["S15"],
            Self::Beside => &["S11"],
            Self::Delay => &["S10"],
            Self::Start => &["S12"],
            Self::Routing => &["S13"],
            Self::Mappings | Self::Isolation | Self::Log => &[],
        }
    }

    /// Whether this word of the command line means it: its key or one of its goals.
    #[must_use]
    pub(crate) fn answers_to(self, word: &str) -> bool {
        self.key().eq_ignore_ascii_case(word) || self.goals().iter().any(|goal| goal.eq_ignore_ascii_case(word))
    }

    /// Systems that take part.
    #[must_use]
    pub(crate) fn systems(self, full: bool) -> Vec<Name> {
        match self {
            Self::Delay | Self::Start | Self::Routing | Self::Mappings | Self::Isolation | Self::Log => Vec::new(),
            _ if full => Name::ALL.to_vec(),
            Self::Bulk1 | Self::Bulk8 | Self::Upload => QUICK_BULK.to_vec(),
            Self::Small64 | Self::Small512 | Self::Fresh | Self::Bodies | Self::Beside => QUICK_CROWD.to_vec(),
            _ => QUICK.to_vec(),
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// If the product or the main control fails in it.
    pub(crate) async fn run(self, lab: &Lab) -> Result<Outcome> {
        match self {
            Self::Memory => memory::measure(lab).await,
            Self::OneConnection => small::one(lab).await,
            Self::Small64 => small::many(lab).await,
            Self::Small512 => small::crowd(lab).await,
            Self::Fresh => small::fresh(lab).await,
            Self::Bodies => bodies::measure(lab).await,
            Self::Bulk1 => bulk::one(lab).await,
            Self::Bulk8 => bulk::eight(lab).await,
            Self::Upload => bulk::upload(lab).await,
            Self::Beside => beside::measure(lab).await,
            Self::Delay => delay::measure(lab).await,
            Self::Start => start::measure(lab).await,
            Self::Routing => routing::read(),
            Self::Mappings => mappings::measure(lab).await,
            Self::Isolation => isolation::measure().await,
            Self::Log => log::measure(lab).await,
        }
    }
}
