//! Takes a JSON body, or says in words what is wrong with it.

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;

use super::error::ApiError;
use crate::listen::pace::Pace;

/// A body of this type. An empty body is taken as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let bytes = json_bytes(request).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let value: serde_json::Value = serde_json::from_slice(text)
            .map_err(|error| ApiError::malformed(format!("The body is not JSON: {error}.")).at_field("body"))?;
        if !value.is_object() {
            return Err(ApiError::malformed("The body has to be a JSON object.").at_field("body"));
        }
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| ApiError::malformed(format!("The body is not as it should be: {error}.")).at_field("body"))
    }
}

/// The bytes of a body that is said to be JSON.
pub(crate) async fn json_bytes(request: Request) -> Result<Vec<u8>, ApiError> {
    check_type(request.headers())?;
    whole(request.into_limited_body()).await
}

/// Everything of a body that keeps to the pace.
async fn whole(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let mut whole = Vec::new();
    let mut pace = Pace::begin();
    while let Some(bytes) = piece(&mut body, &mut pace).await? {
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// What comes next of a body that keeps to the pace; `None` at its end.
pub(crate) async fn piece(body: &mut Body, pace: &mut Pace) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = timeout_at(pace.deadline(), body.frame()).await.map_err(|_| ApiError::too_slow())?;
        let Some(frame) = frame else { return Ok(None) };
        if let Ok(bytes) = frame.map_err(|error| broken(&error))?.into_data() {
            pace.moved(bytes.len());
            return Ok(Some(bytes));
        }
    }
}

fn broken(error: &axum::Error) -> ApiError {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    if causes.any(|cause| cause.is::<LengthLimitError>()) {
        return ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    ApiError::malformed("The body did not arrive whole.")
}

/// JSON, or nothing said. A form of another site can say neither.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || kind.ends_with("+json") {
        return Ok(());
    }
    let detail = "The body has to be JSON: send it with Content-Type: application/json.";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail))
}
