//! Visitors' connections: HTTP/1.1 by hyper, and what becomes of a connection's requests.
//!
//! The cast:
//! * [`connection`]: one connection from accept to end.
//! * [`io`]: the socket under hyper, which knows whether a request is under way.
//! * [`early`]: interim answers (1xx).
//! * [`walk`]: one request, from its head to its answer.
//! * [`authority`]: which host a request asks for.
//! * [`own`]: what the gateway answers by itself.

mod authority;
pub(crate) mod connection;
pub(crate) mod early;
pub(crate) mod io;
mod own;
mod walk;
