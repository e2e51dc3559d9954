//! An upgraded connection: after the target's 101 the stream is a raw pipe between visitor and target.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use octoporty_proto::model::FailureCode;
use octoporty_tunnel::duplex::{DuplexCause, DuplexConfig, DuplexEnd, duplex};
use octoporty_tunnel::prefixed::Prefixed;
use octoporty_tunnel::stream::Stream;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::verdict::{failure_of_reset, with_detail};
use crate::body::{Answer, AnswerBody};
use crate::ingress::io::VisitorIo;
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
    let pipe = Pipe { on_upgrade, stream, rest, record, config, cancel: ctx.cancel.clone() };
    ctx.visitors.spawn_on(pipe.run(), &ctx.handle);
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
    /// The gateway stops.
    cancel: CancellationToken,
}

impl Pipe {
    async fn run(self) {
        let Self { on_upgrade, stream, rest, mut record, config, cancel } = self;
        let handed_over = cancel.run_until_cancelled(tokio::time::timeout(HANDOVER, on_upgrade)).await;
        let Some(Ok(Ok(upgraded))) = handed_over else {
            // The visitor was gone before the head was written, or the gateway stops.
            return;
        };
        let Parts { io, read_buf, .. } =
            upgraded.downcast::<TokioIo<VisitorIo>>().expect("every connection's socket is a VisitorIo");
        let mut visitor = Prefixed::new(io.into_inner(), read_buf);
        let piped = cancel.run_until_cancelled(duplex(&mut visitor, stream, rest, config)).await;
        let Some(DuplexEnd { to_stream, to_socket, cause }) = piped else {
            return cut(visitor);
        };
        record.request_bytes = to_stream;
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
}

/// Ends the visitor's connection so that it shows: what was cut is not to pass for whole.
fn cut(visitor: Prefixed<VisitorIo>) {
    let (visitor, _) = visitor.into_parts();
    if let Err(error) = visitor.reset_when_closed() {
        tracing::trace!(%error, "an upgraded visitor was gone before its connection could be reset");
    }
}
