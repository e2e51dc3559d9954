//! The console's event stream, read as it comes.

use std::time::Duration;

use serde_json::Value;

use crate::console::ConsoleClient;
use crate::visitor::Visitor;

/// An open event stream.
#[derive(Debug)]
pub struct Events {
    stream: Visitor,
    text: String,
}

impl Events {
    /// Begins to listen.
    ///
    /// # Panics
    /// If the answer is no event stream.
    pub async fn open(console: &ConsoleClient) -> Self {
        let mut stream = Visitor::connect(console.address()).await;
        stream.send(console.head("GET", "/api/v1/events").as_bytes()).await;
        assert_eq!(stream.head().await.expect("a head").header("content-type"), Some("text/event-stream"));
        Self { stream, text: String::new() }
    }

    /// The data of the next event of this name; `None` when none comes within `bound`.
    pub async fn next(&mut self, name: &str, bound: Duration) -> Option<Value> {
        tokio::time::timeout(bound, self.read(name)).await.ok()
    }

    async fn read(&mut self, name: &str) -> Value {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.lines().any(|line| line.strip_prefix("event: ") == Some(name)) {
                    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event has data");
                    return serde_json::from_str(data).expect("JSON");
                }
            }
            let chunk = self.stream.chunk().await.expect("the stream goes on");
            self.text.push_str(&String::from_utf8(chunk).expect("text"));
        }
    }
}
