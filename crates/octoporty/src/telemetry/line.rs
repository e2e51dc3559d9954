//! A line of the log file: written here, and read here again.
//!
//! A line begins with its time in microseconds, which is the entry's id; `logId` says it where the two differ, as after
//! a clock that was set back. Text lines have fields behind tabs, so that what is message and what is field needs no
//! guess; control characters are escaped, so that an event is one line whatever it tells of.
//!
//! What another release or program wrote is read as far as it goes: times of milliseconds, numbers, objects in objects.

use std::collections::BTreeMap;
use std::fmt::Write;

use octoporty_proto::model::{LogEntry, LogLevel};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::settings::value::Format;

/// The field of a line whose id is not its time.
const ID: &str = "logId";

/// Microseconds of a millisecond.
const MS: u64 = 1_000;

/// A field of an event, typed as it was given.
pub(super) type Field = (String, Value);

/// An event on its way to ring and file.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) level: LogLevel,
    pub(super) message: String,
    pub(super) fields: Vec<Field>,
}

impl Event {
    /// The entry of the ring.
    pub(super) fn entry(self) -> LogEntry {
        let fields = self.fields.into_iter().map(|(name, value)| (name, text_of(value))).collect();
        LogEntry { id: 0, at_ms: 0, level: self.level, message: self.message, fields }
    }

    /// The line without its beginning, which [`finish`] adds.
    pub(super) fn rest(&self, format: Format) -> String {
        match format {
            Format::Text => self.text_rest(),
            Format::Json => self.json_rest(),
        }
    }

    fn text_rest(&self) -> String {
        let mut line = format!(" {:>5} ", self.level.as_str().to_uppercase());
        escape(&mut line, &self.message);
        for (name, value) in &self.fields {
            line.push('\t');
            escape(&mut line, name);
            line.push('=');
            match value {
                Value::String(text) => escape(&mut line, text),
                other => line.push_str(&other.to_string()),
            }
        }
        line
    }

    fn json_rest(&self) -> String {
        let mut line = format!(",\"level\":\"{}\"", self.level.as_str().to_uppercase());
        let message = Value::from(self.message.as_str());
        write!(line, ",\"message\":{message}").expect("writing to a string does not fail");
        for (name, value) in &self.fields {
            let name = Value::from(name.as_str());
            write!(line, ",{name}:{value}").expect("writing to a string does not fail");
        }
        line
    }
}

/// The whole line, with its end.
pub(super) fn finish(format: Format, us: u64, id: u64, rest: &str) -> Vec<u8> {
    let time = microseconds(us);
    let line = match (format, id == us) {
        (Format::Text, true) => format!("{time}{rest}\n"),
        (Format::Text, false) => format!("{time}{rest}\t{ID}={id}\n"),
        (Format::Json, true) => format!("{{\"timestamp\":\"{time}\"{rest}}}\n"),
        (Format::Json, false) => format!("{{\"timestamp\":\"{time}\",\"{ID}\":{id}{rest}}}\n"),
    };
    line.into_bytes()
}

/// `2026-11-20T19:45:00.123456Z`.
fn microseconds(us: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (at.date(), at.time());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:06}Z", clock.microsecond())
}

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Its id is a guess where the line's time has no microseconds: the first of its millisecond.
    pub(super) entry: LogEntry,
    /// Whether it is one.
    pub(super) guessed: bool,
}

impl Parsed {
    /// The last id that a line of this time can have.
    pub(super) fn last_id(&self) -> u64 {
        if self.guessed { self.entry.id + (MS - 1) } else { self.entry.id }
    }
}

/// Reads a line; `None` for what is no line of a log.
pub(super) fn parse(line: &[u8]) -> Option<Parsed> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\r', '\n']);
    if line.starts_with('{') { parse_json(line) } else { parse_text(line) }
}

fn parse_json(line: &str) -> Option<Parsed> {
    let Value::Object(mut object) = serde_json::from_str(line).ok()? else { return None };
    let time = text_of(object.remove("timestamp")?);
    let level = text_of(object.remove("level")?).parse().ok()?;
    let message = object.remove("message").map(text_of).unwrap_or_default();
    let id = object.remove(ID).and_then(|id| id.as_u64());
    let mut fields = BTreeMap::new();
    for (name, value) in object {
        match value {
            Value::Object(inner) => {
                fields.extend(inner.into_iter().map(|(field, value)| (format!("{name}.{field}"), text_of(value))));
            }
            value => drop(fields.insert(name, text_of(value))),
        }
    }
    parsed(&time, id, LogEntry { id: 0, at_ms: 0, level, message, fields })
}

fn parse_text(line: &str) -> Option<Parsed> {
    let (time, rest) = line.split_once(' ')?;
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let level: LogLevel = level.parse().ok()?;
    let mut pieces = rest.split('\t');
    let message = unescape(pieces.next().unwrap_or_default());
    let mut fields: BTreeMap<String, String> = pieces
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, value)| (unescape(name), unescape(value)))
        .collect();
    let id = fields.remove(ID).and_then(|id| id.parse().ok());
    parsed(time, id, LogEntry { id: 0, at_ms: 0, level, message, fields })
}

fn parsed(time: &str, id: Option<u64>, mut entry: LogEntry) -> Option<Parsed> {
    let at = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    let us = u64::try_from(at.unix_timestamp_nanos() / 1_000).ok()?;
    let digits = time.rsplit_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let guessed = id.is_none() && digits < 6;
    entry.at_ms = us / MS;
    entry.id = id.unwrap_or(if guessed { us / MS * MS } else { us });
    Some(Parsed { entry, guessed })
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Appends a text without control characters.
fn escape(line: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => {
                write!(line, "\\u{{{:x}}}", u32::from(control)).expect("writing to a string does not fail");
            }
            other => line.push(other),
        }
    }
}

/// What [`escape`] wrote; anything else stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        out.push_str(&rest[..place]);
        let (character, after) = escaped(&rest[place + 1..]);
        out.push(character);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The character that an escape stands for, and what follows it; the backslash itself where it begins no escape.
fn escaped(text: &str) -> (char, &str) {
    for (letter, character) in [('\\', '\\'), ('n', '\n'), ('r', '\r'), ('t', '\t')] {
        if let Some(rest) = text.strip_prefix(letter) {
            return (character, rest);
        }
    }
    let code = text.strip_prefix("u{").and_then(|rest| rest.split_once('}'));
    let known = code.and_then(|(digits, rest)| {
        let character = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
        Some((character, rest))
    });
    known.unwrap_or(('\\', text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u64 = 1_795_219_200_123_456; // 2026-11-21T00:00:00.123456Z

    fn event() -> Event {
        Event {
            level: LogLevel::Warn,
            message: "wrong\nkey: <b>\\n\t\u{1b}[31m é".to_owned(),
            fields: vec![
                ("target".to_owned(), "octoporty_gateway::endpoint".into()),
                ("source".to_owned(), "a=b\t\"c\"".into()),
                ("wait_s".to_owned(), 60.into()),
            ],
        }
    }

    fn expected(id: u64) -> LogEntry {
        LogEntry { id, at_ms: US / 1_000, ..event().entry() }
    }

    #[test]
    fn what_is_written_is_read_again_in_both_formats() {
        for format in [Format::Text, Format::Json] {
            for id in [US, US + 77] {
                let line = finish(format, US, id, &event().rest(format));
                assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one event, one line");
                assert!(!line.contains(&0x1b), "nothing that a terminal obeys");
                assert_eq!(parse(&line).unwrap(), Parsed { entry: expected(id), guessed: false }, "{format:?}");
            }
        }
    }

    #[test]
    fn json_lines_keep_numbers_as_numbers() {
        let line = finish(Format::Json, US, US, &event().rest(Format::Json));
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["timestamp"], "2026-11-21T00:00:00.123456Z");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["wait_s"], 60);
    }

    #[test]
    fn lines_of_others_are_read_as_far_as_they_go() {
        let json = br#"{"timestamp":"2026-11-21T00:00:00.123Z","level":"INFO","message":"up","n":1,"span":{"id":"x"}}"#;
        let read = parse(json).unwrap();
        assert!(read.guessed);
        assert_eq!((read.entry.id, read.last_id()), (US / 1_000 * 1_000, US / 1_000 * 1_000 + 999));
        let fields = [("n", "1"), ("span.id", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read.entry.fields, BTreeMap::from(fields));
        let text = parse(b"2026-11-21T00:00:00.123Z  INFO session{id=1}: up slot=2\r\n").unwrap();
        assert_eq!(text.entry.message, "session{id=1}: up slot=2");
        assert_eq!(text.entry.level, LogLevel::Info);
    }

    #[test]
    fn what_is_no_line_is_none() {
        let junk: [&[u8]; 9] = [
            b"",
            b"hello",
            b"{",
            b"{}",
            b"{\"timestamp\":\"2026-11-21T00:00:00Z\"}",
            b"{\"timestamp\":1,\"level\":\"INFO\"}",
            b"2026-11-21T00:00:00Z LOUD x",
            b"yesterday INFO x",
            &[0, 255, 254, b' ', 1, b' '],
        ];
        for line in junk {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_backslash_that_is_no_escape_stays() {
        for text in ["C:\\data", "\\", "\\u{", "\\u{zz}", "\\u{110000}"] {
            assert_eq!(unescape(text), text);
        }
    }
}
