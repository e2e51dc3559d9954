//! Takes every event into the memory of its role, and into the file.

use std::fmt::Debug;
use std::io::Write;
use std::sync::Arc;

use octoporty_proto::model::LogLevel;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::book::Book;
use super::line::{self, Event};
use super::writer::Lines;
use crate::settings::value::Format;

/// Most bytes of a message or a field's value; the rest is cut off.
const MAX_TEXT: usize = 8 << 10;

/// What must not be in a log, by a part of its field's name. Nothing logs such a field; should something begin to, the
/// value stays out.
const SECRET: [&str; 7] = ["password", "secret", "token", "authorization", "cookie", "api_key", "apikey"];

/// Names of a line's own parts; an event's fields of these names get an underscore before.
const RESERVED: [&str; 5] = ["timestamp", "level", "message", "target", "logId"];

/// One of the subscriber's layers.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) agent: Arc<Book>,
    pub(super) gateway: Arc<Book>,
    pub(super) file: Option<(Lines, Format)>,
}

/// What an event or a span says of itself.
#[derive(Debug, Default)]
struct Said {
    message: String,
    fields: Vec<line::Field>,
}

impl Journal {
    /// Whose line it is, where one process has both roles: that of the crate that wrote it, and for what they share that
    /// of the thread, since the gateway's links and visitors live on threads of its own.
    fn book(&self, target: &str) -> &Book {
        let crate_name = target.split("::").next().unwrap_or_default();
        let is_gateway = match crate_name {
            "octoporty_gateway" => true,
            "octoporty_agent" | "octoporty_console" | "octoporty" => false,
            _ => std::thread::current().name().is_some_and(|name| name.starts_with("gateway")),
        };
        if is_gateway { &self.gateway } else { &self.agent }
    }
}

impl<S> Layer<S> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut said = Said::default();
        attributes.record(&mut said);
        span.extensions_mut().replace(said);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(said) = span.extensions_mut().get_mut::<Said>() {
            values.record(said);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let metadata = event.metadata();
        let mut fields = vec![("target".to_owned(), metadata.target().into())];
        fields.append(&mut said.fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(said) = span.extensions().get::<Said>() {
                let named = said.fields.iter().map(|(name, value)| (format!("{}.{name}", span.name()), value.clone()));
                fields.extend(named);
            }
        }
        let event = Event { level: level(metadata), message: said.message, fields };
        let written = self.file.as_ref().map(|(lines, format)| (lines.clone(), *format, event.rest(*format)));
        let us = u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or_default();
        self.book(metadata.target()).ring.push(us, &event.entry(), |id| {
            if let Some((mut lines, format, rest)) = written {
                // It counts what finds no room, and never waits.
                drop(lines.write_all(&line::finish(format, us, id, &rest)));
            }
        });
    }
}

fn level(metadata: &Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

impl Said {
    fn note(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let lower = name.to_ascii_lowercase();
        let value = if SECRET.iter().any(|part| lower.contains(part)) { "****".into() } else { value };
        let name = if RESERVED.contains(&name) { format!("_{name}") } else { name.to_owned() };
        self.fields.push((name, value));
    }

    fn text(&mut self, field: &Field, text: String) {
        let text = cut(text);
        // The sentence comes first; a field that is called the same comes after it.
        if field.name() == "message" && self.message.is_empty() {
            self.message = text;
        } else {
            self.note(field, text.into());
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
