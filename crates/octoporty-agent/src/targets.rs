//! Targets: who may be dialled, how, and what was last seen of them.
//!
//! The cast:
//! * [`rules`]: the agent's own list of allowed and denied targets, the last word over anything a gateway asks.
//! * [`dial`]: from a target to a connection, with one coded error a way to fail.
//! * [`tls`]: certificates, strict or not, and what went wrong with them in words.
//! * [`io`]: a connection to a target, plain or in TLS.
//! * [`health`]: the newest result a mapping.
//! * [`check`]: "Test target"; [`ask`]: its `HEAD /`.

pub(crate) mod ask;
pub(crate) mod check;
pub(crate) mod dial;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod health;
pub(crate) mod io;
pub(crate) mod rules;
pub(crate) mod tls;
