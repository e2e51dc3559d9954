//! What the two ends of a tunnel say to each other.
//!
//! Pure: no runtime, no socket, no clock, no randomness. Time comes in as a value, bytes come in and go out as
//! [`bytes::Bytes`], and what must happen next comes out as events and deadlines.
//!
//! The cast:
//! * [`model`]: domain types that exist only if they are legal ([`model::Hostname`], [`model::Target`] …).
//! * [`wire`]: the frame codec and its limits.
//! * [`mux`]: many flow-controlled streams on one link.
//! * [`control`]: the messages of stream 0, from hello to drain.

pub mod control;
pub mod model;
pub mod mux;
pub mod wire;
