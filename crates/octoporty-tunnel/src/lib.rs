//! Moves the protocol's bytes with tokio.
//!
//! The cast:
//! * [`carrier`]: one transport connection that carries a link's bytes (WebSocket; QUIC later, a file of its own).
//! * [`link`]: one task that owns a carrier and one end of a [`octoporty_proto::mux::Mux`]; handles to it are cheap.
//! * [`stream`]: a stream of a link as bytes.
//! * [`duplex`]: the one copy loop of every byte path.
//! * [`ending`]: an end that many look for.
//! * [`prefixed`]: a connection of which some bytes were read too far.
//! * [`tls`]: a server's side of TLS.
//! * [`trust`]: whom TLS believes, for links and for targets.
//! * [`backoff`]: jittered exponential back-off, reset only by proof of life.
//!
//! Invariants: nothing is detached (the caller's tracker owns every task); every queue is bounded by the mux; a
//! link's death is told to each of its streams once.

pub mod backoff;
pub mod carrier;
pub mod duplex;
pub mod ending;
pub mod link;
pub mod prefixed;
pub mod stream;
pub mod tls;
pub mod trust;
