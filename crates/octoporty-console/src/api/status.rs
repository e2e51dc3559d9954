//! `/api/v1/status` and `/api/v1/reconnect`.

pub(crate) mod read;
pub(crate) mod reconnect;
pub(crate) mod shapes;
