//! The gateway's proxy over real sockets: scripted targets behind a scripted agent, raw visitors in front.

mod bodies;
mod failures;
mod heads;
mod reuse;
mod support;
mod upgrade;
