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

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use octoporty_proto::model::{Failure, FailureCode};
use octoporty_proto::wire::Open;

use crate::body::{Answer, AnswerBody};
use crate::ingress::body::RequestBody;
use crate::ingress::early::EarlyWriter;
use crate::ingress::head::{Expectation, Persistence};
use crate::pages::{Wants, failure_answer};
use crate::routing::Route;
use crate::session::Session;
use crate::shards::ShardContext;
use crate::upstream::decoder::BodyDecoder;
use crate::upstream::pool::{Lane, Warm};
use crate::upstream::request::{HeadSource, Upgrade};
use crate::upstream::response::{Framing, Reuse};
use crate::visitor::{Head, RequestId, VisitorInfo, VisitorRequest};
use answer::{BodyParts, Conduit, TargetBody, WayBack};
use exchange::{Answered, Exchange};
use record::Record;
use upload::{Gate, Upload};
use verdict::{Trouble, with_detail};

/// Carries a request to the route's target and its answer back. Every way out of here has left one access record, or
/// will when the answer ends.
pub(crate) async fn serve(ctx: &Arc<ShardContext>, visitor: VisitorRequest, route: &Route) -> Answer {
    let VisitorRequest { head, body, visitor, request_id, arrived, early } = visitor;
    let mut record = Record::new(ctx, route, &head, &visitor, request_id, arrived);
    let Some(session) = route.serving.session() else {
        let failure = Failure::from(FailureCode::AgentAway);
        record.failed(failure.clone());
        return failure_answer(&failure, &request_id, Wants::of(&head.fields));
    };
    let passage = Passage { ctx, session, route, head, visitor, request_id, early };
    match passage.run(body, record).await {
        Ok(answer) => answer,
        Err(failure) => failure_answer(&failure, &passage.request_id, Wants::of(&passage.head.fields)),
    }
}

/// A request and where it goes.
struct Passage<'a> {
    ctx: &'a ShardContext,
    session: Arc<Session>,
    route: &'a Route,
    head: Head,
    visitor: VisitorInfo,
    request_id: RequestId,
    early: EarlyWriter,
}

impl Passage<'_> {
    async fn run(&self, body: RequestBody, mut record: Record) -> Result<Answer, Failure> {
        let framing = body.framing();
        let upgrade = Upgrade::of(&self.head);
        // The body waits when the visitor said that it does.
        let gate = match body.expectation() {
            Expectation::Continue => Gate::Shut,
            Expectation::Nothing => Gate::Open,
        };
        let mut upload = Upload::new(body, gate);
        let source = HeadSource {
            head: &self.head,
            mapping: &self.route.mapping,
            visitor: &self.visitor,
            request_id: &self.request_id,
            framing,
            upgrade,
        };
        let mut head = match source.serialise() {
            Ok(head) => head,
            Err(error) => {
                let failure = with_detail(FailureCode::BadRequest, &error.to_string());
                return Err(self.give_up(Trouble::NoStream(failure), upload, record));
            }
        };
        if let Err(trouble) = upload.read_with_head(&mut head).await {
            return Err(self.give_up(trouble, upload, record));
        }
        let lane = Lane { session: Arc::clone(&self.session), mapping: Arc::clone(&self.route.mapping) };
        let exchange = Exchange {
            ctx: self.ctx,
            session: &self.session,
            lane: &lane,
            open: self.open(),
            method: &self.head.method,
            upgrade,
            early: &self.early,
        };
        match exchange.run(Bytes::from(head), &mut upload, &mut record).await {
            Ok(answered) if answered.head.status == StatusCode::SWITCHING_PROTOCOLS => {
                let Answered { head, rest, warm: Warm { mut stream, .. } } = answered;
                // What the visitor sends behind its request comes behind the whole of it.
                let finished = upload.finish(&mut stream, self.ctx.state.config.limits.idle_timeout).await;
                record.request_bytes = upload.body_bytes();
                match finished {
                    Ok(()) => Ok(switch::switch(self.ctx, head, stream, rest, record)),
                    Err(trouble) => Err(self.give_up(trouble, upload, record)),
                }
            }
            Ok(answered) => self.answer(answered, upload, lane, record),
            Err(trouble) => Err(self.give_up(trouble, upload, record)),
        }
    }

    fn open(&self) -> Open {
        let VisitorInfo { peer, client, .. } = &self.visitor;
        // Behind a proxy the visitor's own port is not known.
        let port = if *client == peer.ip() { peer.port() } else { 0 };
        let mapping = &self.route.mapping;
        Open {
            mapping: mapping.id,
            visitor: Some(SocketAddr::new(*client, port)),
            compression: exchange::compression(self.ctx.state.config.compression, mapping.compression),
        }
    }

    /// There is no answer of the target. What the visitor still uploads is read for a while, so that it sees ours.
    fn give_up(&self, trouble: Trouble, upload: Upload, mut record: Record) -> Failure {
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
            remainder::drain(self.ctx, body);
        }
        failure
    }

    /// Passes the target's answer on.
    fn answer(&self, answered: Answered, upload: Upload, lane: Lane, record: Record) -> Result<Answer, Failure> {
        let Answered { head, rest, warm } = answered;
        let (status, framing, reuse) = (head.status, head.framing, head.reuse);
        let idle = self.ctx.state.config.limits.idle_timeout;
        let unread = upload.is_gated();
        let (conduit, reuse) = if unread {
            (Conduit::Whole(warm), Reuse::Never)
        } else if upload.is_done() {
            (Conduit::Whole(warm), reuse)
        } else {
            (Conduit::Split(remainder::split(self.ctx, upload, warm, idle)), Reuse::Never)
        };
        let way_back = WayBack { pool: Arc::clone(self.ctx.upstream.pool()), lane, reuse };
        let parts = BodyParts { conduit, decoder: BodyDecoder::new(framing), input: rest, way_back, idle, record };
        let body = TargetBody::new(parts, status.as_u16())?;
        let mut answer = Answer::passing(head, answer_body(body, framing));
        if unread {
            // The visitor may or may not send the body that nobody has asked for: what follows could be either.
            answer.persistence = Persistence::Close;
        }
        Ok(answer)
    }
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
