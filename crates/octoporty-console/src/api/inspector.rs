//! The request inspector: one URL asked through the gateway and straight from the agent, side by side.
//!
//! The cast:
//! * [`diagnose`]: the route; runs both probes and finds the rows of the request log that belong to them.
//! * [`input`]: what a client may ask for, and what it may not: the console is no port scanner.
//! * [`plan`]: which mapping takes the URL, and the two requests that follow from it.
//! * [`differences`]: what is not the same in two answers.
//! * [`shapes`]: the answer; [`body`]: bodies in it.

pub(crate) mod body;
pub(crate) mod diagnose;
pub(crate) mod differences;
pub(crate) mod input;
pub(crate) mod plan;
pub(crate) mod shapes;

/// Inspections at once, of all who are logged in. Each holds two connections and up to a megabyte for 15 s at most.
pub(crate) const MOST_PROBES: usize = 4;
