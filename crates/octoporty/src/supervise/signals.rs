//! What asks a process to end.

use std::future::Future;
use std::io;

use tokio::signal::unix::{self, SignalKind};

use super::StartError;
use crate::exit::Signal;

/// SIGTERM and SIGINT from now on; none is lost between two calls.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Takes them over from the system's default, which would end the process at once.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }

    /// The outcome of a start; `None` when a signal came first, and what was started is dropped.
    pub(crate) async fn unless<T, E: Into<StartError>>(
        &mut self,
        start: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, StartError> {
        tokio::select! {
            biased;
            started = start => started.map(Some).map_err(Into::into),
            _ = self.next() => Ok(None),
        }
    }
}
