//! One request and the head of its answer: on a warm stream where one is fit, sent once more where that is safe.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use octoporty_proto::model::{Compression, Failure, FailureCode};
use octoporty_proto::wire::Open;
use tokio::time::Instant;

use super::record::Record;
use super::upload::{Upload, UploadError};
use super::verdict::{Delivery, Trouble};
use crate::ingress::early::EarlyWriter;
use crate::links::close_warm_streams;
use crate::session::Session;
use crate::shards::ShardContext;
use crate::upstream::clock::Watchdog;
use crate::upstream::pool::{Lane, Repeat, Warm};
use crate::upstream::request::Upgrade;
use crate::upstream::response::{HeadReader, Passed, ResponseHead};

/// How long a visitor that sent `Expect: 100-continue` is kept waiting for the target's word; then its body is asked
/// for anyway, since old targets never answer an expectation. As curl does.
const EXPECT_WAIT: Duration = Duration::from_secs(1);

/// When a target ends its direction of a warm stream before any answer, its close may have crossed the request on the
/// way; the agent, which knows, then says that nothing was delivered as soon as the request arrives there. This is how
/// long its word is waited for where it decides whether the request may go out once more.
const CROSSING_WAIT: Duration = Duration::from_secs(2);

/// Warm streams that were closed to make room are room once their resets have left; so often that is looked for,
const ROOM_TRIES: u32 = 200;

/// and after this time.
const ROOM_WAIT: Duration = Duration::from_millis(5);

/// What one exchange needs to know.
pub(super) struct Exchange<'a> {
    pub(super) ctx: &'a ShardContext,
    pub(super) session: &'a Arc<Session>,
    pub(super) lane: &'a Lane,
    pub(super) open: Open,
    pub(super) method: &'a Method,
    pub(super) upgrade: Upgrade,
    pub(super) early: &'a EarlyWriter,
}

/// Where a stream comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Fresh,
    Reused,
}

/// The head of the answer, and the stream that it came on.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    /// What came behind the head.
    pub(super) rest: Bytes,
    pub(super) warm: Warm,
}

impl Exchange<'_> {
    /// Sends the request and waits for the head of the answer.
    pub(super) async fn run(&self, head: Bytes, upload: &mut Upload, record: &mut Record) -> Result<Answered, Trouble> {
        let (warm, origin) = self.acquire(&head, upload).await?;
        let trouble = match self.attempt(warm, origin, upload, record).await {
            Ok(answered) => return Ok(answered),
            Err(trouble) => trouble,
        };
        if !self.may_repeat(&trouble, origin, upload) {
            return Err(trouble);
        }
        tracing::debug!(mapping = %self.lane.mapping.id, ?trouble, "a request is sent again on a fresh stream");
        // Where no fresh stream is to be had, the first trouble is the one to tell.
        let Ok(warm) = self.fresh(head).await else { return Err(trouble) };
        upload.repeat();
        self.attempt(warm, Origin::Fresh, upload, record).await
    }

    /// A warm stream that is fit, else a fresh one.
    async fn acquire(&self, head: &Bytes, upload: &mut Upload) -> Result<(Warm, Origin), Trouble> {
        // An upgrade ends its stream, so it takes none from others.
        if self.upgrade == Upgrade::No
            && let Some(warm) = self.ctx.upstream.pool().take(self.lane, self.repeat())
        {
            upload.begin(head.clone());
            return Ok((warm, Origin::Reused));
        }
        let warm = self.fresh(head.clone()).await.map_err(Trouble::NoStream)?;
        Ok((warm, Origin::Fresh))
    }

    /// Opens a stream; the head travels with the opening. Streams that stand idle make room, whatever mapping they
    /// stand for.
    async fn fresh(&self, head: Bytes) -> Result<Warm, Failure> {
        let busy = match self.open(head.clone()) {
            Err(failure) if failure.code == FailureCode::AgentBusy => failure,
            opened => return opened,
        };
        if close_warm_streams(self.ctx, self.session.id()) == 0 {
            return Err(busy);
        }
        for _ in 0..ROOM_TRIES {
            match self.open(head.clone()) {
                Err(failure) if failure.code == FailureCode::AgentBusy => tokio::time::sleep(ROOM_WAIT).await,
                opened => return opened,
            }
        }
        Err(busy)
    }

    fn repeat(&self) -> Repeat {
        if is_idempotent(self.method) { Repeat::Safe } else { Repeat::Unsafe }
    }

    fn open(&self, head: Bytes) -> Result<Warm, Failure> {
        let (stream, _link) = self.session.open(self.ctx.index, &self.open, head)?;
        let now = Instant::now();
        let watchdog = Watchdog::new(now + self.ctx.state.config.limits.first_byte_timeout);
        Ok(Warm { stream, watchdog, since: now.into_std(), opened_for: self.repeat() })
    }

    /// Whether the request may go out once more: nothing of it reached the target, or it reached an idle connection
    /// that was just closing and twice is as good as once.
    fn may_repeat(&self, trouble: &Trouble, origin: Origin, upload: &Upload) -> bool {
        let delivery = trouble.delivery();
        let safe = delivery == Some(Delivery::Never)
            || (delivery == Some(Delivery::Perhaps) && origin == Origin::Reused && is_idempotent(self.method));
        safe && upload.can_repeat()
    }

    async fn attempt(
        &self,
        warm: Warm,
        origin: Origin,
        upload: &mut Upload,
        record: &mut Record,
    ) -> Result<Answered, Trouble> {
        let limits = &self.ctx.state.config.limits;
        let now = Instant::now();
        let idle_before = now.into_std().saturating_duration_since(warm.since);
        let mut attempt = Attempt {
            exchange: self,
            warm,
            reader: HeadReader::new(limits.header_bytes),
            input: Bytes::new(),
            upload,
            record,
            origin,
            upload_end: None,
            target_ended: None,
            moved: now,
            expect_until: now + EXPECT_WAIT,
            first_byte: limits.first_byte_timeout,
            idle: limits.idle_timeout,
            sent: false,
        };
        match std::future::poll_fn(|cx| attempt.poll(cx)).await {
            Ok(head) => Ok(Answered { head, rest: attempt.input, warm: attempt.warm }),
            Err(trouble) => {
                if origin == Origin::Reused && trouble.is_targets_end() {
                    self.ctx.upstream.pool().target_closed(self.lane, idle_before);
                }
                Err(trouble)
            }
        }
    }
}

/// How the upload of an attempt ended before the answer came.
#[derive(Debug)]
enum UploadEnd {
    /// All is sent.
    Sent,
    /// The stream takes no more; what the target said before may still be read.
    Refused,
}

/// A request on one stream.
struct Attempt<'a> {
    exchange: &'a Exchange<'a>,
    warm: Warm,
    reader: HeadReader,
    input: Bytes,
    upload: &'a mut Upload,
    record: &'a mut Record,
    origin: Origin,
    upload_end: Option<UploadEnd>,
    /// When the target ended without an answer, while the agent's word on the request is waited for.
    target_ended: Option<Instant>,
    /// When bytes moved last, either way.
    moved: Instant,
    expect_until: Instant,
    first_byte: Duration,
    idle: Duration,
    /// Whether the head is on its way.
    sent: bool,
}

impl Attempt<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, Trouble>> {
        loop {
            if let Err(trouble) = self.send(cx) {
                return Poll::Ready(Err(trouble));
            }
            match self.receive(cx) {
                Poll::Ready(Ok(Some(head))) => return Poll::Ready(Ok(head)),
                // The target wants the body: there is something to send.
                Poll::Ready(Ok(None)) => continue,
                Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
                Poll::Pending => {}
            }
            match self.wait(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => self.upload.open_gate(),
                Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Trouble> {
        if self.upload_end.is_some() {
            return Ok(());
        }
        let progress = self.upload.poll(cx, &mut self.warm.stream);
        if !self.sent && self.upload.is_head_sent() {
            self.sent = true;
            self.record.head_sent();
        }
        if self.upload.take_moved() {
            self.moved = Instant::now();
        }
        self.record.request_bytes = self.upload.body_bytes();
        match progress {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.upload_end = Some(UploadEnd::Sent),
            // Bytes that came before the reset come first; the reset is found again behind them.
            Poll::Ready(Err(UploadError::Stream(_))) => self.upload_end = Some(UploadEnd::Refused),
            Poll::Ready(Err(UploadError::Visitor(trouble))) => return Err(trouble),
        }
        Ok(())
    }

    /// The final head, or `None` when the body's gate was opened.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ResponseHead>, Trouble>> {
        loop {
            while !self.input.is_empty() {
                let method = self.exchange.method;
                let Some(head) = self.reader.read(&mut self.input, method).map_err(Trouble::Head)? else { break };
                if is_final(head.status, self.exchange.upgrade) {
                    return Poll::Ready(Ok(Some(head)));
                }
                if head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Err(Trouble::UnaskedSwitch));
                }
                if self.interim(head.status, &head.passed) == Interim::Continue {
                    return Poll::Ready(Ok(None));
                }
            }
            let received = match self.warm.stream.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(received) => received,
            };
            match received {
                Ok(Some(bytes)) => {
                    self.input = bytes;
                    self.moved = Instant::now();
                    self.record.first_byte(self.exchange.session.round_trip());
                    self.upload.forget();
                }
                Ok(None) => return self.finished(cx).map(Err),
                Err(reset) => return Poll::Ready(Err(Trouble::Reset(reset))),
            }
        }
    }

    /// The target ended before its answer; see [`CROSSING_WAIT`].
    fn finished(&mut self, cx: &mut Context<'_>) -> Poll<Trouble> {
        let asks = self.origin == Origin::Reused && !is_idempotent(self.exchange.method) && self.upload.can_repeat();
        if !asks {
            return Poll::Ready(Trouble::Finished);
        }
        self.target_ended.get_or_insert_with(Instant::now);
        self.warm.stream.poll_reset(cx).map(Trouble::Reset)
    }

    fn interim(&mut self, status: StatusCode, passed: &Passed) -> Interim {
        if status != StatusCode::CONTINUE {
            self.exchange.early.send(status, passed);
            return Interim::Advice;
        }
        if !self.upload.is_gated() {
            return Interim::Advice;
        }
        self.upload.open_gate();
        Interim::Continue
    }

    /// Looks at the clock. Ready without trouble: the expectation was waited for long enough.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        if let Some(ended) = self.target_ended {
            return self.warm.watchdog.poll(cx, ended + CROSSING_WAIT).map(|()| Err(Trouble::Finished));
        }
        // A visitor that is slow to send its body is not the target's silence.
        let waits_for_visitor = self.upload_end.is_none() && self.upload.waits_for_visitor();
        let (bound, late) =
            if waits_for_visitor { (self.idle, Trouble::UploadIdle) } else { (self.first_byte, Trouble::FirstByte) };
        let deadline = self.moved + bound;
        if self.upload_end.is_none() && self.upload.is_gated() && self.expect_until < deadline {
            return self.warm.watchdog.poll(cx, self.expect_until).map(Ok);
        }
        self.warm.watchdog.poll(cx, deadline).map(|()| Err(late))
    }
}

/// What an interim answer changes.
#[derive(PartialEq, Eq)]
enum Interim {
    /// The body may be sent.
    Continue,
    /// Nothing.
    Advice,
}

fn is_final(status: StatusCode, upgrade: Upgrade) -> bool {
    !status.is_informational() || (status == StatusCode::SWITCHING_PROTOCOLS && upgrade == Upgrade::Asked)
}

/// RFC 9110, 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE].contains(method)
}

/// Whether stream data is compressed: the gateway's `off` and the mapping's are both final.
pub(super) fn compression(gateway: Compression, mapping: Compression) -> Compression {
    match (gateway, mapping) {
        (Compression::Off, _) | (_, Compression::Off) => Compression::Off,
        (Compression::On, Compression::Auto) => Compression::On,
        (_, own) => own,
    }
}
