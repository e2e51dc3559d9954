//! One request and the head of its answer: on a warm stream where one is fit, sent once more where that is safe.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
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
use crate::links::make_room;
use crate::session::Session;
use crate::shards::ShardContext;
use crate::upstream::clock::Watchdog;
use crate::upstream::pool::{Lane, Repeat, Warm};
use crate::upstream::request::Upgrade;
use crate::upstream::response::{HeadError, HeadReader, Passed, ResponseHead};
use crate::visitor::VisitorInfo;

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

/// What is carried, whatever stream it is on.
pub(super) struct Cargo {
    pub(super) lane: Lane,
    pub(super) upgrade: Upgrade,
    pub(super) early: EarlyWriter,
    pub(super) upload: Upload,
    pub(super) record: Record,
    /// The head, once it is whole: kept until the answer for another attempt.
    pub(super) head: Bytes,
}

/// The head of the answer, and the stream that it came on.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    /// What came behind the head.
    pub(super) rest: Bytes,
    pub(super) warm: Warm,
    /// When the last of that came.
    pub(super) came: Instant,
}

/// How far an exchange is.
///
/// ```text
/// Begin -> Attempt -> Over
///    \    /  ^  \
///    Room ---+   (once more, on a fresh stream) -> Attempt or Room
/// ```
pub(super) struct Exchange {
    phase: Phase,
    /// Why the first attempt failed, where this is the second.
    first_trouble: Option<Trouble>,
}

enum Phase {
    /// The head stands here; its body may follow.
    Begin(Vec<u8>),
    /// The session has as many streams as it may have: idle ones make room.
    Room(Pin<Box<dyn Future<Output = Result<Warm, Failure>> + Send>>),
    Attempt(Attempt),
    Over,
}

impl Exchange {
    /// Of a request with this head.
    pub(super) fn new(head: Vec<u8>) -> Self {
        Self { phase: Phase::Begin(head), first_trouble: None }
    }

    /// Sends the request and waits for the head of the answer. Not to be polled after its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, cargo: &mut Cargo) -> Poll<Result<Answered, Trouble>> {
        loop {
            match &mut self.phase {
                Phase::Begin(head) => {
                    cargo.upload.read_with_head(cx, head)?;
                    cargo.head = Bytes::from(std::mem::take(head));
                    self.phase = cargo.acquire()?;
                }
                Phase::Room(room) => match ready!(room.as_mut().poll(cx)) {
                    Ok(warm) => self.phase = cargo.on(warm, Origin::Fresh, Instant::now()),
                    // The first trouble is the one to tell.
                    Err(failure) => {
                        return Poll::Ready(Err(self.first_trouble.take().unwrap_or(Trouble::NoStream(failure))));
                    }
                },
                Phase::Attempt(attempt) => match ready!(attempt.poll(cx, cargo)) {
                    Ok(head) => return Poll::Ready(Ok(self.end(head))),
                    Err(trouble) => self.repeat(trouble, cargo)?,
                },
                Phase::Over => unreachable!("an exchange has one end"),
            }
        }
    }

    fn end(&mut self, head: ResponseHead) -> Answered {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Attempt(Attempt { warm, input, moved, .. }) => Answered { head, rest: input, warm, came: moved },
            _ => unreachable!("answers come to attempts"),
        }
    }

    /// Begins once more where that is safe, on a fresh stream.
    fn repeat(&mut self, trouble: Trouble, cargo: &mut Cargo) -> Result<(), Trouble> {
        let Phase::Attempt(attempt) = std::mem::replace(&mut self.phase, Phase::Over) else { return Err(trouble) };
        let origin = attempt.origin;
        if origin == Origin::Reused && trouble.is_targets_end() {
            let idle_before = attempt.begun.into_std().saturating_duration_since(attempt.warm.since);
            cargo.ctx().upstream.pool().target_closed(&cargo.lane, idle_before);
        }
        drop(attempt);
        if self.first_trouble.is_some() || !cargo.may_repeat(&trouble, origin) {
            return Err(trouble);
        }
        tracing::debug!(mapping = %cargo.lane.mapping.id, ?trouble, "a request is sent again on a fresh stream");
        // Where no fresh stream is to be had, the first trouble is the one to tell.
        let Ok(phase) = cargo.fresh() else { return Err(trouble) };
        cargo.upload.repeat();
        self.phase = phase;
        self.first_trouble = Some(trouble);
        Ok(())
    }
}

impl Cargo {
    fn ctx(&self) -> &ShardContext {
        self.record.shard()
    }

    fn method(&self) -> &Method {
        &self.record.visit.head.method
    }

    fn kind(&self) -> Repeat {
        if is_idempotent(self.method()) { Repeat::Safe } else { Repeat::Unsafe }
    }

    /// An attempt on this stream.
    fn on(&self, warm: Warm, origin: Origin, begun: Instant) -> Phase {
        let reader = HeadReader::new(self.ctx().state.config.limits.header_bytes);
        let (input, upload_end, target_ended, moved, sent) = (Bytes::new(), None, None, begun, false);
        let received = 0;
        Phase::Attempt(Attempt { warm, reader, input, received, origin, upload_end, target_ended, begun, moved, sent })
    }

    /// On a warm stream that is fit, else on a fresh one.
    fn acquire(&mut self) -> Result<Phase, Trouble> {
        // An upgrade ends its stream, so it takes none from others.
        if self.upgrade == Upgrade::No
            && let Some(warm) = self.ctx().upstream.pool().take(&self.lane, self.kind())
        {
            self.upload.begin(self.head.clone());
            let begun = Instant::from_std(self.record.visit.arrived);
            return Ok(self.on(warm, Origin::Reused, begun));
        }
        self.fresh().map_err(Trouble::NoStream)
    }

    /// Opens a stream; the head travels with the opening. Streams that stand idle make room, whatever mapping they
    /// stand for.
    fn fresh(&self) -> Result<Phase, Failure> {
        let opening = self.opening();
        match opening.open() {
            Err(failure) if failure.code == FailureCode::AgentBusy => {
                if !make_room(self.ctx(), &self.lane.session, ROOM_WAIT * ROOM_TRIES) {
                    return Err(failure);
                }
                Ok(Phase::Room(Box::pin(opening.wait(failure))))
            }
            opened => opened.map(|warm| self.on(warm, Origin::Fresh, Instant::now())),
        }
    }

    fn opening(&self) -> Opening {
        let VisitorInfo { peer, client, .. } = &self.record.visit.visitor;
        // Behind a proxy the visitor's own port is not known.
        let port = if *client == peer.ip() { peer.port() } else { 0 };
        let mapping = &self.lane.mapping;
        let compression = compression(self.ctx().state.config.compression, mapping.compression);
        let visitor = Some(SocketAddr::new(*client, port));
        Opening {
            shard: Arc::clone(self.record.shard()),
            session: Arc::clone(&self.lane.session),
            open: Open { mapping: mapping.id, visitor, compression },
            head: self.head.clone(),
            kind: self.kind(),
        }
    }

    /// Whether the request may go out once more: nothing of it reached the target, or it reached an idle connection
    /// that was just closing and twice is as good as once.
    fn may_repeat(&self, trouble: &Trouble, origin: Origin) -> bool {
        let delivery = trouble.delivery();
        let safe = delivery == Some(Delivery::Never)
            || (delivery == Some(Delivery::Perhaps) && origin == Origin::Reused && is_idempotent(self.method()));
        safe && self.upload.can_repeat()
    }

    fn interim(&mut self, status: StatusCode, passed: &Passed) -> Interim {
        if status != StatusCode::CONTINUE {
            self.early.send(status, passed);
            return Interim::Advice;
        }
        if !self.upload.is_gated() {
            return Interim::Advice;
        }
        self.upload.open_gate();
        Interim::Continue
    }
}

/// A stream that is to be opened.
struct Opening {
    shard: Arc<ShardContext>,
    session: Arc<Session>,
    open: Open,
    head: Bytes,
    kind: Repeat,
}

impl Opening {
    fn open(&self) -> Result<Warm, Failure> {
        let (stream, _link) = self.session.open(self.shard.index, &self.open, self.head.clone())?;
        let now = Instant::now();
        let watchdog = Watchdog::new(now + self.shard.state.config.limits.first_byte_timeout);
        Ok(Warm { stream, watchdog, since: now.into_std(), opened_for: self.kind })
    }

    /// Until there is room, or for as long as that may take.
    async fn wait(self, busy: Failure) -> Result<Warm, Failure> {
        for _ in 0..ROOM_TRIES {
            match self.open() {
                Err(failure) if failure.code == FailureCode::AgentBusy => tokio::time::sleep(ROOM_WAIT).await,
                opened => return opened,
            }
        }
        Err(busy)
    }
}

/// Where a stream comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Fresh,
    Reused,
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
struct Attempt {
    warm: Warm,
    reader: HeadReader,
    input: Bytes,
    /// All bytes that came.
    received: usize,
    origin: Origin,
    upload_end: Option<UploadEnd>,
    /// When the target ended without an answer, while the agent's word on the request is waited for.
    target_ended: Option<Instant>,
    begun: Instant,
    /// When bytes moved last, either way.
    moved: Instant,
    /// Whether the head is on its way.
    sent: bool,
}

impl Attempt {
    fn poll(&mut self, cx: &mut Context<'_>, cargo: &mut Cargo) -> Poll<Result<ResponseHead, Trouble>> {
        loop {
            if let Err(trouble) = self.send(cx, cargo) {
                return Poll::Ready(Err(trouble));
            }
            match self.receive(cx, cargo) {
                Poll::Ready(Ok(Some(head))) => return Poll::Ready(Ok(head)),
                // The target wants the body: there is something to send.
                Poll::Ready(Ok(None)) => continue,
                Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
                Poll::Pending => {}
            }
            match self.wait(cx, cargo) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => cargo.upload.open_gate(),
                Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>, cargo: &mut Cargo) -> Result<(), Trouble> {
        if self.upload_end.is_some() {
            return Ok(());
        }
        let Cargo { upload, record, .. } = cargo;
        let progress = upload.poll(cx, &mut self.warm.stream);
        let leaves = !self.sent && upload.is_head_sent();
        let moved = upload.take_moved();
        if leaves || moved {
            let now = Instant::now();
            if leaves {
                self.sent = true;
                record.head_sent(now.into_std());
            }
            if moved {
                self.moved = now;
            }
        }
        record.request_bytes = upload.body_bytes();
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
    fn receive(&mut self, cx: &mut Context<'_>, cargo: &mut Cargo) -> Poll<Result<Option<ResponseHead>, Trouble>> {
        loop {
            while !self.input.is_empty() {
                let read = self.reader.read(&mut self.input, cargo.method());
                let Some(head) = read.map_err(Trouble::Head)? else { break };
                if is_final(head.status, cargo.upgrade) {
                    return Poll::Ready(Ok(Some(head)));
                }
                if head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Err(Trouble::UnaskedSwitch));
                }
                // Each takes work and puts the time-out off, so all of them together are bounded.
                if self.received - self.input.len() > cargo.ctx().state.config.limits.header_bytes {
                    return Poll::Ready(Err(Trouble::Head(HeadError::InterimTooLarge)));
                }
                if cargo.interim(head.status, &head.passed) == Interim::Continue {
                    return Poll::Ready(Ok(None));
                }
            }
            let received = match self.warm.stream.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(received) => received,
            };
            match received {
                Ok(Some(bytes)) => {
                    self.received += bytes.len();
                    self.input = bytes;
                    self.moved = Instant::now();
                    cargo.record.first_byte(self.moved.into_std(), cargo.lane.session.round_trip());
                    cargo.upload.forget();
                }
                Ok(None) => return self.finished(cx, cargo).map(Err),
                Err(reset) => return Poll::Ready(Err(Trouble::Reset(reset))),
            }
        }
    }

    /// The target ended before its answer; see [`CROSSING_WAIT`].
    fn finished(&mut self, cx: &mut Context<'_>, cargo: &Cargo) -> Poll<Trouble> {
        let asks = self.origin == Origin::Reused && !is_idempotent(cargo.method()) && cargo.upload.can_repeat();
        if !asks {
            return Poll::Ready(Trouble::Finished);
        }
        self.target_ended.get_or_insert_with(Instant::now);
        self.warm.stream.poll_reset(cx).map(Trouble::Reset)
    }

    /// Looks at the clock. Ready without trouble: the expectation was waited for long enough.
    fn wait(&mut self, cx: &mut Context<'_>, cargo: &Cargo) -> Poll<Result<(), Trouble>> {
        if let Some(ended) = self.target_ended {
            return self.warm.watchdog.poll(cx, ended + CROSSING_WAIT).map(|()| Err(Trouble::Finished));
        }
        // A visitor that is slow to send its body is not the target's silence.
        let waits_for_visitor = self.upload_end.is_none() && cargo.upload.waits_for_visitor();
        let limits = &cargo.ctx().state.config.limits;
        let (bound, late) = if waits_for_visitor {
            (limits.idle_timeout, Trouble::UploadIdle)
        } else {
            (limits.first_byte_timeout, Trouble::FirstByte)
        };
        let (deadline, expect_until) = (self.moved + bound, self.begun + EXPECT_WAIT);
        if self.upload_end.is_none() && cargo.upload.is_gated() && expect_until < deadline {
            return self.warm.watchdog.poll(cx, expect_until).map(Ok);
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
fn compression(gateway: Compression, mapping: Compression) -> Compression {
    match (gateway, mapping) {
        (Compression::Off, _) | (_, Compression::Off) => Compression::Off,
        (Compression::On, Compression::Auto) => Compression::On,
        (_, own) => own,
    }
}
