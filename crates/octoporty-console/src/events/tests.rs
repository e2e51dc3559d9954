use super::*;
use crate::api::events::shapes::MappingsChangedEvent;

fn change(revision: u64) -> EventBody {
    EventBody::MappingsChanged(MappingsChangedEvent { revision })
}

fn publish(hub: &Hub, revisions: std::ops::RangeInclusive<u64>) {
    for revision in revisions {
        hub.publish(&change(revision), Replay::Kept);
    }
}

fn data(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(|frame| frame.data.json().to_string()).collect()
}

#[test]
fn a_listener_gets_what_it_missed_and_no_more() {
    let hub = Hub::new();
    publish(&hub, 1..=2);
    let cursor = hub.listen(None).unwrap().cursor;
    publish(&hub, 3..=4);
    let listener = hub.listen(Some(&cursor)).unwrap();
    assert_eq!(data(&listener.missed), ["{\"revision\":3}", "{\"revision\":4}"]);
    assert!(!listener.gap);
    let again = hub.listen(Some(&listener.cursor)).unwrap();
    assert!(again.missed.is_empty() && !again.gap);
}

#[test]
fn what_is_no_longer_in_the_ring_is_a_gap() {
    let hub = Hub::new();
    let before = hub.listen(None).unwrap().cursor;
    publish(&hub, 1..=RING_EVENTS as u64);
    assert!(!hub.listen(Some(&before)).unwrap().gap, "just so");
    publish(&hub, 0..=0);
    let late = hub.listen(Some(&before)).unwrap();
    assert!(late.gap);
    assert_eq!(late.missed.len(), RING_EVENTS);
}

#[test]
fn ids_of_another_run_and_of_the_future_are_gaps() {
    let hub = Hub::new();
    publish(&hub, 1..=3);
    let foreign = Hub::new().listen(None).unwrap().cursor;
    let future = hub.id(99);
    for id in [foreign.as_str(), future.as_str(), "", "x", "1-"] {
        assert!(hub.listen(Some(id)).unwrap().gap, "{id}");
    }
}

#[test]
fn the_ring_is_bounded_in_bytes() {
    let hub = Hub::new();
    let reason = "x".repeat(RING_BYTES / 4);
    let large = EventBody::Reset(crate::api::events::shapes::ResetEvent { reason });
    for _ in 0..10 {
        hub.publish(&large, Replay::Kept);
    }
    let inner = hub.inner();
    assert!(inner.ring_bytes <= RING_BYTES);
    assert_eq!(inner.ring.len(), 3);
    assert_eq!(inner.ring_bytes, inner.ring.iter().map(|(_, frame)| frame.data.size()).sum::<usize>());
}

#[tokio::test]
async fn a_slow_listener_is_let_go_and_others_are_not() {
    let hub = Hub::new();
    let mut slow = hub.listen(None).unwrap();
    let mut quick = hub.listen(None).unwrap();
    for revision in 0..=LISTENER_QUEUE as u64 {
        hub.publish(&change(revision), Replay::Kept);
        assert!(quick.news.recv().await.is_some());
    }
    let mut received = 0;
    while slow.news.recv().await.is_some() {
        received += 1;
    }
    assert_eq!(received, LISTENER_QUEUE, "what was queued still comes, then the end");
    publish(&hub, 1..=1);
    assert!(quick.news.recv().await.is_some());
}

#[test]
fn superseded_events_have_no_id_and_are_not_replayed() {
    let hub = Hub::new();
    let mut listener = hub.listen(None).unwrap();
    hub.publish(&change(1), Replay::Superseded);
    assert_eq!(listener.news.try_recv().unwrap().id, None);
    assert!(hub.listen(Some(&listener.cursor)).unwrap().missed.is_empty());
}

#[test]
fn places_are_limited_and_given_away() {
    let hub = Hub::new();
    let mut listeners: Vec<_> = (0..MAX_LISTENERS).map(|_| hub.listen(None).unwrap()).collect();
    assert!(hub.listen(None).is_none());
    listeners.pop();
    assert!(hub.listen(None).is_some());
    drop(listeners);
    assert!(!hub.has_listeners());
}

struct Counted(std::sync::atomic::AtomicUsize);

impl Unwritten for Counted {
    fn write(&self) -> String {
        format!("\"written {}\"", self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    fn size(&self) -> usize {
        3
    }
}

#[test]
fn what_nobody_hears_is_not_written_and_who_comes_later_gets_it_all_the_same() {
    let hub = Hub::new();
    let before = hub.listen(None).unwrap().cursor;
    let news = Arc::new(Counted(0.into()));
    hub.publish_later("requests", news.clone(), Replay::Kept);
    assert_eq!(hub.inner().ring_bytes, 3);
    assert_eq!(news.0.load(std::sync::atomic::Ordering::Relaxed), 0);
    let mut listener = hub.listen(Some(&before)).unwrap();
    assert_eq!(data(&listener.missed), ["\"written 0\""]);
    hub.publish_later("requests", news.clone(), Replay::Kept);
    assert_eq!(data(&[listener.news.try_recv().unwrap()]), ["\"written 1\""]);
}
