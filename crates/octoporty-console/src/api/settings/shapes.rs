//! Settings, as the API takes and shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::loose::Loose;

/// The landing page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LandingPage)]
pub(crate) struct LandingPageResource {
    /// The page.
    pub(crate) html: String,
    /// MD5 of the HTML's UTF-8 bytes, 32 lower-case hex digits.
    pub(crate) hash: String,
    /// Whether this is the product's own page.
    pub(crate) is_default: bool,
}

/// A landing page to store.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LandingPageInput {
    /// Not empty, at most 1048576 bytes.
    #[schema(value_type = String, required)]
    pub(crate) html: Loose<String>,
}
