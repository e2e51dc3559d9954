//! The invariants, recounted from scratch.

use std::collections::HashMap;

use crate::mux::schedule::Place;
use crate::mux::stream::{Birth, Notice, Phase, Waiting};
use crate::mux::{Mux, Standing};

/// What must hold at one end at any moment.
pub(super) fn check(mux: &Mux) {
    let floor = mux.books.sending.floor();
    let over = |held: u64| held.saturating_sub(floor);
    let (mut sending, mut receiving, mut queueing, mut kept) = (0, 0, 0, 0);
    let (mut local, mut peer) = (0, 0);
    for (id, stream) in &mux.streams {
        let queued = stream.outbox.len() as u64;
        sending += over(stream.sent.in_flight());
        receiving += over(stream.received.outstanding());
        queueing += over(queued);
        if mux.side.opens(*id) {
            local += 1
        } else {
            peer += 1
        };

        assert!(queued <= mux.config.send_buffer as u64, "{id:?}: the queue is bounded");
        assert!(queued <= stream.sent.in_flight(), "{id:?}: what is queued is counted");
        assert!(stream.sent.in_flight() <= stream.sent.window(), "{id:?}: the peer's window is kept");
        assert!(stream.received.outstanding() <= stream.received.window(), "{id:?}: the window is kept");
        assert!(stream.received.taken() <= stream.received.outstanding(), "{id:?}: taken is a part");
        assert!(stream.received.window() <= u64::from(mux.config.max_window.max(mux.config.initial_window)));
        if matches!(stream.phase, Phase::Live(..)) {
            assert_eq!(
                stream.inbox.len() as u64 + stream.received.held() + stream.received.taken(),
                stream.received.outstanding(),
                "{id:?}: every byte waits to be read, is with its reader or waits to be given back"
            );
        } else {
            kept += over(stream.inbox.len() as u64);
            assert_eq!((stream.sent.in_flight(), stream.received.outstanding()), (0, 0), "{id:?}: nothing counts");
        }
        assert!(!stream.is_forgettable(), "{id:?}: a finished stream is forgotten at once");
        if matches!((stream.waiting, &stream.phase), (Waiting::Own, Phase::Live(..))) {
            assert_eq!(mux.books.own_room(stream), 0, "{id:?}: one that has room of its own was told or is listed");
        }
        if stream.is_active() {
            assert_ne!(stream.turn.place, Place::Idle, "{id:?}: what can be sent is scheduled");
        }
    }
    assert_eq!(mux.books.sending.excess(), sending, "the shared count of bytes in flight is the sum");
    assert_eq!(mux.books.receiving.excess(), receiving, "the shared count of bytes received is the sum");
    assert_eq!(mux.books.queueing.excess(), queueing, "the shared count of queued bytes is the sum");
    assert_eq!(mux.books.kept.excess(), kept, "the shared count of what is kept of reset streams is the sum");
    assert!(kept <= mux.config.max_in_flight || mux.standing == Standing::Lost, "what is kept is bounded");
    assert!(sending <= mux.config.max_in_flight, "the shared cap is kept");
    assert!(receiving <= mux.config.max_in_flight, "the peer keeps the shared cap");
    assert_eq!((mux.ids.local_streams, mux.ids.peer_streams), (local, peer), "streams are counted");
    assert!(mux.ids.peer_streams <= mux.config.max_streams);
    check_slack(mux);
    check_lists(mux);
}

/// What unread bytes hold besides themselves.
fn check_slack(mux: &Mux) {
    let (slack, most) = mux.books.slack();
    let unread: u64 = mux.streams.values().map(|stream| stream.inbox.len() as u64).sum();
    let sum: u64 = mux.streams.values().map(|stream| stream.inbox.slack()).sum();
    assert_eq!(slack, sum, "the shared count of what slices hold besides themselves is the sum");
    assert!(slack <= most + unread, "what is not read takes little more than twice its bytes");
}

/// Every list names each stream at most once, and all that it must.
fn check_lists(mux: &Mux) {
    let mut windows: HashMap<_, u32> = HashMap::new();
    for id in &mux.outgoing.windows {
        *windows.entry(*id).or_default() += 1;
    }
    for (id, stream) in &mux.streams {
        let listed = windows.get(id).copied().unwrap_or(0);
        assert!(listed <= 1, "{id:?} is listed once");
        assert!(stream.owed.is_none() || listed == 1, "{id:?}: credit that is owed will be sent");
        let resets = mux.outgoing.resets.iter().filter(|(reset, _)| reset == id).count();
        assert_eq!(resets, usize::from(stream.notice == Notice::Due), "{id:?}: a reset is sent once");
        if stream.birth == Birth::Pending {
            let listed = mux.outgoing.opens.iter().filter(|(open, _)| open == id).count();
            let wanted = usize::from(matches!(stream.phase, Phase::Live(..)));
            assert_eq!(
                listed, wanted,
                "{id:?}: one that the peer was not told of will be announced, unless it was reset"
            );
            assert_eq!(stream.notice, Notice::None, "{id:?}: of one that the peer does not know it hears nothing");
        }
    }
}

/// What must hold between the ends when nothing is under way.
pub(super) fn check_agreement(ends: &[Mux; 2]) {
    if ends.iter().any(|mux| !matches!(mux.standing, Standing::Up)) {
        return;
    }
    for (sender, receiver) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
        let (mut sent, mut received) = (0, 0);
        for (id, stream) in &sender.streams {
            let in_flight = stream.sent.in_flight() - stream.outbox.len() as u64;
            sent += in_flight;
            match receiver.streams.get(id) {
                Some(other) => {
                    assert_eq!(in_flight, other.received.outstanding(), "{id:?}: both ends count the same");
                    if matches!((&stream.phase, &other.phase), (Phase::Live(..), Phase::Live(..))) {
                        assert_eq!(stream.sent.window(), other.received.window(), "{id:?}: one window");
                    }
                }
                None => assert_eq!(in_flight, 0, "{id:?}: nothing is in flight on a stream that the peer forgot"),
            }
        }
        for stream in receiver.streams.values() {
            received += stream.received.outstanding();
        }
        assert_eq!(sent, received, "the link's count of bytes in flight is one");
        assert_eq!(sender.zero.in_flight(), receiver.zero.unreturned(), "so is that of the control stream");
    }
}
