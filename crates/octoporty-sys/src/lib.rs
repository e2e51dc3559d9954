//! What the system offers and no safe library does. The one crate of the house that may have unsafe code: a module for
//! each thing, and in it the proof.

mod defer;
mod memory;

pub use defer::defer_accept;
pub use memory::{keep_freed, release_code};
