//! Visitors' connections: accept, HTTP/1.1, and what becomes of a request.

pub(crate) mod early;
