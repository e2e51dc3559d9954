//! The gateway's proxy over real sockets: scripted targets behind a scripted agent, raw visitors in front.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod bodies;
mod conversation;
mod failures;
mod heads;
mod reuse;
mod support;
mod upgrade;
