//! The data plane's threads: each shard is one thread with one single-threaded runtime. A link, its forwarder tasks
//! and the sockets of its targets live and die on the same shard, so a byte never changes threads.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// How long a runtime waits for its blocking calls (name resolution) when it ends. A resolver that hangs must not
/// hold up the end of the process.
const BLOCKING_GRACE: Duration = Duration::from_millis(100);

/// One thread with one runtime.
#[derive(Debug)]
pub(crate) struct Shard {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Shard {
    /// Starts the thread; it ends when `end` is cancelled, and drops whatever tasks are left.
    pub(crate) fn start(name: &str, end: CancellationToken) -> io::Result<Self> {
        let (tell, told) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            if tell.send(Ok(runtime.handle().clone())).is_ok() {
                runtime.block_on(end.cancelled());
            }
            runtime.shutdown_timeout(BLOCKING_GRACE);
        })?;
        let handle = told.recv().map_err(io::Error::other)??;
        Ok(Self { handle, thread })
    }

    /// Where its tasks are spawned.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for the thread; its token must have been cancelled.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker thread of the agent panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_tasks_on_its_own_thread_and_ends() {
        let end = CancellationToken::new();
        let shard = Shard::start("shard-test", end.clone()).unwrap();
        let (tell, told) = mpsc::sync_channel(1);
        let task = shard.handle().spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tell.send(std::thread::current().name().map(str::to_owned)).unwrap();
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap().as_deref(), Some("shard-test"));
        end.cancel();
        shard.join();
        drop(task);
    }

    #[test]
    fn ends_even_with_a_task_that_never_does() {
        let end = CancellationToken::new();
        let shard = Shard::start("shard-test", end.clone()).unwrap();
        drop(shard.handle().spawn(std::future::pending::<()>()));
        end.cancel();
        shard.join();
    }
}
