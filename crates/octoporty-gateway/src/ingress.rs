//! Visitors' connections, HTTP/1.1, and what becomes of a connection's requests.
//!
//! The cast:
//! * [`connection`]: one connection from accept to end.
//! * [`front`]: its conversation: a request, its answer, the next one.
//! * [`wire`]: its socket, with what was read and not yet used.
//! * [`socket`]: that socket, which the runtime is told of only when it has to be waited for.
//! * [`progress`]: where the conversation stands, and for how long it may stay there.
//! * [`roster`]: all connections of a shard, whose time may be up.
//! * [`head`]: heads of requests.
//! * [`body`]: bodies of requests, for whoever sends them on.
//! * [`walk`]: one request, from its head to its answer.
//! * [`authority`]: which host a request asks for.
//! * [`own`]: what the gateway answers by itself.
//! * [`answer`]: heads of answers.
//! * [`early`]: interim answers (1xx).
//! * [`agents`]: the port for agents alone.

pub(crate) mod agents;
pub(crate) mod answer;
mod authority;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod early;
mod front;
pub(crate) mod head;
mod own;
mod progress;
pub(crate) mod roster;
pub(crate) mod socket;
mod walk;
pub(crate) mod wire;
