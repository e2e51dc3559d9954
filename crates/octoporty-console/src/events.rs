//! The events stream: one hub, many listeners. What happened lately is kept in a ring, so that a listener who lost its
//! connection gets what it missed. Nobody waits for a slow listener: one whose queue is full is let go and comes back
//! by its last id.

pub(crate) mod feed;
pub(crate) mod lines;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::api::events::shapes::EventBody;

/// Events that can be replayed: minutes of a busy tunnel.
const RING_EVENTS: usize = 1_024;
/// Bytes of events that can be replayed, whatever their number.
const RING_BYTES: usize = 4 * 1_024 * 1_024;
/// Events that may wait for one listener; beyond it the listener is let go.
const LISTENER_QUEUE: usize = 256;
/// Listeners at once: tabs of one person, with room.
const MAX_LISTENERS: usize = 64;

/// One event, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its place in this run's order; `None` for what cannot be replayed.
    pub(crate) id: Option<String>,
    /// The event's name.
    pub(crate) name: &'static str,
    /// Its data.
    pub(crate) data: Data,
}

/// An event's data.
#[derive(Clone)]
pub(crate) enum Data {
    /// JSON.
    Json(Arc<str>),
    /// Becomes JSON when somebody asks: on a busy site most events are over before anybody listens.
    Later(Arc<dyn Unwritten>),
}

/// Data that is kept in a shorter form than its JSON.
pub(crate) trait Unwritten: Send + Sync {
    /// The JSON.
    fn write(&self) -> String;
    /// Bytes that it takes until then.
    fn size(&self) -> usize;
}

impl Data {
    /// The JSON.
    pub(crate) fn json(&self) -> Arc<str> {
        match self {
            Self::Json(json) => Arc::clone(json),
            Self::Later(data) => data.write().into(),
        }
    }

    /// Bytes that are held.
    fn size(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Later(data) => data.size(),
        }
    }
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json())
    }
}

impl From<String> for Data {
    fn from(json: String) -> Self {
        Self::Json(json.into())
    }
}

/// Whether an event can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replay {
    /// Kept in the ring.
    Kept,
    /// A newer one says all that it said.
    Superseded,
    /// Not kept: whoever missed it reads it by its route.
    Never,
}

/// A listener's place at the hub.
pub(crate) struct Listener {
    /// What it missed, oldest first.
    pub(crate) missed: Vec<Frame>,
    /// What happens from now on; ends when the listener is let go.
    pub(crate) news: mpsc::Receiver<Frame>,
    /// Id of the newest event before these news.
    pub(crate) cursor: String,
    /// Whether events between its last id and the oldest known one are lost.
    pub(crate) gap: bool,
}

/// All listeners and what happened lately.
pub(crate) struct Hub {
    /// Ids of another run mean nothing in this one.
    run: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    newest: u64,
    ring: VecDeque<(u64, Frame)>,
    ring_bytes: usize,
    listeners: Vec<mpsc::Sender<Frame>>,
    closed: bool,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let run = Uuid::new_v4().simple().to_string()[..8].to_owned();
        Self { run, inner: Mutex::new(Inner::default()) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }

    /// Whether anybody listens.
    pub(crate) fn has_listeners(&self) -> bool {
        self.listeners() > 0
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        let mut inner = self.inner();
        inner.listeners.retain(|listener| !listener.is_closed());
        inner.listeners.len()
    }

    /// Tells everybody.
    pub(crate) fn publish(&self, body: &EventBody, replay: Replay) {
        let (name, data) = body.name_and_json();
        self.spread(&mut self.inner(), name, data.into(), replay);
    }

    /// As [`Self::publish`], for data that is written only if somebody listens, now or later.
    pub(crate) fn publish_later(&self, name: &'static str, data: Arc<dyn Unwritten>, replay: Replay) {
        let mut inner = self.inner();
        inner.listeners.retain(|listener| !listener.is_closed());
        let data = if inner.listeners.is_empty() { Data::Later(data) } else { data.write().into() };
        self.spread(&mut inner, name, data, replay);
    }

    fn spread(&self, inner: &mut Inner, name: &'static str, data: Data, replay: Replay) {
        let mut frame = Frame { id: None, name, data };
        if replay == Replay::Kept {
            inner.newest += 1;
            frame.id = Some(self.id(inner.newest));
            inner.keep(frame.clone());
        }
        inner.listeners.retain(|listener| listener.try_send(frame.clone()).is_ok());
    }

    /// Adds a listener who has seen events up to the given id. `None`: there are too many.
    pub(crate) fn listen(&self, last_id: Option<&str>) -> Option<Listener> {
        let mut inner = self.inner();
        inner.listeners.retain(|listener| !listener.is_closed());
        if inner.listeners.len() >= MAX_LISTENERS {
            return None;
        }
        let (missed, gap) = match last_id {
            None => (Vec::new(), false),
            Some(id) => match self.number(id).filter(|number| *number <= inner.newest) {
                None => (Vec::new(), true),
                Some(number) => inner.since(number),
            },
        };
        let (sender, news) = mpsc::channel(LISTENER_QUEUE);
        if !inner.closed {
            inner.listeners.push(sender);
        }
        Some(Listener { missed, news, cursor: self.id(inner.newest), gap })
    }

    /// Nothing more is told: listeners get what waits for them, and end.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        inner.listeners.clear();
    }

    fn number(&self, id: &str) -> Option<u64> {
        let (run, number) = id.trim().split_once('-')?;
        (run == self.run).then(|| number.parse().ok())?
    }
}

impl Inner {
    fn keep(&mut self, frame: Frame) {
        self.ring_bytes += frame.data.size();
        self.ring.push_back((self.newest, frame));
        while self.ring.len() > RING_EVENTS || self.ring_bytes > RING_BYTES {
            let Some((_, oldest)) = self.ring.pop_front() else { break };
            self.ring_bytes -= oldest.data.size();
        }
    }

    /// What came after a number, and whether some of it is lost.
    fn since(&self, number: u64) -> (Vec<Frame>, bool) {
        let oldest = self.ring.front().map_or(self.newest + 1, |(oldest, _)| *oldest);
        let missed = self.ring.iter().filter(|(place, _)| *place > number).map(|(_, frame)| frame.clone());
        (missed.collect(), number + 1 < oldest)
    }
}

#[cfg(test)]
mod tests;
