//! Interim answers (1xx) that hyper's server cannot send by itself.
//!
//! The connection's socket wrapper and the request's [`EarlyWriter`] share an [`EarlyQueue`]. The wrapper writes the
//! queue out only at a moment when all that hyper had to write is written, so an interim head never lands inside
//! another answer; what could not be written before the final head is dropped (interim answers are advice).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, StatusCode, Version};

/// Most bytes of interim heads that wait on one connection: a visitor that does not read loses them.
const MAX_QUEUED: usize = 64 * 1024;

/// What waits to be written on one connection. Nearly always nothing does: that is seen without a lock. One thread
/// uses it at a time; the atomics only say so to the compiler.
#[derive(Debug, Default)]
pub(crate) struct EarlyQueue {
    bytes: Mutex<Vec<u8>>,
    /// Whether there are any bytes.
    waits: AtomicBool,
    /// Whether hyper has handed bytes over since it last flushed all.
    dirty: AtomicBool,
}

impl EarlyQueue {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hyper handed over bytes that are not all written yet.
    pub(crate) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// All that hyper handed over is written.
    pub(crate) fn mark_clean(&self) {
        self.dirty.store(false, Ordering::Release);
    }

    fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    fn add(&self, head: &[u8]) {
        let mut bytes = self.lock();
        if bytes.len() + head.len() <= MAX_QUEUED {
            bytes.extend_from_slice(head);
            self.waits.store(true, Ordering::Release);
        }
    }

    fn empty(&self) -> Vec<u8> {
        let mut bytes = self.lock();
        self.waits.store(false, Ordering::Release);
        std::mem::take(&mut *bytes)
    }

    /// Bytes that may be written now, if there are any.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        (self.waits.load(Ordering::Acquire) && !self.is_dirty()).then(|| self.empty())
    }

    /// The final head comes next: what cannot be written before it is dropped.
    pub(crate) fn final_head_follows(&self) {
        if self.waits.load(Ordering::Acquire) && self.is_dirty() {
            drop(self.empty());
        }
    }
}

/// Sends interim answers to the visitor of one request, as long as the final head has not begun.
#[derive(Debug, Clone)]
pub(crate) struct EarlyWriter {
    queue: Option<Arc<EarlyQueue>>,
}

impl EarlyWriter {
    /// For a request of this version: HTTP/1.0 knows no interim answers.
    pub(crate) fn new(queue: Arc<EarlyQueue>, version: Version) -> Self {
        Self { queue: (version == Version::HTTP_11).then_some(queue) }
    }

    /// Queues `status` (1xx, but not 100, which hyper sends by itself, nor 101) with these headers. It leaves with
    /// the next flush, which hyper does in the same poll. Nothing happens for visitors that know no interim answers.
    pub(crate) fn send(&self, status: StatusCode, headers: &HeaderMap) {
        let Some(queue) = &self.queue else { return };
        if !status.is_informational() || matches!(status, StatusCode::CONTINUE | StatusCode::SWITCHING_PROTOCOLS) {
            return;
        }
        let head = encode(status, headers);
        queue.add(&head);
    }
}

fn encode(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or("Interim").as_bytes());
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn hints() -> HeaderMap {
        HeaderMap::from_iter([(http::header::LINK, HeaderValue::from_static("</style.css>; rel=preload"))])
    }

    fn queued(status: StatusCode, version: Version) -> Option<String> {
        let queue = Arc::new(EarlyQueue::default());
        EarlyWriter::new(queue.clone(), version).send(status, &hints());
        queue.take().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn an_interim_head_is_written_as_it_stands_on_the_wire() {
        let expected = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
        assert_eq!(queued(StatusCode::EARLY_HINTS, Version::HTTP_11).as_deref(), Some(expected));
    }

    #[test]
    fn old_visitors_and_what_is_no_interim_answer_get_nothing() {
        assert_eq!(queued(StatusCode::EARLY_HINTS, Version::HTTP_10), None);
        for status in [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS, StatusCode::OK] {
            assert_eq!(queued(status, Version::HTTP_11), None, "{status}");
        }
    }

    #[test]
    fn nothing_goes_out_inside_another_answer() {
        let queue = Arc::new(EarlyQueue::default());
        let writer = EarlyWriter::new(queue.clone(), Version::HTTP_11);
        queue.mark_dirty();
        writer.send(StatusCode::EARLY_HINTS, &hints());
        assert_eq!(queue.take(), None, "hyper has bytes of the answer before");
        queue.mark_clean();
        assert!(queue.take().is_some());
    }

    #[test]
    fn what_is_too_late_for_its_answer_is_dropped() {
        let queue = Arc::new(EarlyQueue::default());
        let writer = EarlyWriter::new(queue.clone(), Version::HTTP_11);
        queue.mark_dirty();
        writer.send(StatusCode::EARLY_HINTS, &hints());
        queue.final_head_follows();
        queue.mark_clean();
        assert_eq!(queue.take(), None);
        writer.send(StatusCode::EARLY_HINTS, &hints());
        queue.final_head_follows();
        assert!(queue.take().is_some(), "when all is written, it goes out before the head");
    }

    #[test]
    fn a_visitor_that_does_not_read_loses_hints_and_not_the_gateways_memory() {
        let queue = Arc::new(EarlyQueue::default());
        let writer = EarlyWriter::new(queue.clone(), Version::HTTP_11);
        (0..10_000).for_each(|_| writer.send(StatusCode::EARLY_HINTS, &hints()));
        assert!(queue.take().unwrap().len() <= MAX_QUEUED);
    }
}
