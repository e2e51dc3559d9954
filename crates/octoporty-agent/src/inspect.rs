//! The request inspector's probes: one real request each, its answer kept as it came.
//!
//! The cast:
//! * [`exchange`]: a request on a connection that stands, and what came back, bounded in bytes.
//! * [`public`]: to a public name, by its address or by the gateway's.
//! * [`straight`]: to a target, as a stream is forwarded.

mod exchange;
mod public;
mod straight;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use octoporty_proto::model::{
    FailureCode, Probe, ProbeAnswer, ProbeFailure, ProbeReport, ProbeTiming, ProbeVia, ProbeWay,
};
use octoporty_tunnel::carrier::websocket::Dial;
use tokio::time::Instant;

use crate::targets::dial::Dialler;

/// Bound on a whole probe. Somebody looks at the page and waits for it; what takes longer is told as that.
pub(crate) const PROBE_BOUND: Duration = Duration::from_secs(15);

/// What is known of a probe that is under way.
#[derive(Debug)]
struct Course {
    begun: Instant,
    until: Instant,
    dialled: String,
    address: Option<SocketAddr>,
    via: Option<ProbeVia>,
    detour: Option<String>,
    timing: ProbeTiming,
}

impl Course {
    fn begin() -> Self {
        let begun = Instant::now();
        Self {
            begun,
            until: begun + PROBE_BOUND,
            dialled: String::new(),
            address: None,
            via: None,
            detour: None,
            timing: ProbeTiming::default(),
        }
    }

    fn end(mut self, outcome: Result<ProbeAnswer, ProbeFailure>) -> ProbeReport {
        self.timing.total = self.begun.elapsed();
        ProbeReport {
            dialled: self.dialled,
            address: self.address,
            via: self.via,
            detour: self.detour,
            timing: self.timing,
            outcome,
        }
    }
}

fn failure(code: &str, reason: impl Into<String>) -> ProbeFailure {
    ProbeFailure { code: code.to_owned(), reason: reason.into() }
}

/// Makes the request; never takes longer than [`PROBE_BOUND`].
pub(crate) async fn probe(dialler: &Dialler, gateway: &Dial, probe: Probe) -> ProbeReport {
    let mut course = Course::begin();
    let outcome = match &probe.way {
        ProbeWay::Straight { target, verification } => {
            straight::ask(dialler, (target, *verification), &probe, &mut course).await
        }
        ProbeWay::Public { scheme, host, port, via } => {
            let name = public::Name { scheme: *scheme, host, port: *port, via: *via };
            public::ask((dialler, gateway), name, &probe, &mut course).await
        }
    };
    course.end(outcome)
}

/// What is told when the agent ends before the probe does.
pub(crate) fn stopping() -> ProbeReport {
    Course::begin().end(Err(failure(FailureCode::Internal.as_str(), "the agent is stopping, so nothing was asked")))
}
