//! What the event stream carries.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::logs::lines::{Line, LineSource};
use crate::api::logs::shapes::{ConnectionEntry, RequestEntry};
use crate::api::mappings::resource::MappingState;
use crate::api::status::shapes::Status;

/// `mapping-status`: live states that changed.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MappingStatusEvent {
    /// Only those that changed.
    pub(crate) mappings: Vec<MappingState>,
}

/// `mappings-changed`: a mapping was created, changed or deleted, or the landing page was; fetch anew.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MappingsChangedEvent {
    /// Of the stored settings.
    pub(crate) revision: u64,
}

/// `requests`: finished requests, oldest first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestsEvent {
    /// As in the request log.
    pub(crate) items: Vec<RequestEntry>,
}

/// `log`: lines of a process's own log, oldest first, at most every 250 ms. They are told while somebody listens and are
/// not replayed, and some may be told that were seen already: whoever opens a stream, or opens it anew, reads the newest
/// page by its route as well, and merges by id.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    /// Whose log.
    pub(crate) source: LineSource,
    /// As its route has them.
    pub(crate) items: Vec<Line>,
}

/// `reset`: what happened since the given Last-Event-ID is no longer known; fetch anew.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResetEvent {
    /// A sentence.
    pub(crate) reason: String,
}

/// Data of the events, by the event's name.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(tag = "event", content = "data")]
#[schema(as = ConsoleEvent)]
pub(crate) enum EventBody {
    /// The tunnel's state: first on each stream, at each change, and every 5 seconds. It is not replayed.
    #[serde(rename = "status")]
    Status(Box<Status>),
    /// Live states of mappings that changed.
    #[serde(rename = "mapping-status")]
    MappingStatus(MappingStatusEvent),
    /// Settings changed.
    #[serde(rename = "mappings-changed")]
    MappingsChanged(MappingsChangedEvent),
    /// Finished requests.
    #[serde(rename = "requests")]
    Requests(RequestsEvent),
    /// A session began or ended.
    #[serde(rename = "connection")]
    Connection(Box<ConnectionEntry>),
    /// Lines of a log.
    #[serde(rename = "log")]
    Log(LogEvent),
    /// Events were missed.
    #[serde(rename = "reset")]
    Reset(ResetEvent),
}

impl EventBody {
    /// The event's name and its data, as they are sent.
    pub(crate) fn name_and_json(&self) -> (&'static str, String) {
        let (name, json) = match self {
            Self::Status(data) => ("status", serde_json::to_string(data)),
            Self::MappingStatus(data) => ("mapping-status", serde_json::to_string(data)),
            Self::MappingsChanged(data) => ("mappings-changed", serde_json::to_string(data)),
            Self::Requests(data) => ("requests", serde_json::to_string(data)),
            Self::Connection(data) => ("connection", serde_json::to_string(data)),
            Self::Log(data) => ("log", serde_json::to_string(data)),
            Self::Reset(data) => ("reset", serde_json::to_string(data)),
        };
        (name, json.expect("texts, numbers and lists are always JSON"))
    }
}
