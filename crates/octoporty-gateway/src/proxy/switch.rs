//! An upgraded connection: after the target's 101 the stream is a raw pipe between visitor and target.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use octoporty_proto::model::FailureCode;
use octoporty_tunnel::duplex::{DuplexCause, DuplexConfig, DuplexEnd, duplex};
use octoporty_tunnel::prefixed::Prefixed;
use octoporty_tunnel::stream::Stream;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::verdict::{failure_of_reset, with_detail};
use crate::body::{Answer, AnswerBody, Switched};
use crate::upstream::response::ResponseHead;

/// Passes the target's 101 on and leaves the pipe to a task of the shard. `rest` is what the target sent behind its
/// head.
pub(super) fn switch(head: ResponseHead, stream: Stream, rest: Bytes, mut record: Record) -> Answer {
    record.status(StatusCode::SWITCHING_PROTOCOLS.as_u16());
    // It may stand for days.
    record.settle();
    let ctx = Arc::clone(record.shard());
    let config = DuplexConfig { idle: Some(ctx.state.config.limits.idle_timeout), ..DuplexConfig::visitor() };
    let pipe = Pipe { stream, rest, record, config, cancel: ctx.cancel.clone() };
    let (visitors, handle) = (ctx.visitors.clone(), ctx.handle.clone());
    let switch = move |visitor| drop(visitors.spawn_on(pipe.run(visitor), &handle));
    Answer::passing(head, AnswerBody::Switch(Box::new(switch)))
}

struct Pipe {
    stream: Stream,
    rest: Bytes,
    record: Record,
    config: DuplexConfig,
    /// The gateway stops.
    cancel: CancellationToken,
}

impl Pipe {
    fn run(self, visitor: Switched) -> impl Future<Output = ()> + Send {
        let Self { stream, rest, mut record, config, cancel } = self;
        let Switched { socket, read_ahead, permit, counted } = visitor;
        let mut visitor = Prefixed::new(socket, read_ahead);
        // It may stand for days: what it is made of is kept once.
        async move {
            let piped = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                end = duplex(&mut visitor, stream, rest, config) => Some(end),
            };
            match piped {
                Some(end) => finish(end, &mut record, visitor),
                None => cut(visitor),
            }
            drop((permit, counted));
        }
    }
}

/// Notes how the pipe ended.
fn finish(end: DuplexEnd, record: &mut Record, visitor: Prefixed<TcpStream>) {
    let DuplexEnd { to_stream, to_socket, cause } = end;
    record.request_bytes += to_stream;
    record.response_bytes = to_socket;
    match cause {
        DuplexCause::Finished => record.done(),
        DuplexCause::StreamReset(reset) => {
            record.failed(failure_of_reset(reset));
            cut(visitor);
        }
        DuplexCause::SocketBroke(_) => record.visitor_left(),
        DuplexCause::Idle => {
            record.failed(with_detail(FailureCode::IdleTimeout, "no byte moved either way"));
            cut(visitor);
        }
    }
}

/// Ends the visitor's connection so that it shows: what was cut is not to pass for whole.
fn cut(visitor: Prefixed<TcpStream>) {
    let (visitor, _) = visitor.into_parts();
    if let Err(error) = visitor.set_zero_linger() {
        tracing::trace!(%error, "an upgraded visitor was gone before its connection could be reset");
    }
}
