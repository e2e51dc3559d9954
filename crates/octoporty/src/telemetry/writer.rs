//! The queue between log calls and the outlets.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::roller::Roller;

/// Lines that may wait for the outlets. At 300 bytes a line this is little more than a megabyte, and a burst of a
/// few thousand lines, such as from a gateway that drops all its agents, goes in whole.
const QUEUE: usize = 4096;

/// How long the end of the process waits for the queue. A terminal that was stopped must not keep it.
const FLUSH_BOUND: Duration = Duration::from_secs(2);

/// How often a full queue is looked at meanwhile.
const FLUSH_PAUSE: Duration = Duration::from_millis(10);

/// Those of the process's writer; the first one counts.
static DROPPED: OnceLock<Arc<AtomicU64>> = OnceLock::new();

/// Lines that found the queue full, since the start of the process.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |dropped| dropped.load(Ordering::Relaxed))
}

/// Where a line goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outlet {
    Console,
    File,
}

#[derive(Debug)]
enum Message {
    Line(Outlet, Vec<u8>),
    /// Everything before this is to be written; then the sender is told.
    Flush(SyncSender<()>),
}

/// The thread's side.
pub(super) struct Writer {
    file: Option<Roller>,
    dropped: Arc<AtomicU64>,
    reported: u64,
}

/// Makes a writer for each event; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    outlet: Outlet,
}

/// Writes what is queued when it is dropped.
pub(crate) struct Flush {
    queue: SyncSender<Message>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(file: Option<Roller>) -> (Flush, Lines) {
        let (queue, inbox) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        DROPPED.get_or_init(|| Arc::clone(&dropped));
        let mut writer = Self { file, dropped: dropped.clone(), reported: 0 };
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&inbox));
        if let Err(error) = thread {
            crate::complain(&format!("no logs are written: cannot start a thread: {error}"));
        }
        (Flush { queue: queue.clone() }, Lines { queue, dropped, outlet: Outlet::Console })
    }

    fn run(&mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                Message::Line(outlet, line) => self.write(outlet, &line),
                // Nobody waits any longer if this fails.
                Message::Flush(done) => drop(done.send(())),
            }
            self.tell_dropped();
        }
    }

    /// A full disk or a closed terminal must not end the process, and there is nowhere left to complain.
    fn write(&mut self, outlet: Outlet, line: &[u8]) {
        match (outlet, &mut self.file) {
            (Outlet::Console, _) => {
                let mut out = io::stdout().lock();
                drop(out.write_all(line).and_then(|()| out.flush()));
            }
            (Outlet::File, Some(file)) => drop(file.write_line(line)),
            (Outlet::File, None) => {}
        }
    }

    fn tell_dropped(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped == self.reported {
            return;
        }
        let line = format!("{} log lines were dropped: the outlet is slower than the log\n", dropped - self.reported);
        self.reported = dropped;
        drop(io::stderr().write_all(line.as_bytes()));
    }
}

impl Lines {
    /// Writes to standard output.
    pub(super) fn to_console(&self) -> Self {
        Self { outlet: Outlet::Console, ..self.clone() }
    }

    /// Writes to the file.
    pub(super) fn to_file(&self) -> Self {
        Self { outlet: Outlet::File, ..self.clone() }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The formatter hands over one finished event a call.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(self.outlet, line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let end = Instant::now() + FLUSH_BOUND;
        let (done, told) = sync_channel(1);
        let mut message = Message::Flush(done);
        // A queue that is full is one whose outlet may be stuck: to wait for room could be for ever.
        while let Err(error) = self.queue.try_send(message) {
            match error {
                TrySendError::Full(back) if Instant::now() < end => message = back,
                _ => return,
            }
            thread::sleep(FLUSH_PAUSE);
        }
        // Late is as good as never: the process ends now.
        told.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_queued_is_written_before_the_flush_returns() {
        let folder = tempfile::tempdir().unwrap();
        let roller = Roller::open(&folder.path().join("test-.log"), 3, 1 << 20).unwrap();
        let (flush, lines) = Writer::start(Some(roller));
        for number in 0..100 {
            lines.to_file().write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        drop(flush);
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 100);
    }

    #[test]
    fn a_stuck_outlet_and_a_full_queue_do_not_keep_the_process_from_ending() {
        let (queue, inbox) = sync_channel(1);
        queue.send(Message::Line(Outlet::Console, Vec::new())).unwrap();
        let (ended, end) = sync_channel(1);
        let ending = thread::spawn(move || {
            drop(Flush { queue });
            ended.send(()).unwrap();
        });
        end.recv_timeout(FLUSH_BOUND * 10).expect("it ends although nobody takes from the queue");
        ending.join().unwrap();
        assert_eq!(inbox.try_iter().count(), 1);
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (queue, inbox) = sync_channel(2);
        let lines = Lines { queue, dropped: Arc::default(), outlet: Outlet::File };
        for _ in 0..5 {
            lines.clone().write_all(b"line\n").unwrap();
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(inbox.try_iter().count(), 2);
    }
}
