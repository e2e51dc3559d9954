//! The body of every error answer.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Messages by field, in the words of the request (`externalDomain` …).
pub(crate) type Fields = BTreeMap<String, Vec<String>>;

/// RFC 9457 problem details. `application/problem+json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// `about:blank`: the code says more than a page would.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// A sentence that says what to change.
    pub(crate) detail: String,
    /// Stable, for machines.
    pub(crate) code: String,
    /// To find the answer in the log.
    pub(crate) request_id: String,
    /// The same as `detail`.
    pub(crate) message: String,
    /// Messages by field, for `validation_failed` and `duplicate_endpoint`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: BTreeMap<String, Vec<String>>,
    /// Seconds until another try makes sense, with status 429 and 503; the same as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_seconds: Option<u64>,
    /// Who holds what was asked for, with status 409.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<Holder>,
}

/// The mapping that holds an endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holder {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}
