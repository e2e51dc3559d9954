//! `/api/v1/mappings`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod read;
pub(crate) mod replace;
pub(crate) mod resource;
pub(crate) mod test_target;
pub(crate) mod toggle;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, HeaderValue};
use octoporty_proto::model::{Endpoint, MappingId, Revision};

use super::error::ApiError;
use super::if_match;
use super::problem::{Fields, Holder};
use crate::app::App;
use crate::store::{Occupied, Precondition, ReplaceOutcome, StoredMapping};
use live::Surroundings;

/// The id in a path.
fn parse_id(text: &str) -> Result<MappingId, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("id", format!("{text:?} is not a mapping's id: it is a UUID.")))
}

/// `If-Match`: the ETag of what the client saw. One that this console never made matches nothing.
pub(crate) fn precondition(headers: &HeaderMap) -> Precondition {
    let Some(tag) = if_match(headers) else { return Precondition::Any };
    Precondition::Revision(Revision(tag.parse().unwrap_or(u64::MAX)))
}

/// A mapping with its ETag.
fn answer(app: &App, stored: &StoredMapping) -> Response {
    let tag = HeaderValue::try_from(format!("\"{}\"", stored.revision.0)).expect("digits in quotes");
    let resource = Surroundings::of(app).resource_of(stored);
    ([(ETAG, tag)], Json(resource)).into_response()
}

/// What was changed, or why not.
fn changed(outcome: ReplaceOutcome, endpoint: Option<&Endpoint>) -> Result<StoredMapping, ApiError> {
    match outcome {
        ReplaceOutcome::Done(stored) => Ok(*stored),
        ReplaceOutcome::Missing => Err(ApiError::not_found("mapping")),
        ReplaceOutcome::Stale => Err(ApiError::stale()),
        ReplaceOutcome::Occupied(holder) => Err(occupied(&holder, endpoint)),
    }
}

/// Names the holder, and the fields that have to change.
fn occupied(holder: &Occupied, endpoint: Option<&Endpoint>) -> ApiError {
    let Some(Endpoint::Http { host, path, .. }) = endpoint else {
        return ApiError::occupied(
            holder.into(),
            Fields::new(),
            format!("The mapping {:?} has this endpoint.", holder.name),
        );
    };
    let (address, fields): (String, &[&str]) = if path.is_root() {
        (host.to_string(), &["externalDomain"])
    } else {
        (format!("{host}{path}"), &["externalDomain", "pathPrefix"])
    };
    let detail = format!(
        "{address} belongs to the mapping {:?} already; choose another domain or path, or change that mapping.",
        holder.name
    );
    let fields = fields.iter().map(|field| ((*field).to_owned(), vec![detail.clone()])).collect();
    ApiError::occupied(holder.into(), fields, detail)
}

impl From<&Occupied> for Holder {
    fn from(holder: &Occupied) -> Self {
        Self { id: holder.id.to_string(), name: holder.name.clone() }
    }
}
