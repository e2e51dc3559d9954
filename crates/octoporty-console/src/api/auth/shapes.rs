//! What the authentication routes take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::loose::Loose;

/// Who wants in.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginInput {
    /// The console's password.
    #[schema(value_type = String, required)]
    pub(crate) password: Loose<String>,
    /// Only where a user name is configured: a login without it gets 400 with `errors.username`.
    #[schema(value_type = Option<String>)]
    pub(crate) username: Loose<String>,
}

/// A refresh token, for clients without cookies.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshInput {
    /// Used when there is no `octoporty_refresh` cookie.
    #[schema(value_type = Option<String>)]
    pub(crate) refresh_token: Loose<String>,
}

/// A session. The same values come as cookies.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionAnswer {
    /// Access token (JWT) for `Authorization: Bearer`; 15 minutes.
    pub(crate) token: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
    /// Single use; 7 days.
    pub(crate) refresh_token: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) refresh_expires_at: String,
}

/// By what a request was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Credential {
    /// The cookie `octoporty_access`.
    Cookie,
    /// `Authorization: Bearer`.
    Bearer,
}

/// Who is logged in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    /// The user.
    pub(crate) username: String,
    /// By what the request was let in.
    pub(crate) credential: Credential,
    /// When the access token ends. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
}
