//! The access record of one request: made when its answer ends, however it ends, and exactly once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_proto::model::{AccessRow, Failure, MappingId, VISITOR_LEFT};

use crate::counters::{RequestTimes, ShardCounters};
use crate::fields::Known;
use crate::routing::Serving;
use crate::shards::ShardContext;
use crate::visitor::Visit;

/// The status of a request whose visitor left before the head of the answer.
const VISITOR_LEFT_STATUS: u16 = 499;

/// Most bytes of the texts of a record, see [`octoporty_proto::model::AccessRecord`].
const MAX_METHOD: usize = 16;
const MAX_HOST: usize = 253;
const MAX_PATH: usize = 2048;
const MAX_USER_AGENT: usize = 512;
const MAX_DETAIL: usize = 512;

/// How a request ended.
#[derive(Debug)]
enum Outcome {
    /// Nobody said how: whoever held the record was dropped, and that is how the ingress tells that the visitor is gone.
    Left,
    /// In order.
    Done,
    /// The gateway made the answer, or cut it.
    Failed(Failure),
}

/// Gathers what a record needs and queues it when it is dropped. Texts are not copied before.
#[derive(Debug)]
pub(crate) struct Record {
    shard: Arc<ShardContext>,
    serving: Serving,
    mapping: MappingId,
    /// What was asked, by whom.
    pub(super) visit: Visit,
    sent: Option<Instant>,
    first_byte: Option<Instant>,
    round_trip: Option<Duration>,
    status: Option<u16>,
    outcome: Outcome,
    /// When it ended, where that is known before it is told.
    ended: Option<Instant>,
    /// Bytes of the request's body so far.
    pub(super) request_bytes: u64,
    /// Bytes of the answer's body so far.
    pub(super) response_bytes: u64,
}

impl Record {
    /// Begins the record of a request to a mapping.
    pub(super) fn new(shard: Arc<ShardContext>, serving: Serving, mapping: MappingId, visit: Visit) -> Self {
        Self {
            shard,
            serving,
            mapping,
            visit,
            sent: None,
            first_byte: None,
            round_trip: None,
            status: None,
            outcome: Outcome::Left,
            ended: None,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    /// The shard that serves the request.
    pub(super) fn shard(&self) -> &Arc<ShardContext> {
        &self.shard
    }

    /// Forgets what will not be told, where the request may last.
    pub(super) fn settle(&mut self) {
        self.visit.head.fields.keep(Known::UserAgent);
        self.visit.visitor.proxies = Vec::new();
    }

    /// The head is on its way. Said again when it is sent again.
    pub(super) fn head_sent(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// Something came from the target, over a tunnel whose round trip was last this; only the first time counts.
    pub(super) fn first_byte(&mut self, now: Instant, round_trip: Option<Duration>) {
        if self.first_byte.is_none() {
            self.first_byte = Some(now);
            self.round_trip = round_trip;
        }
    }

    /// This status goes to the visitor.
    pub(super) fn status(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The answer ended in order.
    pub(super) fn done(&mut self) {
        self.outcome = Outcome::Done;
    }

    /// The answer ended in order at this time.
    pub(super) fn done_at(&mut self, now: Instant) {
        self.done();
        self.ended = Some(now);
    }

    /// The visitor is known to be gone.
    pub(super) fn visitor_left(&mut self) {
        self.outcome = Outcome::Left;
    }

    /// The gateway makes the answer, or cuts the one that has begun.
    pub(super) fn failed(&mut self, failure: Failure) {
        self.status.get_or_insert(failure.code.status());
        self.outcome = Outcome::Failed(failure);
    }

    /// Gives the record to the queue as a row: nothing of it is copied but into the queue's own bytes.
    fn tell(&self) {
        let Visit { head, visitor, request_id, arrived, arrived_ms } = &self.visit;
        let total = self.ended.unwrap_or_else(Instant::now).saturating_duration_since(*arrived);
        let (error, error_detail) = match &self.outcome {
            Outcome::Done => (None, None),
            Outcome::Left => (Some(VISITOR_LEFT), None),
            Outcome::Failed(failure) => {
                (Some(failure.code.as_str()), failure.detail.as_deref().map(|detail| cut(detail, MAX_DETAIL)))
            }
        };
        let sent = self.sent.unwrap_or_else(|| *arrived + total);
        let user_agent = head.fields.get(Known::UserAgent).map(|agent| lossy(agent, MAX_USER_AGENT));
        let status = self.status.unwrap_or(VISITOR_LEFT_STATUS);
        let gateway = sent.saturating_duration_since(*arrived);
        let first_byte = self.first_byte.map(|first| first.saturating_duration_since(sent));
        let first_byte_us = first_byte.map(micros);
        self.count(status, RequestTimes { gateway, first_byte, total });
        let had_room = self.serving.record(&AccessRow {
            mapping: self.mapping,
            request_id: request_id.as_str(),
            at_ms: *arrived_ms,
            method: cut(head.method.as_str(), MAX_METHOD),
            host: cut(visitor.host(), MAX_HOST),
            path: cut(head.uri.path(), MAX_PATH),
            query: head.uri.query().map(|query| cut(query, MAX_PATH)),
            status,
            error,
            error_detail,
            gateway_us: micros(gateway),
            first_byte_us,
            total_us: micros(total),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            client: visitor.client,
            user_agent: user_agent.as_deref(),
            // The rest of that time is the target's.
            tunnel_us: first_byte_us.zip(self.round_trip).map(|(whole, trip)| micros(trip).min(whole)),
        });
        if !had_room {
            ShardCounters::count(&self.shard.counters().records_dropped);
        }
    }

    fn count(&self, status: u16, times: RequestTimes) {
        let counters = self.shard.counters();
        counters.ended(status, times);
        match &self.outcome {
            Outcome::Done => {}
            Outcome::Left => counters.visitor_left(),
            Outcome::Failed(failure) => counters.failed(failure.code),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.tell();
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The front of a text, cut between characters.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// As [`cut`], for bytes that may not be UTF-8.
fn lossy(bytes: &[u8], limit: usize) -> Cow<'_, str> {
    match String::from_utf8_lossy(&bytes[..bytes.len().min(limit)]) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        // A replacement character is longer than the byte that it stands for.
        Cow::Owned(text) => Cow::Owned(cut(&text, limit).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("abc", 5), "abc");
        assert_eq!(cut("aéé", 4), "aé");
        assert_eq!(lossy(&[0xff; 10], 6), "\u{fffd}\u{fffd}");
        assert_eq!(lossy("é".repeat(400).as_bytes(), MAX_USER_AGENT).len(), MAX_USER_AGENT);
    }
}
