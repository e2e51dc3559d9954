//! The domain: names, addresses and states that both sides and the console share.
//!
//! A value of these types is legal by construction: text is parsed at the edge (configuration, API, control
//! messages) and the error says what to change. Serialised forms are strings where a person would write a string.

mod access;
mod ask;
mod failure;
mod hostname;
mod id;
mod log;
mod mapping;
mod path;
mod probe;
mod release;
mod status;
mod target;
#[cfg(test)]
mod tests;

pub use access::{
    AccessRecord, AccessRow, AccessRows, EndReason, RowError, RowFigures, RowsWriter, SessionRecord, VISITOR_LEFT,
};
pub use ask::{
    Answer, AskError, CaddyAnswer, CaddyDestination, CaddyRoute, Declined, DeclinedCode, Insistence, Question,
    UpdateAnswer, UpdateRequest, UpdateState,
};
pub use failure::{Failure, FailureCode, Hop};
pub use hostname::{HostPattern, Hostname, HostnameError, HostnameRef};
pub use id::{AgentName, AgentNameError, Epoch, InstanceId, MappingId, SessionId, TunnelId};
pub use log::{LogEntry, LogLevel, LogLevelError, LogPage, LogPlace, LogQuery, LogSource, NoLog};
pub use mapping::{
    Compression, DEFAULT_LANDING_HTML, DesiredState, Endpoint, HostHeader, LandingPage, LandingPageError, Mapping,
    MappingName, MappingNameError, PrefixHandling, Revision,
};
pub use path::{PathPrefix, PathPrefixError};
pub use probe::{Probe, ProbeAnswer, ProbeFailure, ProbeMethod, ProbeReport, ProbeTiming, ProbeVia, ProbeWay};
pub use release::{Release, ReleaseError};
pub use status::{
    AgentStatus, ConnectionState, LinkStatus, MappingVerdict, Refusal, RefusalCode, SyncReport, TargetCheck,
    TargetHealth, TrafficTotals,
};
pub use target::{Scheme, Target, TargetError, TargetHost, TlsVerification};
