//! The errors that routes answer with, for their annotations: one type a status. They have no values; the answers
//! themselves are made of [`super::error::ApiError`].

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $description:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) enum $name {}

            impl utoipa::IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    problem($status, $description)
                }
            }
        )*
    };
}

problems! {
    /// 400.
    Invalid = "400", "Malformed or not valid; `errors` says so by field.";
    /// 401.
    Unauthorized = "401", "Not logged in.";
    /// 401 of a login.
    WrongPassword = "401", "Wrong password.";
    /// 401 of a refresh.
    SessionOver = "401", "The refresh token is used up, revoked or over: log in.";
    /// 403.
    CrossSite = "403", "A browser sent this from another site's page.";
    /// 404.
    NotFound = "404", "Not there.";
    /// 408.
    TooSlow = "408", "The body did not arrive in time.";
    /// 409.
    Conflict = "409", "The endpoint is taken; `holder` says by whom.";
    /// 412.
    Stale = "412", "Changed since `If-Match`.";
    /// 413.
    TooLarge = "413", "Too large.";
    /// 429.
    Locked = "429", "Locked after failures; `Retry-After` says for how long.";
    /// 502.
    BadGateway = "502", "The gateway is too old to be asked, or has no answer.";
    /// 504.
    GatewayTimeout = "504", "The gateway did not answer in time.";
    /// 503, where the gateway is asked.
    GatewayAway = "503", "The gateway is away, the database is, or the console stops.";
    /// 415.
    WrongType = "415", "Sent with another Content-Type than this takes.";
    /// 429 of what takes turns.
    Busy = "429", "Others are under way; `Retry-After` says when to try again.";
    /// 503.
    Unavailable = "503", "The database is away, or the console stops.";
}

fn problem(status: &str, description: &str) -> BTreeMap<String, RefOr<Response>> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(description).content("application/problem+json", content).build();
    BTreeMap::from([(status.to_owned(), response.into())])
}
