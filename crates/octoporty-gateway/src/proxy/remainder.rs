//! What is left of an upload when the answer has begun before its end.
//!
//! The answer passes on; the rest of the upload goes on beside it, in a task of its own, since a visitor may well read
//! nothing of the answer before it has sent everything. The two share the stream. When the target takes no more, the
//! rest is read and dropped within a bound, so that the visitor gets to see the answer: closing a connection with
//! unread bytes makes the visitor's system throw away what it has not read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use octoporty_tunnel::stream::Stream;
use tokio::time::Instant;

use super::upload::{Upload, UploadError};
use crate::ingress::body::RequestBody;
use crate::shards::ShardContext;
use crate::upstream::chunked::Piece;
use crate::upstream::clock::Watchdog;
use crate::upstream::pool::Warm;

/// How long an upload may stand still once its answer has ended: the target does not want the rest.
const STALL_AFTER_ANSWER: Duration = Duration::from_secs(5);

/// How long the rest of an unwanted upload is read for.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How much of an unwanted upload is read: what a visitor may have in its and our socket buffers, and then some.
const DRAIN_BYTES: u64 = 16 * 1024 * 1024;

/// Where the answer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AnswerState {
    Running,
    /// Passed on in whole.
    Ended,
}

#[derive(Debug)]
struct State {
    /// Gone when answer or upload broke.
    stream: Option<Stream>,
    answer: AnswerState,
    /// The answer's timer.
    watchdog: Watchdog,
    upload_moved: Instant,
    uploaded: u64,
    uploader: Option<Waker>,
}

/// A stream in use by an answer and by the rest of its request.
#[derive(Debug)]
pub(super) struct Shared {
    /// Never held over an await; both users run on one thread.
    state: Mutex<State>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the request's body so far.
    pub(super) fn uploaded(&self) -> u64 {
        self.lock().uploaded
    }

    /// The answer was passed on in whole; the upload may go on for as long as the target takes it.
    pub(super) fn answer_ended(&self) {
        let mut state = self.lock();
        state.answer = AnswerState::Ended;
        wake(state);
    }

    /// The answer broke off, or the visitor is gone: the stream is reset at once.
    pub(super) fn answer_broke(&self) {
        let mut state = self.lock();
        let stream = state.stream.take();
        wake(state);
        drop(stream);
    }

    /// The answer's next bytes.
    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Reset>> {
        match &mut self.lock().stream {
            Some(stream) => stream.poll_recv(cx),
            None => Poll::Ready(Err(Reset::new(ResetCode::Cancelled, Blame::Visitor))),
        }
    }

    /// Whether neither the answer (since `moved`) nor the upload moved for `idle`.
    pub(super) fn poll_idle(&self, cx: &mut Context<'_>, moved: Instant, idle: Duration) -> Poll<()> {
        let mut state = self.lock();
        let deadline = moved.max(state.upload_moved) + idle;
        state.watchdog.poll(cx, deadline)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.uploader.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// How the rest of an upload ended.
enum Stop {
    /// It is given to the stream, which is to be seen off; none: it was reset.
    Sent(Option<Stream>),
    /// The target does not take it.
    Unwanted,
    /// Nobody is left who would send it.
    Left,
}

/// How far the rest of an upload is.
///
/// ```text
/// Sending -> Sent (the answer still runs) -> over
/// ```
enum Phase {
    Sending,
    Sent,
}

/// Leaves the rest of an upload to a task of the shard.
pub(super) fn split(ctx: &ShardContext, upload: Upload, warm: Warm, idle: Duration) -> Arc<Shared> {
    let Warm { stream, watchdog, .. } = warm;
    let now = Instant::now();
    let state = State {
        stream: Some(stream),
        answer: AnswerState::Running,
        watchdog,
        upload_moved: now,
        uploaded: upload.body_bytes(),
        uploader: None,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state) });
    let uploader = Uploader {
        upload,
        shared: Arc::clone(&shared),
        watchdog: Watchdog::new(now + idle),
        idle,
        phase: Phase::Sending,
    };
    let cancel = ctx.cancel.clone();
    ctx.visitors.spawn_on(async move { cancel.run_until_cancelled(uploader.run()).await }, &ctx.handle);
    shared
}

/// Reads and drops the rest of an upload in a task of the shard, within bounds.
pub(super) fn drain(ctx: &ShardContext, body: RequestBody) {
    let cancel = ctx.cancel.clone();
    ctx.visitors.spawn_on(async move { cancel.run_until_cancelled(discard(body)).await }, &ctx.handle);
}

/// Gives up a stream of whose request parts may still be on their way, though its answer is over.
pub(super) fn see_off(ctx: &ShardContext, stream: Stream) {
    let cancel = ctx.cancel.clone();
    ctx.visitors.spawn_on(async move { cancel.run_until_cancelled(all_taken(stream)).await }, &ctx.handle);
}

/// Until the target has closed, or takes nothing more. Dropped at once, a stream takes along what is still queued.
async fn all_taken(mut stream: Stream) {
    if stream.finish().is_err() {
        return;
    }
    let mut left = stream.in_flight();
    // What is on its way becomes less or stays, so this ends.
    while tokio::time::timeout(STALL_AFTER_ANSWER, ended(&mut stream)).await.is_err() {
        let now = stream.in_flight();
        if now >= left || now == 0 {
            return;
        }
        left = now;
    }
}

/// Until the other end has finished, whatever it still says.
async fn ended(stream: &mut Stream) {
    while let Ok(Some(_)) = stream.recv().await {
        tokio::task::yield_now().await;
    }
}

struct Uploader {
    upload: Upload,
    shared: Arc<Shared>,
    watchdog: Watchdog,
    idle: Duration,
    phase: Phase,
}

impl Uploader {
    async fn run(mut self) {
        let stop = std::future::poll_fn(|cx| self.poll(cx)).await;
        match stop {
            Stop::Sent(Some(stream)) => all_taken(stream).await,
            Stop::Unwanted => {
                if let Some(body) = self.upload.into_rest() {
                    // The answer goes on meanwhile, if it has not ended.
                    drop(self.shared);
                    discard(body).await;
                }
            }
            Stop::Sent(None) | Stop::Left => {}
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            match self.phase {
                Phase::Sending => match self.poll_send(cx, &mut state) {
                    Poll::Ready(Some(stop)) => return Poll::Ready(stop),
                    Poll::Ready(None) => self.phase = Phase::Sent,
                    Poll::Pending => break,
                },
                Phase::Sent if state.answer == AnswerState::Running => break,
                Phase::Sent => return Poll::Ready(Stop::Sent(state.stream.take())),
            }
        }
        state.uploader = Some(cx.waker().clone());
        self.poll_bound(cx, &state)
    }

    /// `None`: everything is sent.
    fn poll_send(&mut self, cx: &mut Context<'_>, state: &mut State) -> Poll<Option<Stop>> {
        let Some(stream) = &mut state.stream else { return Poll::Ready(Some(Stop::Unwanted)) };
        let progress = self.upload.poll(cx, stream);
        state.uploaded = self.upload.body_bytes();
        if self.upload.take_moved() {
            state.upload_moved = Instant::now();
        }
        match progress {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(None),
            Poll::Ready(Err(UploadError::Stream(_))) => Poll::Ready(Some(Stop::Unwanted)),
            // A request that is not whole must not look as if it were: the target sees a reset.
            Poll::Ready(Err(UploadError::Visitor(_))) => {
                state.stream = None;
                Poll::Ready(Some(Stop::Left))
            }
        }
    }

    /// How long the phase may stand still. While the answer runs, its own bound watches both directions.
    fn poll_bound(&mut self, cx: &mut Context<'_>, state: &State) -> Poll<Stop> {
        let bound = match (&self.phase, state.answer) {
            (_, AnswerState::Running) => return Poll::Pending,
            (Phase::Sending, AnswerState::Ended) if self.upload.waits_for_visitor() => self.idle,
            (_, AnswerState::Ended) => STALL_AFTER_ANSWER,
        };
        self.watchdog.poll(cx, state.upload_moved + bound).map(|()| Stop::Unwanted)
    }
}

async fn discard(mut body: RequestBody) {
    let read = async {
        let mut bytes = 0;
        while bytes < DRAIN_BYTES {
            match std::future::poll_fn(|cx| body.poll_piece(cx)).await {
                Ok(Piece::Data(data)) => bytes += data.len() as u64,
                Ok(Piece::More) => {}
                Ok(Piece::End | Piece::Trailers(_)) | Err(_) => break,
            }
        }
    };
    if tokio::time::timeout(DRAIN_TIME, read).await.is_err() {
        tracing::debug!("the rest of an unwanted upload did not come in time");
    }
}
