//! The console's event stream, as a script would read it.

use std::time::Duration;

use serde_json::Value;

use crate::PATIENCE;
use crate::console::ConsoleClient;
use crate::visitor::Visitor;

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// To go on from here later; not every event has one.
    pub id: Option<String>,
    /// Its name.
    pub event: String,
    /// What it says.
    pub data: Value,
}

impl Event {
    /// `None` for a comment or a bare `retry`.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let data = field("data: ")?;
        let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("not JSON ({error}): {data}"));
        Some(Self { id: field("id: "), event: field("event: ").expect("an event has a name"), data })
    }
}

/// Events as they come.
#[derive(Debug)]
pub struct Events {
    stream: Visitor,
    text: String,
    seen: Option<String>,
}

impl Events {
    /// Opens a stream; with the id of the newest event that was seen, it begins with what was missed.
    ///
    /// # Panics
    /// If the console gives none.
    pub async fn open(console: &ConsoleClient, last_id: Option<&str>) -> Self {
        let path = match last_id {
            Some(id) => format!("/api/v1/events?lastEventId={id}"),
            None => "/api/v1/events".to_owned(),
        };
        let mut stream = Visitor::connect(console.address()).await;
        stream.send(console.head("GET", &path).as_bytes()).await;
        assert_eq!(stream.head().await.expect("a head").header("content-type"), Some("text/event-stream"));
        Self { stream, text: String::new(), seen: None }
    }

    /// Id of the newest event that was read.
    #[must_use]
    pub fn seen(&self) -> Option<&str> {
        self.seen.as_deref()
    }

    /// The next one.
    ///
    /// # Panics
    /// If the stream ends or none comes in time.
    pub async fn next(&mut self) -> Event {
        loop {
            while let Some((first, rest)) = self.text.split_once("\n\n") {
                let event = Event::parse(first);
                self.text = rest.to_owned();
                if let Some(event) = event {
                    self.seen = event.id.clone().or(self.seen.take());
                    return event;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.stream.chunk()).await.expect("an event comes in time");
            self.text.push_str(&String::from_utf8(chunk.expect("the stream goes on")).expect("text"));
        }
    }

    /// Reads on until `probe` gives a value.
    ///
    /// # Panics
    /// With `what`, if it does not in time.
    pub async fn until<T>(&mut self, what: &str, mut probe: impl FnMut(&Event) -> Option<T>) -> T {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = probe(&self.next().await) {
                    return found;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no event tells in time: {what}"))
    }

    /// The data of the next event of this name; `None` when none comes within `bound`.
    pub async fn named(&mut self, name: &str, bound: Duration) -> Option<Value> {
        let found = async {
            loop {
                let event = self.next().await;
                if event.event == name {
                    return event.data;
                }
            }
        };
        tokio::time::timeout(bound, found).await.ok()
    }
}
