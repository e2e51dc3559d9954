//! Streams: bytes whole both ways, half-close, resets, and that none hinders another.

use bytes::Bytes;
use octoporty_proto::model::Compression;
use octoporty_proto::mux::{MuxConfig, OpenError};
use octoporty_proto::wire::{Blame, Open, Reset, ResetCode};
use octoporty_tunnel::link::{Incoming, LinkEvents};
use octoporty_tunnel::stream::{Peek, Stream, reset_of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::rig::{End, Rig, Tasks, check_pattern, config, open, pattern, send_pattern, soon, take};

const MIB: u64 = 1024 * 1024;

async fn echo(mut stream: Stream) {
    while let Ok(Some(bytes)) = stream.recv().await {
        if stream.send(bytes).await.is_err() {
            return;
        }
    }
    // The peer may have gone; a test that cares looks at its own end.
    stream.finish().ok();
}

/// Serves every stream by giving its bytes back.
fn serve_echo(tasks: &Tasks, mut events: LinkEvents) {
    tasks.spawn(async move {
        let mut streams = JoinSet::new();
        while let Some(incoming) = events.next().await {
            if let Incoming::Stream(_, stream) = incoming {
                streams.spawn(echo(stream));
            }
        }
    });
}

#[tokio::test]
async fn what_is_sent_with_the_open_frame_comes_with_it() {
    let mut rig = Rig::new().await;
    let visitor = "[2001:db8::7]:5000".parse().unwrap();
    let asked = Open { visitor: Some(visitor), compression: Compression::Auto, ..open() };
    let mut ours = rig.gateway.link.open(&asked, Bytes::from_static(b"first")).unwrap();
    let (told, mut theirs) = rig.agent.stream().await;
    assert_eq!(told, asked);
    assert_eq!(take(&mut theirs, 5).await, b"first");
    theirs.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(take(&mut ours, 6).await, b"answer");
}

#[tokio::test]
async fn first_bytes_beyond_the_window_follow_in_order_and_before_the_end() {
    let mut rig = Rig::new().await;
    let mut ours = rig.gateway.link.open(&open(), pattern(0, 3_000_000)).unwrap();
    ours.finish().unwrap();
    let (_, mut theirs) = rig.agent.stream().await;
    soon("everything", check_pattern(&mut theirs, 3_000_000)).await;
}

#[tokio::test]
async fn bytes_behind_long_first_bytes_do_not_overtake_them() {
    let mut rig = Rig::new().await;
    let mut ours = rig.gateway.link.open(&open(), pattern(0, 2_000_000)).unwrap();
    let (_, mut theirs) = rig.agent.stream().await;
    let sent = async {
        ours.send(pattern(2_000_000, 1_000_000)).await.unwrap();
        ours.finish().unwrap();
    };
    soon("everything", async { tokio::join!(sent, check_pattern(&mut theirs, 3_000_000)) }).await;
}

#[tokio::test]
async fn either_side_may_finish_first_and_still_receives() {
    let mut rig = Rig::new().await;
    for opener_first in [true, false] {
        let (ours, theirs) = rig.stream(b"").await;
        let (mut first, mut last) = if opener_first { (ours, theirs) } else { (theirs, ours) };
        first.send(Bytes::from_static(b"question")).await.unwrap();
        first.finish().unwrap();
        assert_eq!(last.recv().await.unwrap().unwrap(), "question");
        assert_eq!(soon("the end", last.recv()).await.unwrap(), None);
        soon("the answer", async { tokio::join!(send_pattern(&mut last, MIB), check_pattern(&mut first, MIB)) }).await;
        assert_eq!(first.recv().await, Ok(None), "the end is told as often as it is asked for");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_mebibytes_each_way_at_once_arrive_whole() {
    let mut rig = Rig::new().await;
    let (mut ours, theirs) = rig.stream(b"").await;
    let (ours_in, ours_out) = (64 * MIB, 64 * MIB);
    serve_one(&rig.tasks, theirs, ours_in);
    let moved = async {
        let (mut read, mut write) = tokio::io::split(&mut ours);
        tokio::join!(
            async {
                let mut at = 0;
                while at < ours_out {
                    let bytes = pattern(at, 65_536);
                    write.write_all(&bytes).await.unwrap();
                    at += bytes.len() as u64;
                }
                write.shutdown().await.unwrap();
            },
            async {
                let (mut at, mut buffer) = (0, vec![0; 100_000]);
                loop {
                    let length = read.read(&mut buffer).await.unwrap();
                    if length == 0 {
                        return at;
                    }
                    assert!(buffer[..length] == pattern(at, length), "wrong bytes behind {at}");
                    at += length as u64;
                }
            }
        )
    };
    let ((), received) = tokio::time::timeout(crate::rig::DEADLINE * 4, moved).await.unwrap();
    assert_eq!(received, ours_in);
    let stats = rig.gateway.link.stats();
    assert_eq!(stats.bytes_received, ours_in);
    soon("the last bytes to be on their way", async {
        while rig.gateway.link.stats().bytes_sent != ours_out {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Sends `total` and checks what comes, at once.
fn serve_one(tasks: &Tasks, stream: Stream, total: u64) {
    tasks.spawn(async move {
        let (mut read, mut write) = tokio::io::split(stream);
        tokio::join!(
            async {
                let mut at = 0;
                while at < total {
                    write.write_all(&pattern(at, 65_536)).await.unwrap();
                    at += 65_536;
                }
                write.shutdown().await.unwrap();
            },
            async {
                let (mut at, mut buffer) = (0, vec![0; 100_000]);
                loop {
                    let length = read.read(&mut buffer).await.unwrap();
                    if length == 0 {
                        break;
                    }
                    assert!(buffer[..length] == pattern(at, length), "wrong bytes behind {at}");
                    at += length as u64;
                }
            }
        );
    });
}

#[tokio::test]
async fn two_hundred_stuck_streams_do_not_delay_a_fast_one() {
    let mut rig = Rig::new().await;
    let mut stuck = Vec::new();
    for _ in 0..200 {
        let (mut ours, theirs) = rig.stream(b"").await;
        // As much as the window takes, and nobody reads it.
        while let Ok(room) = std::future::poll_fn(|cx| match ours.poll_capacity(cx) {
            std::task::Poll::Ready(room) => std::task::Poll::Ready(room.map_err(|_| ())),
            std::task::Poll::Pending => std::task::Poll::Ready(Err(())),
        })
        .await
        {
            ours.send(pattern(0, room)).await.unwrap();
        }
        stuck.push((ours, theirs));
    }
    let (mut ours, mut theirs) = rig.stream(b"").await;
    for round in 0..50 {
        ours.send(pattern(round, 1000)).await.unwrap();
        assert_eq!(take(&mut theirs, 1000).await, pattern(round, 1000));
        theirs.send(pattern(round, 100)).await.unwrap();
        assert_eq!(take(&mut ours, 100).await, pattern(round, 100));
    }
    let (mut ours, mut theirs) = rig.stream(b"").await;
    soon("a large body beside them", async {
        tokio::join!(send_pattern(&mut ours, 8 * MIB), check_pattern(&mut theirs, 8 * MIB))
    })
    .await;
    // Those that were stuck go on where they stood, once somebody reads.
    let (mut ours, mut theirs) = stuck.pop().unwrap();
    ours.finish().unwrap();
    let mut held = 0;
    while let Some(bytes) = soon("held bytes", theirs.recv()).await.unwrap() {
        assert_eq!(bytes, pattern(held, bytes.len()));
        held += bytes.len() as u64;
    }
    assert!(held >= u64::from(config().stream_floor), "{held}");
}

#[tokio::test]
async fn a_dropped_stream_is_cancelled_at_the_other_end() {
    let mut rig = Rig::new().await;
    let (ours, theirs) = rig.stream(b"half a request").await;
    drop(ours);
    let reset = soon("the reset", theirs.was_reset()).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::Cancelled, Blame::Gateway));
}

#[tokio::test]
async fn a_reset_wakes_a_reader_a_writer_and_tells_code_blame_and_detail() {
    let mut rig = Rig::new().await;
    let said = Reset { code: ResetCode::TargetRefused, blame: Blame::Target, detail: "connection refused".into() };
    let (mut reading, theirs) = rig.stream(b"").await;
    let (answer, ()) =
        soon("the reset", async { tokio::join!(reading.recv(), async { theirs.reset(said.clone()) }) }).await;
    assert_eq!(answer, Err(said.clone()));

    let (mut writing, theirs) = rig.stream(b"").await;
    let flood = async {
        loop {
            if let Err(error) = writing.write_all(&[0; 100_000]).await {
                return error;
            }
        }
    };
    let (error, ()) = soon("the reset", async { tokio::join!(flood, async { theirs.reset(said.clone()) }) }).await;
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(reset_of(&error), Some(&said));
}

#[tokio::test]
async fn a_finished_pair_of_directions_is_no_reset() {
    let mut rig = Rig::new().await;
    let (mut ours, mut theirs) = rig.stream(b"all").await;
    ours.finish().unwrap();
    assert_eq!(soon("all", theirs.recv()).await.unwrap().unwrap(), "all");
    theirs.send(Bytes::from_static(b"done")).await.unwrap();
    theirs.finish().unwrap();
    assert_eq!(soon("the end", theirs.recv()).await, Ok(None));
    drop(theirs);
    assert_eq!(soon("done", ours.recv()).await.unwrap().unwrap(), "done");
    assert_eq!(soon("the end", ours.recv()).await, Ok(None));
}

#[tokio::test]
async fn a_stream_is_fit_to_be_used_again_only_while_it_is_quiet() {
    let mut rig = Rig::new().await;
    let (mut ours, mut theirs) = rig.stream(b"ask").await;
    take(&mut theirs, 3).await;
    theirs.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(take(&mut ours, 3).await, b"ans");
    assert_eq!(ours.peek(), Peek::Stirred, "there is a rest");
    assert_eq!(take(&mut ours, 3).await, b"wer");
    assert_eq!(ours.peek(), Peek::Quiet);
    theirs.finish().unwrap();
    soon("the end to be seen", async {
        while ours.peek() == Peek::Quiet {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn more_streams_than_the_peer_takes_are_refused_here() {
    let limited = MuxConfig { max_streams: 3, ..config() };
    let mut rig = Rig::with(limited).await;
    let held: Vec<_> = (0..3).map(|_| rig.gateway.link.open(&open(), Bytes::new()).unwrap()).collect();
    assert_eq!(rig.gateway.link.open(&open(), Bytes::new()).unwrap_err(), OpenError::TooManyStreams);
    assert_eq!(rig.gateway.link.load(), 3);
    for _ in 0..3 {
        drop(rig.agent.stream().await);
    }
    drop(held);
    soon("room for another", async {
        while rig.gateway.link.open(&open(), Bytes::new()).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    rig.gateway.link.set_stream_limit(0);
    assert_eq!(rig.gateway.link.open(&open(), Bytes::new()).unwrap_err(), OpenError::TooManyStreams);
}

#[tokio::test]
async fn a_link_may_be_used_from_another_thread() {
    let rig = Rig::new().await;
    let Rig { tasks, gateway, agent, .. } = rig;
    serve_echo(&tasks, agent.events);
    let link = gateway.link.clone();
    let exchanged = tokio::task::spawn_blocking(move || {
        let elsewhere = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        elsewhere.block_on(async move {
            for round in 0..200 {
                let mut stream = link.open(&open(), pattern(round, 500)).unwrap();
                assert_eq!(take(&mut stream, 500).await, pattern(round, 500));
                stream.send(pattern(round, 70_000)).await.unwrap();
                assert_eq!(take(&mut stream, 70_000).await, pattern(round, 70_000));
            }
        });
    });
    soon("200 exchanges", exchanged).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_streams_from_many_threads_at_once_stay_apart() {
    let rig = Rig::new().await;
    let Rig { tasks, gateway, agent, .. } = rig;
    serve_echo(&tasks, agent.events);
    let mut visitors = JoinSet::new();
    for visitor in 0..100_u64 {
        let link = gateway.link.clone();
        visitors.spawn(async move {
            for round in 0..10 {
                let at = visitor * 1_000_003 + round;
                let mut stream = link.open(&open(), pattern(at, 3000)).unwrap();
                stream.finish().unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert!(answer == pattern(at, 3000), "visitor {visitor}, round {round}");
            }
        });
    }
    soon("1000 exchanges", visitors.join_all()).await;
    soon("all streams to be gone", async {
        while gateway.link.load() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_to_take_streams_means_they_are_refused_and_may_go_elsewhere() {
    let rig = Rig::new().await;
    let End { link, events } = rig.agent;
    drop(events);
    let stream = rig.gateway.link.open(&open(), Bytes::from_static(b"hello")).unwrap();
    assert_eq!(soon("the refusal", stream.was_reset()).await.code, ResetCode::Draining);
    drop(link);
}

#[tokio::test]
async fn streams_that_were_never_served_may_go_elsewhere() {
    let Rig { tasks: _tasks, gateway, agent: End { link, events }, relay: _relay } = Rig::new().await;
    let stream = gateway.link.open(&open(), Bytes::from_static(b"POST /pay")).unwrap();
    soon("the stream at the agent", async {
        while link.stats().streams_active == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(events);
    let reset = soon("the reset", stream.was_reset()).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::Draining, Blame::Link));
}
