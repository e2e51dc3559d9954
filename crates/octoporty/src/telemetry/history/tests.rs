use std::fs;
use std::path::Path;

use octoporty_proto::model::{LogLevel, LogPage, LogPlace, LogQuery};
use tempfile::TempDir;

use super::*;
use crate::settings::value::Format;
use crate::telemetry::line::{Event, finish};

const START: u64 = 1_795_219_200_000_000; // 2026-11-21T00:00:00Z

/// Line number `n` of a log with one line a second.
fn line(n: u64, format: Format) -> Vec<u8> {
    let fields = vec![("n".to_owned(), n.into())];
    let event = Event { level: LogLevel::Info, message: format!("line {n}"), fields };
    let us = START + n * 1_000_000;
    finish(format, us, us, &event.rest(format))
}

fn lines(numbers: impl IntoIterator<Item = u64>, format: Format) -> Vec<u8> {
    numbers.into_iter().flat_map(|n| line(n, format)).collect()
}

/// A log whose files have these contents, oldest first.
fn log(contents: &[&[u8]]) -> (TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    for (day, content) in contents.iter().enumerate() {
        fs::write(folder.path().join(format!("a-202611{:02}.log", day + 1)), content).unwrap();
    }
    let history = history(folder.path());
    (folder, history)
}

fn history(folder: &Path) -> History {
    History::of(Naming::of(&folder.join("a-.log")))
}

fn query(count: u32, search: Option<&str>) -> LogQuery {
    LogQuery { place: LogPlace::Newest, count, level: None, search: search.map(str::to_owned), bytes: 1 << 30 }
}

fn page(history: &History, before: u64, query: &LogQuery) -> LogPage {
    let mut filling = Filling::new(query);
    history.fill(before, &mut filling);
    filling.finish()
}

/// All lines that paging finds, newest first.
fn walk(history: &History, count: u32, search: Option<&str>) -> Vec<String> {
    let (mut all, mut before) = (Vec::new(), u64::MAX);
    loop {
        let page = page(history, before, &query(count, search));
        assert!(page.entries.len() <= count as usize);
        all.extend(page.entries.into_iter().map(|entry| entry.message));
        let Some(next) = page.next else { return all };
        assert!(next < before, "each page is below the one before");
        before = next;
    }
}

fn expected(numbers: impl DoubleEndedIterator<Item = u64>) -> Vec<String> {
    numbers.rev().map(|n| format!("line {n}")).collect()
}

#[test]
fn pages_go_back_through_all_files_in_both_formats() {
    for format in [Format::Text, Format::Json] {
        let files = [lines(0..700, format), lines(700..701, format), Vec::new(), lines(701..1500, format)];
        let (_folder, history) = log(&files.each_ref().map(Vec::as_slice));
        for count in [1, 7, 1000, 5000] {
            assert_eq!(walk(&history, count, None), expected(0..1500), "{format:?} by {count}");
        }
        assert_eq!(history.newest(), START + 1499 * 1_000_000);
    }
}

#[test]
fn a_page_begins_below_any_id() {
    let (_folder, history) = log(&[&lines(0..300, Format::Text), &lines(300..600, Format::Json)]);
    for before in [0, 1, 299, 300, 301, 599, 600, 900] {
        for shift in [0, 1] {
            let found = page(&history, START + before * 1_000_000 + shift, &query(1, None));
            let newest = (before + shift).min(600).checked_sub(1).map(|n| format!("line {n}"));
            assert_eq!(found.entries.first().map(|entry| entry.message.clone()), newest, "{before} + {shift}");
        }
    }
}

#[test]
fn a_search_finds_the_one_line_far_back() {
    let (_folder, history) = log(&[&lines(0..5000, Format::Json)]);
    assert_eq!(walk(&history, 10, Some("LINE 17")), {
        let numbers = (0..5000).filter(|n| n.to_string().starts_with("17"));
        expected(numbers.collect::<Vec<_>>().into_iter())
    });
}

#[test]
fn junk_between_lines_is_passed_over() {
    let mut content = lines(0..100, Format::Json);
    content.extend_from_slice(b"{\"timestamp\":\"2026-11-21T00:01:40Z\",\"level\":\"INFO\",\"mess");
    content.extend([0, 255, 254, b'\n', b'\n', b'\r', b'\n']);
    content.extend(vec![b'x'; 3 << 20]);
    content.push(b'\n');
    content.extend(vec![0; 300_000]);
    content.push(b'\n');
    content.extend(lines(100..200, Format::Text));
    content.extend_from_slice(b"2026-11-21T00:03:20.000000Z  INFO line 200 is being writ");
    let (_folder, history) = log(&[&content]);
    let mut all = expected(0..200);
    all.insert(0, "line 200 is being writ".to_owned());
    assert_eq!(walk(&history, 33, None), all);
}

#[test]
fn a_file_that_is_no_log_at_all_ends_the_search() {
    let (_folder, history) = log(&[&vec![7; 200_000], &vec![b'\n'; 200_000]]);
    assert_eq!(page(&history, u64::MAX, &query(5, None)), LogPage::default());
    assert_eq!(page(&history, START, &query(5, None)), LogPage::default());
    assert_eq!(history.newest(), 0);
}

#[test]
fn a_search_in_a_large_log_gives_up_and_says_where_it_goes_on() {
    let filler = "y".repeat(4000);
    let mut content = line(0, Format::Json);
    for n in 1..=4000 {
        let event = Event { level: LogLevel::Info, message: filler.clone(), fields: Vec::new() };
        let us = START + n * 1_000_000;
        content.extend(finish(Format::Json, us, us, &event.rest(Format::Json)));
    }
    let (_folder, history) = log(&[&content]);
    let first = page(&history, u64::MAX, &query(5, Some("line")));
    assert!(first.entries.is_empty() && first.more, "16 MiB are more than a page may cost");
    assert_eq!(walk(&history, 5, Some("line")), ["line 0"]);
}

#[test]
fn lines_of_one_millisecond_without_ids_are_told_once_each() {
    let mut content = String::new();
    for n in 0..50 {
        content.push_str(&format!("2026-11-21T00:00:00.{:03}Z  INFO line {n}\n", n / 20));
    }
    let (_folder, history) = log(&[content.as_bytes()]);
    for count in [1, 3, 19, 20, 21, 50] {
        assert_eq!(walk(&history, count, None), expected(0..50), "by {count}");
    }
    let ids: Vec<u64> = page(&history, u64::MAX, &query(50, None)).entries.iter().map(|entry| entry.id).collect();
    assert!(ids.is_sorted_by(|one, two| one > two), "{ids:?}");
    assert!(history.newest() >= ids[0]);
}

#[test]
fn an_unreadable_folder_has_no_lines() {
    let folder = tempfile::tempdir().unwrap();
    let history = history(&folder.path().join("gone"));
    assert_eq!(page(&history, u64::MAX, &query(5, None)), LogPage::default());
}
