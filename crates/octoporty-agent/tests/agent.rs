//! The agent against a gateway in the hands of the test, over real sockets.

#[path = "agent/asking.rs"]
mod asking;
#[path = "agent/forwarding.rs"]
mod forwarding;
#[path = "agent/gateway.rs"]
mod gateway;
#[path = "agent/links.rs"]
mod links;
#[path = "agent/reconnecting.rs"]
mod reconnecting;
#[path = "agent/syncing.rs"]
mod syncing;
#[path = "agent/uplink.rs"]
mod uplink;
#[path = "agent/world.rs"]
mod world;
