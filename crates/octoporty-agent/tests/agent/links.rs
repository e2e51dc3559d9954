//! Several links a session.

use octoporty_agent::config::LinkCount;
use octoporty_proto::control::{Control, Welcome};
use octoporty_proto::model::{AccessRows, EndReason, Revision, SyncReport};

use crate::gateway::{FakeGateway, read_exactly, session, welcome, within};
use crate::world::{Target, World, config, mapping, state};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn as_many_links_as_the_gateway_asks_for_join_the_session() {
    let mut gateway = FakeGateway::start().await;
    let target = Target::start().await;
    let wanted = state(1, vec![mapping("a.example", &target.url())]);
    let mut world = World::start(config(gateway.address), wanted.clone());
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 3).await;
    first.acknowledge().await;
    let (second, hello) = gateway.welcomed(id, 3).await;
    assert_eq!(hello.session, Some(id));
    let (third, _) = gateway.welcomed(id, 3).await;
    world.status("three links", |status| status.links.len() == 3).await;

    for link in [&second, &third] {
        let mut stream = link.open(wanted.mappings[0].id, b"ping");
        let mut socket = target.connection().await;
        let mut asked = [0; 4];
        socket.read_exact(&mut asked).await.unwrap();
        socket.write_all(b"pong").await.unwrap();
        assert_eq!(read_exactly(&mut stream, 4).await, b"pong");
    }
    assert!(gateway.has_no_further_link());
}

#[tokio::test]
async fn a_gateway_with_one_shard_gets_two_links_so_that_a_session_outlives_one() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, Vec::new()));
    let id = session();
    let mut first = gateway.link().await;
    first.hello().await;
    first.send(Control::Welcome(Welcome { links: 1, ..welcome(id, 2) })).await;
    first.acknowledge().await;
    let (_second, hello) = gateway.welcomed(id, 2).await;
    assert_eq!(hello.session, Some(id));
    world.status("two links", |status| status.links.len() == 2).await;
    assert!(gateway.has_no_further_link());
}

/// Open frames overtake messages, and what a gateway tells the session may leave on a link that is not welcome yet.
#[tokio::test]
async fn what_comes_before_the_welcome_of_a_further_link_is_kept() {
    let mut gateway = FakeGateway::start().await;
    let target = Target::start().await;
    let wanted = state(1, vec![mapping("a.example", &target.url())]);
    let mut world = World::start(config(gateway.address), wanted.clone());
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let mut second = gateway.link().await;
    let hello = second.hello().await;
    assert_eq!((hello.in_flight(), hello.streams()), (64 << 20, 16_384));

    let mut stream = second.open(wanted.mappings[0].id, b"ping");
    let report = SyncReport { revision: Revision(99), verdicts: Vec::new() };
    second.send(Control::SyncResult { request: None, report }).await;
    second.send(Control::Welcome(welcome(id, 2))).await;
    within("the report", world.news.sync.wait_for(|report| report.revision == Revision(99))).await.unwrap();
    let mut socket = target.connection().await;
    let mut asked = [0; 4];
    socket.read_exact(&mut asked).await.unwrap();
    socket.write_all(b"pong").await.unwrap();
    assert_eq!(read_exactly(&mut stream, 4).await, b"pong");
    world.status("two links", |status| status.links.len() == 2).await;
}

#[tokio::test]
async fn a_gateway_that_talks_without_welcome_is_left() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let mut link = gateway.link().await;
    link.hello().await;
    for _ in 0..65 {
        link.send(Control::Access { rows: AccessRows::default(), dropped: 0 }).await;
    }
    let status = world.status("the error", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("instead of a welcome"), "{status:?}");
    link.ended().await;
}

#[tokio::test]
async fn a_fixed_number_of_links_wins_over_the_gateways_wish() {
    let mut gateway = FakeGateway::start().await;
    let mut config = config(gateway.address);
    config.links = LinkCount::Fixed(2);
    let mut world = World::start(config, state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 8).await;
    first.acknowledge().await;
    let (_second, _) = gateway.welcomed(id, 8).await;
    world.status("two links", |status| status.links.len() == 2).await;
}

#[tokio::test]
async fn the_record_of_a_session_that_stands_has_its_further_links() {
    let mut gateway = FakeGateway::start().await;
    let mut config = config(gateway.address);
    config.links = LinkCount::Fixed(2);
    let mut world = World::start(config, state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let begun = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!((begun.links, begun.end), (1, None));
    let (_second, _) = gateway.welcomed(id, 2).await;
    let more = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!((more.session, more.links, more.end), (id, 2, None));
    assert_eq!(more.started_ms, begun.started_ms);
}

#[tokio::test]
async fn a_lost_further_link_is_made_anew_and_the_session_stands() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let (second, _) = gateway.welcomed(id, 2).await;
    world.status("two links", |status| status.links.len() == 2).await;
    second.link.close(EndReason::TransportLost, "cut by the test");
    second.ended().await;
    let (_again, hello) = gateway.welcomed(id, 2).await;
    assert_eq!(hello.session, Some(id));
    let status = world.status("two links again", |status| status.links.len() == 2).await;
    assert_eq!((status.session, status.last_error.as_deref()), (Some(id), None));
}

#[tokio::test]
async fn the_session_goes_on_over_the_other_link_when_the_first_is_lost() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let (mut second, _) = gateway.welcomed(id, 2).await;
    world.status("two links", |status| status.links.len() == 2).await;

    // A sync that is in flight on the lost link goes over the other.
    world.desired.send_replace(state(2, vec![]));
    first.sync().await;
    first.link.close(EndReason::TransportLost, "cut by the test");
    first.ended().await;
    assert_eq!(second.acknowledge().await.revision, Revision(2));
    let (_again, hello) = gateway.welcomed(id, 2).await;
    assert_eq!(hello.session, Some(id));
    let status = world.status("two links again", |status| status.links.len() == 2).await;
    assert_eq!(status.session, Some(id));
}

#[tokio::test]
async fn a_first_link_that_is_lost_again_and_again_is_made_once_each_time() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let (_second, _) = gateway.welcomed(id, 2).await;
    world.status("two links", |status| status.links.len() == 2).await;
    for _ in 0..2 {
        first.link.close(EndReason::TransportLost, "cut by the test");
        first.ended().await;
        (first, _) = gateway.welcomed(id, 2).await;
        world.status("two links again", |status| status.links.len() == 2).await;
    }
    // A second keeper waits a second before its first attempt at the latest.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert!(gateway.has_no_further_link(), "more links than the gateway asked for");
    assert_eq!(world.news.status.borrow().links.len(), 2);
}

#[tokio::test]
async fn when_all_links_are_lost_a_new_session_begins() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let id = session();
    let (mut first, _) = gateway.welcomed(id, 2).await;
    first.acknowledge().await;
    let (second, _) = gateway.welcomed(id, 2).await;
    world.status("two links", |status| status.links.len() == 2).await;
    first.link.close(EndReason::TransportLost, "cut by the test");
    second.link.close(EndReason::TransportLost, "cut by the test");
    loop {
        // A further link may have been on its way when the last one was lost.
        let mut link = gateway.link().await;
        if link.hello_unless_ended().await.is_some_and(|hello| hello.session.is_none()) {
            link.send(Control::Welcome(welcome(session(), 1))).await;
            link.acknowledge().await;
            break;
        }
    }
    world.status("a new session", |status| status.session.is_some_and(|new| new != id)).await;
}
