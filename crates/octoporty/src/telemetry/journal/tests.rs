use std::collections::BTreeMap;

use octoporty_proto::model::{LogEntry, LogPage, LogPlace, LogQuery, LogSource};
use tracing::subscriber::with_default;
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::telemetry::history::History;
use crate::telemetry::roller::{Naming, Roller};
use crate::telemetry::writer::Writer;

fn journal() -> (Arc<Book>, Arc<Book>, Journal) {
    let (agent, gateway) = (Arc::new(Book::open(None)), Arc::new(Book::open(None)));
    let journal = Journal { agent: agent.clone(), gateway: gateway.clone(), file: None };
    (agent, gateway, journal)
}

/// What one role's log has after `work`, newest first.
fn lines(work: impl FnOnce()) -> Vec<LogEntry> {
    let (agent, gateway, mut journal) = journal();
    journal.gateway = agent.clone();
    with_default(tracing_subscriber::registry().with(journal), work);
    assert_eq!(gateway.newest(), 0);
    agent.page(&query(LogPlace::Newest, 5000)).entries
}

fn query(place: LogPlace, count: u32) -> LogQuery {
    LogQuery { place, count, level: None, search: None, bytes: u32::MAX }
}

fn messages(page: &LogPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.message.as_str()).collect()
}

fn field<'a>(entry: &'a LogEntry, name: &str) -> &'a str {
    entry.fields.get(name).map_or("(none)", String::as_str)
}

#[test]
fn a_line_has_its_level_message_and_fields_and_those_of_the_spans_around_it() {
    let lines = lines(|| {
        let session = info_span!("session", id = "s1", late = tracing::field::Empty);
        let _session = session.enter();
        session.record("late", 5);
        let _link = info_span!("link", slot = 2_u64).entered();
        warn!(target: "octoporty_agent::x", source = %"192.0.2.1", ok = true, why = ?"a\tb", "lost {}", 1);
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((line.level, line.message.as_str()), (LogLevel::Warn, "lost 1"));
    let expected = [
        ("link.slot", "2"),
        ("ok", "true"),
        ("session.id", "s1"),
        ("session.late", "5"),
        ("source", "192.0.2.1"),
        ("target", "octoporty_agent::x"),
        ("why", "\"a\\tb\""),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(line.fields, expected);
    assert!(line.id / 1_000 == line.at_ms && line.at_ms > 1_700_000_000_000);
}

#[test]
fn secrets_are_masked_and_fields_called_as_parts_of_a_line_are_told_apart() {
    let lines = lines(|| info!(api_key = "k-123", Password = %"p", level = 3, message = "inner", "outer"));
    assert_eq!((field(&lines[0], "api_key"), field(&lines[0], "Password")), ("****", "****"));
    assert_eq!(field(&lines[0], "_level"), "3");
    assert_eq!(lines[0].message, "outer");
    assert_eq!(field(&lines[0], "_message"), "inner");
}

#[test]
fn a_huge_text_is_cut_between_characters() {
    let lines = lines(|| error!(huge = "é".repeat(MAX_TEXT), "x{}", "é".repeat(MAX_TEXT)));
    assert!(lines[0].message.len() <= MAX_TEXT + 3 && lines[0].message.ends_with("é…"));
    assert!(field(&lines[0], "huge").len() <= MAX_TEXT + 3);
}

#[test]
fn lines_of_two_roles_in_one_process_are_told_apart() {
    let (agent, gateway, journal) = journal();
    with_default(tracing_subscriber::registry().with(journal), || {
        info!(target: "octoporty_gateway::endpoint", "wrong key");
        info!(target: "octoporty_agent::connector", "refused");
        info!(target: "octoporty_console::listen", "listens");
        info!(target: "octoporty_tunnel::link", "on the test's thread");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new().name("gateway-0".to_owned()).spawn(move || {
            tracing::dispatcher::with_default(
                &dispatch,
                || info!(target: "octoporty_tunnel::link", "on the gateway's"),
            );
        });
        thread.unwrap().join().unwrap();
    });
    let of = |book: &Book| book.page(&query(LogPlace::After(0), 100));
    assert_eq!(messages(&of(&gateway)), ["wrong key", "on the gateway's"]);
    assert_eq!(messages(&of(&agent)), ["refused", "listens", "on the test's thread"]);
}

/// Logs to files in `folder` as a process would, and ends.
fn run(folder: &std::path::Path, format: Format, work: impl FnOnce(&Book)) {
    let path = folder.join("a-.log");
    let roller = Roller::open(&path, 30, 1 << 16).unwrap();
    let book = Arc::new(Book::open(Some(History::of(roller.naming().clone()))));
    let (flush, lines) = Writer::start(Some(roller));
    let file = Some((lines.to_file(), format));
    let journal = Journal { agent: book.clone(), gateway: book.clone(), file };
    with_default(tracing_subscriber::registry().with(journal), || work(&book));
    drop(flush);
}

#[test]
fn lines_of_earlier_runs_are_paged_to_and_none_is_told_twice() {
    let folder = tempfile::tempdir().unwrap();
    for (first, format) in [(0, Format::Json), (400, Format::Text), (800, Format::Json)] {
        run(folder.path(), format, |_| (first..first + 400).for_each(|n| info!(n, "line {n}")));
    }
    assert!(Naming::of(&folder.path().join("a-.log")).files().len() > 1, "the log was rolled");
    run(folder.path(), Format::Json, |book| {
        info!("a new run");
        let (mut all, mut place) = (Vec::new(), LogPlace::Newest);
        loop {
            let page = book.page(&query(place, 150));
            all.extend(page.entries);
            let Some(next) = page.next else { break };
            place = LogPlace::Before(next);
        }
        assert_eq!(all[0].message, "a new run");
        let expected: Vec<String> = (0..1200).rev().map(|n| format!("line {n}")).collect();
        assert_eq!(all[1..].iter().map(|entry| entry.message.clone()).collect::<Vec<_>>(), expected);
        assert!(all.is_sorted_by(|one, two| one.id > two.id), "ids fall from page to page");
        assert_eq!(field(&all[400], "n"), "800");
    });
}

/// Waits until the writer has brought so many lines to the files.
fn written(folder: &std::path::Path, lines: u64) {
    let begin = std::time::Instant::now();
    let count = || {
        let files = Naming::of(&folder.join("a-.log")).files();
        let texts = files.iter().map(|path| std::fs::read_to_string(path).unwrap_or_default());
        texts.map(|text| text.lines().count() as u64).sum::<u64>()
    };
    while count() < lines {
        assert!(begin.elapsed().as_secs() < 30, "{} of {lines} lines are in the files", count());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn what_fell_out_of_memory_is_read_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let total = crate::telemetry::ring::RING_LINES as u64 + 500;
    run(folder.path(), Format::Text, |book| {
        for n in 1..=total {
            debug!(n, "line {n}");
            // The writer's queue is shorter than the whole; a process does not log that fast.
            if n % 1_500 == 0 {
                written(folder.path(), n);
            }
        }
        let count = |place| book.page(&query(place, 20_000)).entries.len() as u64;
        assert_eq!(count(LogPlace::Newest), total);
        assert_eq!(count(LogPlace::After(0)), total - 500, "upwards it is what is in memory");
    });
}
