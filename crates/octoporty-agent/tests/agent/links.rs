//! Several links a session.

use octoporty_agent::config::LinkCount;
use octoporty_proto::model::{EndReason, Revision};

use crate::gateway::{FakeGateway, read_exactly, session};
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
            link.send(octoporty_proto::control::Control::Welcome(crate::gateway::welcome(session(), 1))).await;
            link.acknowledge().await;
            break;
        }
    }
    world.status("a new session", |status| status.session.is_some_and(|new| new != id)).await;
}
