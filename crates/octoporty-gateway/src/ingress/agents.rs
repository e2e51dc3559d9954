//! The port for agents alone, over TLS where the gateway has a certificate. A connection has one request: it becomes a
//! link, or is answered and closed. Nothing that is mapped is served here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, Version};
use octoporty_proto::model::FailureCode;
use octoporty_tunnel::carrier::websocket::Accepted;
use octoporty_tunnel::tls::ServerTls;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::{Asked, Ending, write_head};
use super::connection::{LINGER, Trust, discard};
use super::head::{HeadFault, HeadReader, Persistence, RequestHead};
use super::own::{self, Own};
use super::socket::Socket;
use super::walk;
use crate::body::{Answer, AnswerBody, Switched};
use crate::endpoint::Admitted;
use crate::pages::{self, Problem, Wants, failure_answer};
use crate::shards::sources::Permit;
use crate::shards::{Counted, Door, ShardContext};
use crate::state::unix_ms;
use crate::visitor::{RequestId, Visit};

/// Bytes of one read of a head: an agent's has some 300.
const READ: usize = 4096;

/// How long an answer may take to be taken: the status of ten thousand agents has some megabytes.
const ANSWER: Duration = Duration::from_secs(30);

/// The first byte of every connection over TLS (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Somebody at this port.
struct Caller {
    shard: Arc<ShardContext>,
    peer: SocketAddr,
    trust: Trust,
    permit: Option<Permit>,
    counted: Counted,
    /// Hands are shaken and the head is there by then.
    deadline: Instant,
}

/// What came of shaking hands.
enum Hands {
    Shaken(Box<ServerTls>),
    /// The peer does not speak TLS.
    Clear(TcpStream),
}

/// Serves a connection until it ends or is a link. Runs on the shard that it is given.
pub(crate) fn serve(
    shard: Arc<ShardContext>,
    socket: std::net::TcpStream,
    peer: SocketAddr,
    permit: Option<Permit>,
) -> impl Future<Output = ()> {
    let cancel = shard.cancel.clone();
    let (trust, counted) = (Trust::of(&shard.state, peer), Counted::begin(&shard));
    let deadline = Instant::now() + shard.state.config.limits.header_timeout;
    let caller = Caller { shard, peer, trust, permit, counted, deadline };
    async move {
        cancel.run_until_cancelled(Box::pin(caller.enter(socket))).await;
    }
}

impl Caller {
    async fn enter(self, socket: std::net::TcpStream) {
        let socket = match Socket::Bare(socket).into_known() {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(peer = %self.peer, %error, "who came to the agents' port is lost"),
        };
        let Some(tls) = self.shard.state.agents_tls().cloned() else { return self.converse(socket).await };
        let shaking = self.shard.draining.token().run_until_cancelled(shake(socket, tls));
        match timeout_at(self.deadline, shaking).await {
            Ok(Some(Ok(Hands::Shaken(io)))) => self.converse(*io).await,
            Ok(Some(Ok(Hands::Clear(socket)))) => self.tell_of_tls(socket).await,
            Ok(Some(Err(error))) => {
                tracing::debug!(peer = %self.peer, %error, "no TLS with who came to the agents' port")
            }
            // Agents look for a gateway that stops by themselves.
            Ok(None) => {}
            Err(_) => tracing::debug!(peer = %self.peer, "who came to the agents' port did not shake hands in time"),
        }
    }

    async fn converse<S: Accepted>(self, mut io: S) {
        let mut reader = HeadReader::new(self.shard.state.config.limits.header_bytes);
        let read = read_head(&mut io, &mut reader, self.shard.draining.token());
        let code = match timeout_at(self.deadline, read).await {
            Ok(Ok(Some((head, rest)))) => return self.answer(io, head, rest).await,
            Ok(Ok(None)) => return,
            Ok(Err(HeadFault::TooLarge)) => FailureCode::HeadTooLarge,
            Ok(Err(HeadFault::Malformed)) => FailureCode::BadRequest,
            // Who has said nothing waits for nothing.
            Err(_) if !reader.has_begun() => return,
            Err(_) => FailureCode::HeaderTimeout,
        };
        self.shard.counters().failed(code);
        let answer = pages::raw_failure(code, &RequestId::new(unix_ms()));
        self.say(io, &answer).await;
    }

    async fn answer<S: Accepted>(self, io: S, request: RequestHead, rest: Bytes) {
        let (arrived, arrived_ms) = (std::time::Instant::now(), unix_ms());
        let head = request.head;
        let asked = Asked::new(head.version, &head.method);
        let request_id = walk::request_id(self.trust, &head, arrived_ms);
        let visitor = walk::visitor(&self.shard.state, (self.peer, self.trust), &head).map(|(visitor, _)| visitor);
        let answer = match visitor {
            Ok(visitor) => {
                let visit = Visit { head, visitor, request_id, arrived, arrived_ms };
                match own::paths(&self.shard, &visit).await {
                    Some(Own::Agent(admitted)) => return self.link(io, rest, admitted, &visit).await,
                    Some(Own::Answer(answer)) => answer,
                    None => for_agents(&request_id),
                }
            }
            Err(failure) => {
                self.shard.counters().failed(failure.code);
                failure_answer(&failure, &request_id, Wants::Json)
            }
        };
        let answer = self.encode(asked, answer, request_id);
        self.say(io, &answer).await;
    }

    /// An answer as it stands on the wire. The connection ends with it, unless it is a 101.
    fn encode(&self, asked: Asked, mut answer: Answer, request_id: RequestId) -> Vec<u8> {
        answer.request_id = Some(request_id);
        self.shard.counters().answered(answer.status());
        let ending = Ending::of(asked, &answer);
        let mut bytes = Vec::new();
        write_head(&mut bytes, asked, &answer, (ending, Persistence::Close));
        if let AnswerBody::Full(body) = &answer.body
            && ending == Ending::Length
        {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    async fn link<S: Accepted>(self, mut io: S, rest: Bytes, admitted: Admitted, visit: &Visit) {
        let asked = Asked::new(visit.head.version, &visit.head.method);
        let answer = self.encode(asked, admitted.answer(AnswerBody::Empty), visit.request_id);
        let Self { shard, peer, permit, counted, .. } = self;
        match timeout(LINGER, write(&mut io, &answer)).await {
            Ok(Ok(())) => {
                let agent = Switched { socket: io, read_ahead: rest, permit, counted };
                admitted.take_over(&shard, agent, Door::Agents);
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "agent left before its link began"),
            Err(_) => tracing::debug!(%peer, "agent did not take its upgrade in time"),
        }
    }

    /// For who came in the clear where TLS is spoken.
    async fn tell_of_tls(self, socket: TcpStream) {
        let request_id = RequestId::new(unix_ms());
        let problem = Problem {
            status: StatusCode::BAD_REQUEST,
            code: "tls_required",
            title: "This port speaks TLS.",
            detail: "This is the gateway's port for agents, which has a certificate: write wss:// (https://) instead of \
                     ws:// (http://).",
        };
        let asked = Asked::new(Version::HTTP_11, &Method::GET);
        let answer = self.encode(asked, pages::problem(problem, &request_id), request_id);
        self.say(socket, &answer).await;
    }

    /// Says the last word of a connection, and sees to it that it is taken.
    async fn say<S: Accepted>(self, mut io: S, answer: &[u8]) {
        let said = match timeout(ANSWER, write(&mut io, answer)).await {
            Ok(Ok(())) => timeout(LINGER, discard(io)).await,
            said => said,
        };
        match said {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::trace!(peer = %self.peer, %error, "who came to the agents' port left early"),
            Err(_) => tracing::trace!(peer = %self.peer, "who came to the agents' port did not take the end in time"),
        }
    }
}

async fn shake(socket: TcpStream, tls: Arc<ServerConfig>) -> io::Result<Hands> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        return Ok(Hands::Clear(socket));
    }
    ServerTls::accept(socket, tls).await.map(|io| Hands::Shaken(Box::new(io)))
}

/// One head and what came behind it; `None` when there is none to come.
async fn read_head(
    io: &mut (impl AsyncRead + Unpin),
    reader: &mut HeadReader,
    draining: &CancellationToken,
) -> Result<Option<(RequestHead, Bytes)>, HeadFault> {
    let mut buffer = vec![0; READ];
    loop {
        let read = io.read(&mut buffer);
        let read = if reader.has_begun() { Some(read.await) } else { draining.run_until_cancelled(read).await };
        let Some(Ok(read @ 1..)) = read else { return Ok(None) };
        let mut input = Bytes::copy_from_slice(&buffer[..read]);
        if let Some(head) = reader.read(&mut input)? {
            return Ok(Some((head, input)));
        }
    }
}

async fn write(io: &mut impl Accepted, bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes).await?;
    io.flush().await
}

fn for_agents(request_id: &RequestId) -> Answer {
    let problem = Problem {
        status: StatusCode::NOT_FOUND,
        code: "agents_only",
        title: "This port is for agents.",
        detail: "Only /tunnel, /health and /api/v1/status are here; sites are at the gateway's main port (Gateway__Port).",
    };
    pages::problem(problem, request_id)
}
