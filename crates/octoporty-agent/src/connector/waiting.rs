//! Waiting for the next attempt: how long, and what ends it early.
//!
//! While the connector waits, the gateway's `GET /health` is asked along the same way as a dial. The first 200 after
//! a failure ends the wait, so the tunnel is back soon after the gateway or the network is, whatever the back-off
//! had reached. When the gateway itself has said no, a probe must fail first; when a 200 has just led to an attempt
//! that failed, the next one is looked for a little later, so that there is no tight loop.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use octoporty_proto::control::RefusedCode;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError};
use tokio::time::Instant;

use super::session::Ending;
use super::{Connector, EndedByProbe, State};
use crate::linker::GreetError;

/// Longest time from one probe to the next; jitter makes it up to a fifth shorter.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// The same while a gateway that said goodbye is expected back: agents are there again within 2 s of its restart.
const PROBE_EVERY_SOON: Duration = Duration::from_millis(500);

/// How long after a goodbye (and the time that the gateway gave) it is expected back.
const EXPECTED_BACK: Duration = Duration::from_secs(30);

/// After a 200 that led to an attempt that failed, the next one counts this much later: still soon enough for the
/// tunnel to be back within 5 s of a recovery.
const USELESS_FOR: Duration = Duration::from_millis(3500);

/// Bound on one probe. Longer than the time between two, so that a slow way is not taken for a dead one.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Probes under way at once.
const MOST_PROBES: usize = 3;

/// Longest advice to wait that is taken.
const MOST_ADVICE: Duration = Duration::from_secs(3600);

/// Shortest; "at once" from a gateway that refuses would be a tight loop.
const LEAST_ADVICE: Duration = Duration::from_secs(1);

/// After a goodbye the first attempt comes within this time, so that agents do not come as one.
const GOODBYE_JITTER: Duration = Duration::from_millis(200);

/// What is probed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// Nothing: only time ends the wait.
    Never,
    /// The first 200.
    Recovery,
    /// The first 200 that comes [`USELESS_FOR`] after the last attempt began, or later.
    LaterRecovery,
    /// The first 200 after a probe that failed.
    RecoveryAfterFailure,
}

/// A wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) delay: Duration,
    pub(super) probing: Probing,
}

impl Connector {
    pub(super) async fn run_waiting(&mut self, wait: Wait) -> State {
        tracing::debug!(delay_ms = wait.delay.as_millis(), probing = ?wait.probing, "waiting");
        let every = if self.is_expected_back() { PROBE_EVERY_SOON } else { PROBE_EVERY };
        let dial = Dial { timeout: PROBE_TIMEOUT, ..self.linker.dial.0.clone() };
        let quiet = if wait.probing == Probing::LaterRecovery { USELESS_FOR } else { every };
        let first = self.memory.attempt_began + jittered(quiet);
        self.memory.ended_by_probe = EndedByProbe::No;
        tokio::select! {
            biased;
            order = self.orders.next() => order.without_session(),
            () = tokio::time::sleep(wait.delay) => State::Dialing,
            () = recovered(&dial, wait.probing, every, first) => {
                tracing::info!("the gateway answers again");
                self.memory.ended_by_probe = EndedByProbe::Yes;
                State::Dialing
            }
        }
    }

    /// No carrier.
    pub(super) fn dial_failed(&mut self, error: &DialError) -> State {
        let probing = self.probing_after(error);
        let wait = match error {
            DialError::Unauthorized { .. } => {
                tracing::error!("{error}");
                Wait { delay: self.memory.backoff.next_delay(), probing: Probing::Never }
            }
            DialError::LockedOut { retry_after_s } => {
                tracing::error!("{error}");
                Wait { delay: advice(*retry_after_s), probing: Probing::Never }
            }
            _ => {
                tracing::warn!(attempt = self.memory.backoff.attempts() + 1, "{error}");
                Wait { delay: self.memory.backoff.next_delay(), probing }
            }
        };
        self.lost(error.to_string());
        State::Waiting(wait)
    }

    /// A carrier, and no welcome.
    pub(super) fn greet_failed(&mut self, error: &GreetError) -> State {
        let GreetError::Refused(refused) = error else {
            if matches!(error, GreetError::Stopping) {
                return State::Stopped;
            }
            tracing::warn!("{error}");
            self.lost(error.to_string());
            let probing = if matches!(error, GreetError::Welcome(_)) {
                Probing::RecoveryAfterFailure
            } else {
                self.recovery_once()
            };
            return State::Waiting(Wait { delay: self.memory.backoff.next_delay(), probing });
        };
        tracing::error!(code = ?refused.code, "{error}");
        self.lost(error.to_string());
        let advised = refused.retry_after_s.map(|seconds| advice(seconds.into()));
        let own = match refused.code {
            RefusedCode::NameContested => self.memory.contest.next_delay(),
            RefusedCode::Draining => {
                self.expect_back(Duration::ZERO);
                if self.is_expected_back() { jittered(2 * PROBE_EVERY_SOON) } else { self.memory.backoff.next_delay() }
            }
            _ => self.memory.backoff.next_delay(),
        };
        State::Waiting(Wait { delay: advised.unwrap_or(own), probing: Probing::RecoveryAfterFailure })
    }

    /// A session ended in a way that calls for a wait.
    pub(super) fn failed(&mut self, sentence: String, ending: &Ending) -> State {
        self.lost(sentence);
        State::Waiting(match ending {
            Ending::Lost(_) | Ending::Stuck => {
                Wait { delay: self.memory.backoff.next_delay(), probing: self.recovery_once() }
            }
            Ending::TakenOver(_) => {
                Wait { delay: self.memory.contest.next_delay(), probing: Probing::RecoveryAfterFailure }
            }
            Ending::Drained { back_in, .. } => {
                self.expect_back(back_in.unwrap_or_default());
                Wait { delay: GOODBYE_JITTER.mul_f64(fastrand::f64()), probing: Probing::Never }
            }
        })
    }

    fn expect_back(&mut self, back_in: Duration) {
        let until = Instant::now() + back_in.min(MOST_ADVICE) + EXPECTED_BACK;
        // Said once a goodbye: a gateway that refuses for longer is not expected any more.
        self.memory.expected_back.get_or_insert(until);
    }

    fn is_expected_back(&self) -> bool {
        self.memory.expected_back.is_some_and(|until| Instant::now() < until)
    }

    fn probing_after(&self, error: &DialError) -> Probing {
        match error {
            DialError::Dns { .. }
            | DialError::Connect { .. }
            | DialError::Tls { .. }
            | DialError::Proxy(_)
            | DialError::Timeout { .. } => Probing::Recovery,
            // A proxy or forwarder before a gateway that is away, or a way that broke: its health is away as well.
            DialError::Upgrade(_) | DialError::Unavailable { .. } => self.recovery_once(),
            DialError::NotATunnel { status: 403 | 500.., .. } => self.recovery_once(),
            _ => Probing::RecoveryAfterFailure,
        }
    }

    /// A failure that `/health` may not show: if a 200 has just led to it, the next 200 proves little.
    fn recovery_once(&self) -> Probing {
        match self.memory.ended_by_probe {
            EndedByProbe::No => Probing::Recovery,
            EndedByProbe::Yes => Probing::LaterRecovery,
        }
    }
}

/// Returns when the gateway's health shows a recovery.
async fn recovered(dial: &Dial, probing: Probing, every: Duration, first: Instant) {
    let mut failed = match probing {
        Probing::Never => return std::future::pending().await,
        Probing::Recovery | Probing::LaterRecovery => true,
        Probing::RecoveryAfterFailure => false,
    };
    let mut probes = FuturesUnordered::new();
    let mut next = first;
    loop {
        tokio::select! {
            biased;
            Some(answer) = probes.next() => match answer {
                Ok(200) if failed => return,
                Ok(200) => {}
                other => {
                    tracing::debug!(answer = ?other, "the gateway is not well");
                    failed = true;
                }
            },
            () = tokio::time::sleep_until(next), if probes.len() < MOST_PROBES => {
                probes.push(websocket::health(dial));
                next = Instant::now() + jittered(every);
            }
        }
    }
}

/// Up to a fifth shorter.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(1.0 - fastrand::f64() / 5.0)
}

/// What the gateway advised, and up to a tenth more, so that not all who were told come at once.
fn advice(seconds: u64) -> Duration {
    Duration::from_secs(seconds).clamp(LEAST_ADVICE, MOST_ADVICE).mul_f64(1.0 + fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_followed_within_reason() {
        for (seconds, least, most) in [(0, 1.0, 1.1), (10, 10.0, 11.0), (u64::MAX, 3600.0, 3960.0)] {
            for _ in 0..100 {
                let wait = advice(seconds).as_secs_f64();
                assert!((least..=most + 0.001).contains(&wait), "{seconds}: {wait}");
            }
        }
    }

    #[test]
    fn probes_are_never_later_than_their_time_and_do_not_all_come_at_once() {
        let times: Vec<Duration> = (0..100).map(|_| jittered(PROBE_EVERY)).collect();
        assert!(times.iter().all(|time| (PROBE_EVERY.mul_f64(0.79)..=PROBE_EVERY).contains(time)));
        assert!(times.iter().any(|time| *time != times[0]));
    }
}
