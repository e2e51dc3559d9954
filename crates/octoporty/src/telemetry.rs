//! Logs: one subscriber, and three outlets: standard output, a rolling file, and memory, where the console reads it.
//!
//! The cast:
//! * `journal`: takes events into memory and to the file.
//! * `book`: the log of one role, in memory (`ring`, of lines that are `packed`) and behind that in files (`history`, which reads them `backward`).
//! * `line`: a line of the file, written and read; `page`: lines on their way to a reader.
//! * `writer`: a bounded queue of finished lines and the thread that writes them; a full queue drops and counts.
//! * `roller`: the file of today, and how many of the older ones stay.
//!
//! Invariant: a log call never waits for a disk, a terminal or a reader.

mod backward;
mod book;
mod history;
mod journal;
mod line;
mod packed;
mod page;
mod ring;
mod roller;
mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::Arc;

use octoporty_proto::model::LogSource;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::banner::{self, Colour};
use crate::settings::logging::{LogFile, LoggingSettings, Roles};
use crate::settings::value::Format;

use self::book::Book;
use self::history::History;
use self::journal::Journal;
use self::roller::Roller;
pub(crate) use self::writer::{Flush, dropped_lines};
use self::writer::{Lines, Writer};

/// The logs of the roles in this process: one and the same, unless it has both.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    /// The agent's and its console's.
    pub(crate) agent: Arc<dyn LogSource>,
    /// The gateway's.
    pub(crate) gateway: Arc<dyn LogSource>,
}

/// Starts logging for the whole process. What is returned first writes what is queued when it is dropped.
pub(crate) fn start(settings: &LoggingSettings) -> (Flush, Logs) {
    let (file, trouble) = match open(settings) {
        Ok(file) => (file, None),
        Err(trouble) => (None, Some(trouble)),
    };
    let history = file.as_ref().map(|roller| History::of(roller.naming().clone()));
    let has_file = history.is_some();
    let (flush, lines) = Writer::start(file);
    let format = banner::format(settings);
    let console = layer(format, banner::colour(), lines.to_console());
    let agent = Arc::new(Book::open(history));
    let gateway = match settings.roles {
        Roles::One => Arc::clone(&agent),
        Roles::Both => Arc::new(Book::open(None)),
    };
    let file = has_file.then(|| (lines.to_file(), format));
    let journal = Journal { agent: Arc::clone(&agent), gateway: Arc::clone(&gateway), file };
    tracing_subscriber::registry()
        .with(console.with_filter(filter(settings.level)))
        .with(journal.with_filter(filter(settings.kept)))
        .init();
    if let Some(trouble) = trouble {
        tracing::warn!("{trouble}");
    }
    std::panic::set_hook(Box::new(log_panic));
    (flush, Logs { agent, gateway })
}

/// A panic is a defect; it belongs into the log, in the log's format, and not only on standard error.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no text");
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace));
    tracing::error!(place, thread, backtrace, "this is a defect, please report it: {what}");
}

/// The file, if there shall be one and it can be written.
fn open(settings: &LoggingSettings) -> Result<Option<Roller>, String> {
    let (path, wanted) = match &settings.file {
        LogFile::Off => return Ok(None),
        // The folder is not made: it is there in the image and in packages, and nobody asked for it elsewhere.
        LogFile::IfWritable(path) if !path.parent().is_some_and(Path::is_dir) => return Ok(None),
        LogFile::IfWritable(path) => (path, false),
        LogFile::At(path) => (path, true),
    };
    match Roller::open(path, settings.retained, settings.size_limit) {
        Ok(roller) => Ok(Some(roller)),
        Err(_) if !wanted => Ok(None),
        Err(error) => Err(format!(
            "no log file is written: {} is not writable by {}: {error}; change Logging__FilePath or the folder's owner",
            path.display(),
            crate::platform::uid_gid()
        )),
    }
}

/// Ours at the level that was asked for; libraries only when they have something to complain about, unless the
/// level is trace.
fn filter(level: Level) -> Targets {
    let others =
        if level == Level::TRACE { LevelFilter::DEBUG } else { LevelFilter::from_level(level.min(Level::WARN)) };
    Targets::new().with_default(others).with_target("octoporty", level)
}

fn layer(format: Format, colour: Colour, lines: Lines) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = tracing_subscriber::fmt::layer().with_timer(Rfc3339).with_writer(lines);
    match format {
        Format::Text => layer.with_ansi(colour == Colour::On).with_target(false).boxed(),
        Format::Json => layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    }
}

/// UTC with milliseconds.
struct Rfc3339;

impl FormatTime for Rfc3339 {
    fn format_time(&self, out: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(out, "{}", timestamp(time::OffsetDateTime::now_utc()))
    }
}

/// `2026-11-20T19:45:00.123Z`.
pub(crate) fn timestamp(now: time::OffsetDateTime) -> String {
    let (date, clock) = (now.date(), now.time());
    format!("{date}T{:02}:{:02}:{:02}.{:03}Z", clock.hour(), clock.minute(), clock.second(), clock.millisecond())
}
