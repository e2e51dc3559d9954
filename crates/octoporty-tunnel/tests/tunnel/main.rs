//! Links, streams, duplex pairs and dials over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod dialing;
mod duplexes;
mod ends;
mod gathering;
mod overtaking;
mod proxies;
mod rig;
mod streams;
mod tls;
