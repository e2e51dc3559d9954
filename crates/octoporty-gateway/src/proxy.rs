//! One request of a visitor through the tunnel to its target, and the answer back.
//!
//! The cast, in the order of a request:
//! * [`record`]: what is told to the mapping's owner, made exactly once.
//! * [`upload`]: head and body on their way to the target.
//! * [`exchange`]: stream, sending, one repetition where it is safe, the answer's head.
//! * [`answer`]: the answer's body.
//! * [`remainder`]: what is left of an upload that the answer has overtaken.
//! * [`switch`]: the raw pipe after a 101.
//! * [`verdict`]: what went wrong.

mod answer;
mod exchange;
mod record;
mod remainder;
mod switch;
mod upload;
mod verdict;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use octoporty_proto::model::{Failure, FailureCode};

use crate::body::{Answer, AnswerBody};
use crate::ingress::head::{Expectation, Persistence};
use crate::pages::{Wants, failure_answer};
use crate::routing::Route;
use crate::shards::ShardContext;
use crate::upstream::decoder::BodyDecoder;
use crate::upstream::pool::{Lane, Warm};
use crate::upstream::request::{HeadSource, RequestError, Upgrade};
use crate::upstream::response::{Framing, ResponseHead, Reuse};
use crate::visitor::{Visit, VisitorRequest};
use answer::{BodyParts, Conduit, TargetBody, WayBack};
use exchange::{Answered, Cargo, Exchange};
use record::Record;
use upload::{Gate, Upload};
use verdict::{Trouble, with_detail};

/// A request on its way to the route's target, and its answer on the way back. Every way out of here has left one
/// access record, or will when the answer ends.
///
/// Many stand at once, so this is no future that the compiler lays out: it would keep several copies of what it carries.
pub(crate) struct Passage {
    exchange: Exchange,
    cargo: Cargo,
}

/// An answer that is there, or one that is yet to come.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and moved at once")]
pub(crate) enum Later {
    No(Answer),
    Yes(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// Begins to carry a request, in this seat.
///
/// # Errors
/// Nothing is carried; this is the answer.
pub(crate) fn set_out(
    seat: &mut Option<Passage>,
    ctx: &Arc<ShardContext>,
    request: VisitorRequest,
    route: Route,
) -> Result<(), Box<Answer>> {
    let Route { mapping, serving } = route;
    let Some(session) = serving.session() else {
        return Err(away(Record::new(Arc::clone(ctx), serving, mapping.id, request.visit)));
    };
    let Visit { head, visitor, request_id, .. } = &request.visit;
    let framing = request.body.framing();
    let upgrade = Upgrade::of(head);
    let head = HeadSource { head, mapping: &mapping, visitor, request_id, framing, upgrade }.serialise();
    let (head, error) = match head {
        Ok(head) => (head, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    // The body waits when the visitor said that it does.
    let gate = match request.body.expectation() {
        Expectation::Continue => Gate::Shut,
        Expectation::Nothing => Gate::Open,
    };
    // Put together where it is to stay: it is large.
    *seat = Some(Passage {
        exchange: Exchange::new(head),
        cargo: Cargo {
            upgrade,
            early: request.early,
            upload: Upload::new(request.body, gate),
            record: Record::new(Arc::clone(ctx), serving, mapping.id, request.visit),
            head: Bytes::new(),
            lane: Lane { session, mapping },
        },
    });
    match error {
        None => Ok(()),
        Some(error) => Err(refuse(seat, error)),
    }
}

#[cold]
fn away(mut record: Record) -> Box<Answer> {
    let failure = Failure::from(FailureCode::AgentAway);
    record.failed(failure.clone());
    Box::new(answer_to(&record, &failure))
}

#[cold]
fn refuse(seat: &mut Option<Passage>, error: RequestError) -> Box<Answer> {
    let cargo = seat.take().expect("just seated").cargo;
    let failure = with_detail(FailureCode::BadRequest, &error.to_string());
    Box::new(give_up(cargo, Trouble::NoStream(failure)))
}

impl Passage {
    /// Carries on. The seat is empty once the answer is there, or is left to a future.
    pub(crate) fn poll(seat: &mut Option<Self>, cx: &mut Context<'_>) -> Poll<Later> {
        let passage = seat.as_mut().expect("nobody is carried any more once there is an answer");
        let answered = match ready!(passage.exchange.poll(cx, &mut passage.cargo)) {
            Ok(answered) if passage.cargo.is_whole(&answered) => {
                let answer = passage.cargo.whole(answered);
                // The request is over, and its record is told.
                *seat = None;
                return Poll::Ready(Later::No(answer));
            }
            answered => answered,
        };
        let cargo = seat.take().expect("looked at above").cargo;
        Poll::Ready(match answered {
            Ok(answered) if answered.head.status == StatusCode::SWITCHING_PROTOCOLS => {
                Later::Yes(Box::pin(switch_over(cargo, answered)))
            }
            Ok(answered) => Later::No(pass_on(cargo, answered)),
            Err(trouble) => Later::No(give_up(cargo, trouble)),
        })
    }
}

impl Cargo {
    /// Whether the request is sent and all of its answer is here: the usual case, in which nothing is moved.
    fn is_whole(&self, answered: &Answered) -> bool {
        let Answered { head, rest, .. } = answered;
        let is_here = match head.framing {
            Framing::Empty => rest.is_empty(),
            Framing::Length(length) => length == rest.len() as u64,
            // Its length was not announced, so it is passed on as it comes, however small.
            Framing::Chunked | Framing::UntilClose => false,
        };
        is_here && self.upload.is_done() && head.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// The answer, where all of it is here.
    fn whole(&mut self, answered: Answered) -> Answer {
        let Answered { head, rest, warm, came } = answered;
        let record = &mut self.record;
        // With its last bytes the request ended, and its stream became idle.
        let ended = came.into_std();
        if head.reuse == Reuse::Allowed {
            record.shard().upstream.pool().give_at(&self.lane, warm, ended);
        } else if self.upload.body_bytes() > 0 {
            remainder::see_off(record.shard(), warm.stream);
        }
        record.status(head.status.as_u16());
        record.response_bytes += rest.len() as u64;
        record.done_at(ended);
        let body = if rest.is_empty() { AnswerBody::Empty } else { AnswerBody::Full(rest) };
        let mut answer = Answer::passing(head, body);
        answer.whole_since = Some(ended);
        answer
    }
}

/// Passes the target's answer on as it comes.
fn pass_on(cargo: Cargo, answered: Answered) -> Answer {
    let Cargo { lane, upload, mut record, .. } = cargo;
    let Answered { head, rest, warm, .. } = answered;
    let ResponseHead { status, framing, reuse, .. } = head;
    let ctx = Arc::clone(record.shard());
    let (id, wants) = (record.visit.request_id, Wants::of(&record.visit.head.fields));
    // It may take long.
    record.settle();
    let idle = ctx.state.config.limits.idle_timeout;
    let unread = upload.is_gated();
    let (conduit, reuse) = if unread {
        (Conduit::Whole(warm), Reuse::Never)
    } else if upload.is_done() {
        (Conduit::Whole(warm), reuse)
    } else {
        (Conduit::Split(remainder::split(&ctx, upload, warm, idle)), Reuse::Never)
    };
    let way_back = WayBack { pool: Arc::clone(ctx.upstream.pool()), lane, reuse };
    let parts = BodyParts { conduit, decoder: BodyDecoder::new(framing), input: rest, way_back, idle, record };
    let body = match TargetBody::new(parts, status.as_u16()) {
        Ok(body) => body,
        Err(failure) => return failure_answer(&failure, &id, wants),
    };
    let mut answer = Answer::passing(head, answer_body(body, framing));
    if unread {
        // The visitor may or may not send the body that nobody has asked for: what follows could be either.
        answer.persistence = Persistence::Close;
    }
    answer
}

/// Gives a connection that the target has switched over to its pipe.
async fn switch_over(mut cargo: Cargo, answered: Answered) -> Answer {
    let Answered { head, rest, warm: Warm { mut stream, .. }, .. } = answered;
    let idle = cargo.record.shard().state.config.limits.idle_timeout;
    // What the visitor sends behind its request comes behind the whole of it.
    let finished = cargo.upload.finish(&mut stream, idle).await;
    cargo.record.request_bytes = cargo.upload.body_bytes();
    match finished {
        Ok(()) => switch::switch(head, stream, rest, cargo.record),
        Err(trouble) => give_up(cargo, trouble),
    }
}

/// There is no answer of the target. What the visitor still uploads is read for a while, so that it sees ours.
fn give_up(cargo: Cargo, trouble: Trouble) -> Answer {
    let Cargo { upload, mut record, .. } = cargo;
    record.request_bytes = upload.body_bytes();
    // One whose upload stands still would only be waited for again: its connection ends with the answer.
    let sends_on = !matches!(trouble, Trouble::VisitorLeft | Trouble::VisitorMalformed(_) | Trouble::UploadIdle);
    let visitor_left = matches!(trouble, Trouble::VisitorLeft);
    let failure = trouble.into_failure();
    if visitor_left {
        record.visitor_left();
    } else {
        record.failed(failure.clone());
    }
    let gated = upload.is_gated();
    if let Some(body) = upload.into_rest().filter(|_| sends_on && !gated) {
        remainder::drain(record.shard(), body);
    }
    answer_to(&record, &failure)
}

fn answer_to(record: &Record, failure: &Failure) -> Answer {
    failure_answer(failure, &record.visit.request_id, Wants::of(&record.visit.head.fields))
}

/// Whole, where all of it is here.
fn answer_body(mut body: TargetBody, framing: Framing) -> AnswerBody {
    // A body in chunks stays one, however small: its length was not announced.
    let whole = if framing == Framing::Chunked { None } else { body.take_whole() };
    match whole {
        Some(whole) if whole.is_empty() => AnswerBody::Empty,
        Some(whole) => AnswerBody::Full(whole),
        None => AnswerBody::Streamed(Box::new(body)),
    }
}
