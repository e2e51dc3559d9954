//! `/api/v1/settings`.

pub(crate) mod landing_page;
pub(crate) mod shapes;

/// Bytes of a body with a landing page: 1 MB of HTML whose every second character JSON escapes, with room.
pub(crate) const BODY_LIMIT: usize = 3 * 1_024 * 1_024;
