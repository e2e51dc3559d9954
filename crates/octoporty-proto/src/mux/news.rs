//! Events that wait for [`super::Mux::poll_event`]. Each kind of news about the link waits at most once; those about a
//! stream at most once between two reactions of its owner, so the queue is bounded by the number of streams.

use std::collections::VecDeque;
use std::time::Duration;

use super::Event;
use crate::wire::StreamId;

#[derive(Debug, Default)]
pub(super) struct News {
    control_readable: Option<()>,
    control_writable: Option<()>,
    pong: Option<Duration>,
    go_away: Option<StreamId>,
    streams: VecDeque<Event>,
}

impl News {
    pub(super) const fn control_readable(&mut self) {
        self.control_readable = Some(());
    }

    pub(super) const fn control_writable(&mut self) {
        self.control_writable = Some(());
    }

    /// A newer round trip replaces one that nobody looked at.
    pub(super) const fn pong(&mut self, round_trip: Duration) {
        self.pong = Some(round_trip);
    }

    pub(super) const fn go_away(&mut self, last: StreamId) {
        self.go_away = Some(last);
    }

    pub(super) fn stream(&mut self, event: Event) {
        self.streams.push_back(event);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
            && self.control_readable.is_none()
            && self.control_writable.is_none()
            && self.pong.is_none()
            && self.go_away.is_none()
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        if self.control_readable.take().is_some() {
            return Some(Event::Control);
        }
        if self.control_writable.take().is_some() {
            return Some(Event::ControlWritable);
        }
        if let Some(round_trip) = self.pong.take() {
            return Some(Event::Pong(round_trip));
        }
        if let Some(event) = self.streams.pop_front() {
            return Some(event);
        }
        self.go_away.take().map(Event::GoAway)
    }
}
