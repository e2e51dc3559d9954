//! `/api/v1/gateway`: what only the gateway can tell or do. Each is asked of it over the tunnel.

pub(crate) mod caddy_config;
pub(crate) mod logs;
pub(crate) mod update;
