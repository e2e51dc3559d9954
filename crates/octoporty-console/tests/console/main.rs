//! The console over real sockets, with an agent that says what the tests want.

#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it has to be")]

mod client;
mod crowd;
mod edges;
mod events;
mod gateway;
mod history;
mod import_export;
mod inspector;
mod lines;
mod logs;
mod mappings;
mod session;
mod settings;
mod status;
mod storage;
mod world;
