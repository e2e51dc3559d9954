//! "Test target": dials as a stream would, asks `HEAD /`, and tells a target that speaks the other protocol.

use std::time::Duration;

use octoporty_proto::model::{Scheme, Target, TargetCheck, TargetHealth, TlsVerification};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::dial::{DialError, Dialler};
use super::health;
use super::io::TargetIo;

/// Bound on the answer to `HEAD /`. A target that is silent for longer is up, but has no status to show.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes read in search of a status line.
const HEAD_BYTES: usize = 1024;

/// What came back for `HEAD /`.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Status(u16),
    /// TLS alert: the target did not understand plain HTTP.
    TlsAlert,
    /// Something else, or nothing.
    None,
}

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
async fn shakes_hands(dialler: &Dialler, target: &Target) -> bool {
    let secure = Target { scheme: Scheme::Https, ..target.clone() };
    let dialled = timeout(ANSWER_TIMEOUT, dialler.dial(&secure, TlsVerification::AcceptInvalid)).await;
    matches!(dialled, Ok(Ok(_) | Err(DialError::Certificate { .. })))
}

async fn ask(io: &mut TargetIo, target: &Target) -> Answer {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: {}\r\nUser-Agent: Octoporty\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        target.authority()
    );
    let sent = async {
        io.write_all(request.as_bytes()).await?;
        io.flush().await
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, %target, "the target broke the connection while it was asked");
    }
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut limited = io.take(HEAD_BYTES as u64);
    while !head.contains(&b'\n') {
        match limited.read_buf(&mut head).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, %target, "the target broke the connection instead of an answer");
                break;
            }
        }
    }
    read_answer(&head)
}

fn read_answer(head: &[u8]) -> Answer {
    if let [0x15, 0x03, ..] = head {
        return Answer::TlsAlert;
    }
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let number = status.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|text| text.parse().ok());
    number.filter(|status| (100..600).contains(status)).map_or(Answer::None, Answer::Status)
}

#[cfg(test)]
mod tests;
