//! "Test target": dials as a stream would, asks `HEAD /`, and tells a target that speaks the other protocol.

use std::time::Duration;

use octoporty_proto::model::{Scheme, Target, TargetCheck, TargetHealth, TlsVerification};
use tokio::time::{Instant, timeout};

use super::ask::{Answer, ask};
use super::dial::{DialError, Dialler};
use super::health;

/// Bound on the answer to `HEAD /`. A target that is silent for longer is up, but has no status to show.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Dials `target` and tells what was seen.
pub(crate) async fn check_target(dialler: &Dialler, target: Target, verification: TlsVerification) -> TargetCheck {
    let begun = Instant::now();
    let dialled = dialler.dial(&target, verification).await;
    let took = begun.elapsed();
    let mut check = TargetCheck { target, verification, health: TargetHealth::Up, address: None, took, status: None };
    match dialled {
        Ok(mut connection) => {
            check.address = Some(connection.address);
            let answer = timeout(ANSWER_TIMEOUT, ask(&mut connection.io, &check.target)).await;
            judge(dialler, &mut check, answer.unwrap_or(Answer::None)).await;
        }
        Err(error) => check.health = health::down(&error),
    }
    check
}

async fn judge(dialler: &Dialler, check: &mut TargetCheck, answer: Answer) {
    if let Answer::Status(status) = answer {
        check.status = Some(status);
    }
    let doubtful = match answer {
        Answer::TlsAlert => false,
        // Servers that notice plain HTTP on their TLS port answer 400 in the clear; others just close.
        Answer::Status(status) => status == 400,
        Answer::None => true,
    };
    let plain = check.target.scheme == Scheme::Http;
    if plain && (answer == Answer::TlsAlert || (doubtful && shakes_hands(dialler, &check.target).await)) {
        check.health = health::speaks_tls(&check.target);
    }
}

/// Whether a TLS handshake with the target gets as far as a certificate.
pub(crate) async fn shakes_hands(dialler: &Dialler, target: &Target) -> bool {
    let secure = Target { scheme: Scheme::Https, ..target.clone() };
    let dialled = timeout(ANSWER_TIMEOUT, dialler.dial(&secure, TlsVerification::AcceptInvalid)).await;
    matches!(dialled, Ok(Ok(_) | Err(DialError::Certificate { .. })))
}

#[cfg(test)]
mod tests;
