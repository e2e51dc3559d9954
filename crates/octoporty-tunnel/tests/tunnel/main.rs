//! Links, streams, duplex pairs and dials over real sockets.

mod control;
mod dialing;
mod duplexes;
mod ends;
mod proxies;
mod rig;
mod streams;
mod tls;
