//! Straight to the target, with the forwarder's own dialler: its rules, its TLS, its errors.

use octoporty_proto::model::{FailureCode, Probe, ProbeAnswer, ProbeFailure, Scheme, Target, TlsVerification};

use tokio::time::{Instant, timeout_at};

use super::exchange::{ExchangeError, exchange};
use super::{Course, PROBE_BOUND, failure};
use crate::targets::check::shakes_hands;
use crate::targets::dial::Dialler;

/// Dials and asks.
pub(super) async fn ask(
    dialler: &Dialler,
    (target, verification): (&Target, TlsVerification),
    probe: &Probe,
    course: &mut Course,
) -> Result<ProbeAnswer, ProbeFailure> {
    course.dialled = target.to_string();
    let dialled = dialler.dial(target, verification).await;
    let connection = dialled.map_err(|error| failure(error.code().name(), error.to_string()))?;
    course.address = Some(connection.address);
    course.timing.dns = connection.steps.dns;
    course.timing.connect = Some(connection.steps.connect);
    course.timing.tls = connection.steps.tls;
    match exchange(connection.io, probe, course).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(tell(dialler, target, error, course.until).await),
    }
}

async fn tell(dialler: &Dialler, target: &Target, error: ExchangeError, until: Instant) -> ProbeFailure {
    let (code, reason) = match error {
        ExchangeError::Silent => {
            let reason = format!("{target} took the connection and sent no answer within {} s", PROBE_BOUND.as_secs());
            return failure(FailureCode::FirstByteTimeout.as_str(), reason);
        }
        ExchangeError::Closed(text) => (FailureCode::TargetClosed, text),
        ExchangeError::Malformed(text) => (FailureCode::TargetMalformed, text),
    };
    // A server that is asked in plain HTTP on its TLS port answers with an alert, or hangs up.
    let in_tls = target.scheme == Scheme::Http && timeout_at(until, shakes_hands(dialler, target)).await == Ok(true);
    if in_tls {
        return failure(FailureCode::TargetSpeaksTls.as_str(), format!("{target} speaks TLS and not plain HTTP"));
    }
    failure(code.as_str(), format!("{target} gave no answer in HTTP: {reason}"))
}
