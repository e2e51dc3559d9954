//! Runs a role: starts its parts in order, waits for a signal, ends them in reverse.
//!
//! The cast:
//! * `signals`: what asks a process to end.
//! * `notify`: tells systemd.
//! * `parts`: an agent with its console as one thing that starts and stops.
//!
//! The order of an end: stop accepting, say goodbye, let what is in flight finish within the grace, cancel, join,
//! write the logs out. A second signal skips the rest.

mod notify;
pub(crate) mod parts;
pub(crate) mod signals;

use std::future::Future;
use std::io;
use std::time::Duration;

use octoporty_gateway::{Gateway, GatewayConfig};
use thiserror::Error;
use tokio::runtime::Runtime;

use self::parts::AgentParts;
use self::signals::Signals;
use crate::banner;
use crate::complain;
use crate::exit::Exit;
use crate::metrics;
use crate::metrics::server::{self, MetricsError, Server};
use crate::settings::Frame;
use crate::settings::agent::AgentSettings;
use crate::settings::value::Format;
use crate::telemetry::{self, Logs};

/// Workers of the runtime that console, edge and supervision share. Data planes have threads of their own.
const WORKERS: usize = 2;

/// What a stop may take beyond the grace: closing the database, joining threads. Past it the process ends anyway.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// After so long a role has started, and after so long more it has met whom it works with, as a rule.
const STARTED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(9)];

/// Why a role did not start. The text is one sentence that says what to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum StartError {
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] octoporty_gateway::StartError),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] octoporty_agent::StartError),
    /// The console.
    #[error(transparent)]
    Console(#[from] octoporty_console::StartError),
    /// The figures' port.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Signals or a runtime.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// What the parent process is told.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Gateway(octoporty_gateway::StartError::Worker(_) | octoporty_gateway::StartError::Tls(_))
            | Self::Agent(octoporty_agent::StartError::Worker(_)) => Exit::Internal,
            Self::System(_) => Exit::Internal,
            Self::Gateway(_) | Self::Agent(_) | Self::Console(_) | Self::Metrics(_) => Exit::Unavailable,
        }
    }
}

/// Runs a gateway until a signal.
pub(crate) fn gateway(config: GatewayConfig, frame: Frame) -> Exit {
    run(&frame, async |signals, logs| {
        let metrics = server::bind(&frame.metrics).await?;
        let Some(gateway) = signals.unless(Gateway::start(config, logs.gateway)).await? else { return Ok(Exit::Clean) };
        let metrics = metrics.map(|bound| bound.serve(metrics::of_gateway(gateway.gauge())));
        notify::ready(&format!("listening on {}", gateway.local_addr()));
        until_signal(signals).await;
        Ok(stop(signals, frame.grace, both(gateway.stop(frame.grace), metrics)).await)
    })
}

/// Runs an agent, with its console unless it has none, until a signal.
pub(crate) fn agent(settings: AgentSettings, frame: Frame) -> Exit {
    run(&frame, async |signals, logs| {
        let metrics = server::bind(&frame.metrics).await?;
        let Some(parts) = signals.unless(AgentParts::start(settings, logs.agent)).await? else {
            return Ok(Exit::Clean);
        };
        let metrics = metrics.map(|bound| bound.serve(parts.figures()));
        match parts.console_addr() {
            Some(address) => notify::ready(&format!("console at {address}")),
            None => notify::ready("no console"),
        }
        until_signal(signals).await;
        Ok(stop(signals, frame.grace, both(parts.stop(frame.grace), metrics)).await)
    })
}

/// Waits for a signal. What a start needed of the program's code is given back meanwhile.
async fn until_signal(signals: &mut Signals) {
    for pause in STARTED {
        tokio::select! {
            biased;
            _ = signals.next() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match octoporty_sys::release_code() {
            Ok(mapped) => tracing::debug!(mapped, "the code of the start was given back"),
            // Nothing depends on it.
            Err(error) => tracing::debug!(%error, "the code of the start could not be given back"),
        }
    }
    signals.next().await;
}

/// Ends a role, and then the port that shows its figures.
async fn both(role: impl Future<Output = ()>, metrics: Option<Server>) {
    role.await;
    if let Some(metrics) = metrics {
        metrics.stop().await;
    }
}

/// Logs, banner, runtime, signals; then `role`; then the logs are written out.
fn run(frame: &Frame, role: impl AsyncFnOnce(&mut Signals, Logs) -> Result<Exit, StartError>) -> Exit {
    let (flush, logs) = telemetry::start(&frame.logging);
    banner::show(frame);
    for warning in &frame.warnings {
        tracing::warn!("{warning}");
    }
    let outcome = runtime().map_err(StartError::from).and_then(|runtime| {
        let outcome = runtime.block_on(async { role(&mut Signals::listen()?, logs).await });
        // Whatever has not ended by now was given its time.
        runtime.shutdown_background();
        outcome
    });
    let exit = match outcome {
        Ok(exit) => exit,
        Err(error) => {
            // Text logs and the sentence below go to the same people; machines read the log.
            if banner::format(&frame.logging) == Format::Json {
                tracing::error!("{error}");
            }
            drop(flush);
            complain(&format!("octoporty {}: {error}", frame.role.word()));
            return error.exit();
        }
    };
    drop(flush);
    exit
}

/// The runtime of everything but the data planes.
pub(crate) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).thread_name("control").enable_all().build()
}

/// Ends a role within its grace, or at once when a second signal comes.
pub(crate) async fn stop(signals: &mut Signals, grace: Duration, role: impl Future<Output = ()>) -> Exit {
    tracing::info!(grace_seconds = grace.as_secs_f64(), "stopping");
    notify::stopping();
    tokio::select! {
        biased;
        ended = tokio::time::timeout(grace + STOP_MARGIN, role) => match ended {
            Ok(()) => {
                tracing::info!("stopped");
                Exit::Clean
            }
            Err(_) => {
                tracing::error!("did not stop in time; ending anyway");
                Exit::Internal
            }
        },
        signal = signals.next() => {
            tracing::warn!("second signal: ending at once");
            Exit::Forced(signal)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::exit::Signal;

    #[tokio::test]
    async fn an_end_in_time_is_clean_and_a_second_signal_does_not_wait() {
        let mut signals = Signals::listen().unwrap();
        let grace = Duration::from_secs(60);
        assert_eq!(stop(&mut signals, grace, async {}).await, Exit::Clean);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        let bound = Duration::from_secs(20);
        let exit = tokio::time::timeout(bound, stop(&mut signals, grace, pending())).await.expect("at once");
        assert_eq!(exit, Exit::Forced(Signal::Terminate));
        assert_eq!(exit.code(), 143);
    }
}
