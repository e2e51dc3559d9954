//! An upgraded connection: after the target's 101 the stream is a raw pipe between visitor and target.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use octoporty_proto::model::FailureCode;
use octoporty_tunnel::duplex::{DuplexCause, DuplexConfig, DuplexEnd, duplex};
use octoporty_tunnel::stream::Stream;

use super::record::Record;
use super::verdict::{failure_of_reset, with_detail};
use crate::body::{Answer, AnswerBody};
use crate::shards::ShardContext;
use crate::upstream::response::ResponseHead;

/// How long handing over the visitor's connection may take once the 101 is on its way: it waits only for the head to
/// be written.
const HANDOVER: Duration = Duration::from_secs(30);

/// Passes the target's 101 on and leaves the pipe to a task of the shard. `rest` is what the target sent behind its
/// head.
pub(super) fn switch(
    ctx: &ShardContext,
    head: ResponseHead,
    on_upgrade: OnUpgrade,
    stream: Stream,
    rest: Bytes,
    mut record: Record,
) -> Answer {
    record.status(StatusCode::SWITCHING_PROTOCOLS.as_u16());
    let config = DuplexConfig { idle: Some(ctx.state.config.limits.idle_timeout), ..DuplexConfig::visitor() };
    let pipe = Pipe { on_upgrade, stream, rest, record, config };
    let cancel = ctx.cancel.clone();
    ctx.visitors.spawn_on(async move { cancel.run_until_cancelled(pipe.run()).await }, &ctx.handle);
    let mut answer = Response::new(AnswerBody::Empty);
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = head.headers;
    if let Some(reason) = head.reason {
        answer.extensions_mut().insert(reason);
    }
    answer
}

struct Pipe {
    on_upgrade: OnUpgrade,
    stream: Stream,
    rest: Bytes,
    record: Record,
    config: DuplexConfig,
}

impl Pipe {
    async fn run(self) {
        let Self { on_upgrade, stream, rest, mut record, config } = self;
        let Ok(Ok(visitor)) = tokio::time::timeout(HANDOVER, on_upgrade).await else {
            // The visitor was gone before the head was written.
            return;
        };
        let DuplexEnd { to_stream, to_socket, cause } = duplex(TokioIo::new(visitor), stream, rest, config).await;
        record.request_bytes = to_stream;
        record.response_bytes = to_socket;
        match cause {
            DuplexCause::Finished => record.done(),
            DuplexCause::StreamReset(reset) => record.failed(failure_of_reset(reset)),
            DuplexCause::SocketBroke(_) => record.visitor_left(),
            DuplexCause::Idle => record.failed(with_detail(FailureCode::IdleTimeout, "no byte moved either way")),
        }
    }
}
