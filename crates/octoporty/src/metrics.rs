//! Figures for Prometheus: OpenMetrics text made of what the roles count, each time that somebody asks.
//!
//! The cast:
//! * `exposition`: families of samples, and their text.
//! * `gateway`, `agent`, `process`: what is told of each; names, labels and meaning stand in `docs/METRICS.md`.
//! * `tally`: requests and sessions of an agent, counted on their way to its console.
//! * `server`: the port of its own.
//!
//! Invariants: labels come from closed sets, and mappings' names only on the agent that has them; nothing is counted
//! twice because somebody asks; asking costs the asker and not a visitor's request.

pub(crate) mod agent;
mod exposition;
mod gateway;
mod process;
pub(crate) mod server;
pub(crate) mod tally;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use octoporty_gateway::GatewayGauge;

use self::exposition::Exposition;

/// Makes the text of now.
pub(crate) type Source = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// A gateway's figures.
pub(crate) fn of_gateway(gauge: GatewayGauge) -> Source {
    Arc::new(move || {
        let gauge = gauge.clone();
        Box::pin(async move {
            let figures = gauge.read().await;
            let mut out = Exposition::default();
            about(&mut out, "gateway", figures.uptime);
            gateway::write(&mut out, &figures);
            out.text()
        })
    })
}

/// What both roles tell of themselves.
fn about(out: &mut Exposition, role: &'static str, uptime: Duration) {
    let version = crate::settings::VERSION.to_owned();
    out.info("octoporty_build", "This release", vec![("version", version), ("role", role.to_owned())]);
    out.gauge("octoporty_uptime_seconds", "Seconds since the role started", uptime.as_secs_f64());
    let dropped = crate::telemetry::dropped_lines();
    out.counter("octoporty_log_lines_dropped", "Log lines that found the queue full", dropped);
    process::write(out);
}
