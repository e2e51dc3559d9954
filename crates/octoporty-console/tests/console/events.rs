//! The events stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use octoporty_proto::model::{AgentStatus, ConnectionState, MappingVerdict, SyncReport};
use serde_json::{Value, json};

use crate::client::{Call, Opened, PATIENCE};
use crate::world::{NOW, User, World, access_record, connected};

pub(crate) const EVENTS: &str = "/api/v1/events";

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

pub(crate) struct Listening {
    opened: Opened,
    text: String,
    ready: VecDeque<Event>,
}

impl Listening {
    async fn open(call: Call) -> Self {
        let opened = call.open().await;
        assert_eq!(opened.status, 200);
        assert_eq!(opened.headers["content-type"], "text/event-stream");
        assert_eq!(opened.headers["x-accel-buffering"], "no");
        Self { opened, text: String::new(), ready: VecDeque::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event or the end in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let frame = self.opened.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.text.push_str(std::str::from_utf8(&data).unwrap());
            }
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                self.ready.extend(parse(&block));
            }
        }
    }

    /// The next event of this name.
    pub(crate) async fn named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.map(|value| value.trim_start().to_owned())
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id"), name: field("event")?, data })
}

pub(crate) async fn listen(user: &User<'_>) -> Listening {
    Listening::open(user.call("GET", EVENTS)).await
}

async fn listen_from(user: &User<'_>, id: &str) -> Listening {
    Listening::open(user.call("GET", EVENTS).header("last-event-id", id)).await
}

#[tokio::test]
async fn the_first_event_is_the_state_as_it_is() {
    let world = World::new().await;
    let user = world.user().await;
    let first = listen(&user).await.next().await.unwrap();
    assert_eq!(first.name, "status");
    assert_eq!(first.data, user.get("/api/v1/status").await.json());
    assert!(first.id.is_some(), "so that a stream without news resumes as well");
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let world = World::new().await;
    let user = world.user().await;
    let mut stream = listen(&user).await;
    let away = AgentStatus { state: ConnectionState::Reconnecting, ..connected() };
    world.agent.status.send_replace(Arc::new(away));
    let seen = loop {
        let status = stream.named("status").await;
        if status.data["connectionStatus"] == "Reconnecting" {
            break status;
        }
    };
    assert_eq!(seen.id, None, "a status is superseded by the next, and not replayed");
    world.agent.status.send_replace(Arc::new(connected()));

    let id = user.create("app.example.com").await;
    let changed = stream.named("mappings-changed").await;
    let revision = world.agent.desired.borrow().revision;
    assert_eq!(changed.data["revision"], revision.0);
    assert!(changed.id.is_some());
    let verdicts = vec![(id.parse().unwrap(), MappingVerdict::Applied)];
    world.agent.sync.send_replace(Arc::new(SyncReport { revision, verdicts }));
    let applied = loop {
        let states = stream.named("mapping-status").await.data;
        if states["mappings"][0]["sync"]["state"] == "applied" {
            break states;
        }
    };
    assert_eq!(applied["mappings"][0]["id"], id.as_str());

    world
        .agent
        .access
        .send([access_record(&id, NOW), access_record(&id, NOW + 1)].into_iter().collect())
        .await
        .unwrap();
    let requests = stream.named("requests").await.data;
    let log = user.get("/api/v1/logs/requests").await.json();
    assert_eq!(requests["items"][0], log["items"][1], "as the log has them, oldest first");
    assert_eq!(requests["items"][1], log["items"][0]);
}

#[tokio::test]
async fn a_stream_resumes_where_it_was_cut() {
    let world = World::new().await;
    let user = world.user().await;
    let cursor = listen(&user).await.next().await.unwrap().id.unwrap();
    let mut watcher = listen(&user).await;
    let mut expected = Vec::new();
    for number in 0..3 {
        user.create(&format!("app{number}.example.com")).await;
        expected.push(watcher.named("mappings-changed").await);
    }
    for resumed in [
        listen_from(&user, &cursor).await,
        Listening::open(user.call("GET", &format!("{EVENTS}?lastEventId={cursor}"))).await,
    ] {
        let mut resumed = resumed;
        assert_eq!(resumed.next().await.unwrap().name, "status");
        for event in &expected {
            let replayed = resumed.named("mappings-changed").await;
            assert_eq!((&replayed.id, &replayed.data), (&event.id, &event.data));
        }
    }
    let mut rest = listen_from(&user, expected[1].id.as_deref().unwrap()).await;
    assert_eq!(rest.named("mappings-changed").await.id, expected[2].id);
}

#[tokio::test]
async fn an_id_of_another_run_gets_a_reset() {
    let mut world = World::new().await;
    let user = world.user().await;
    let cursor = listen(&user).await.next().await.unwrap().id.unwrap();
    world.restart().await;
    let user = world.user().await;
    for id in [cursor.as_str(), "nonsense", "1-2-3"] {
        let mut stream = listen_from(&user, id).await;
        assert_eq!(stream.next().await.unwrap().name, "status");
        let reset = stream.next().await.unwrap();
        assert_eq!(reset.name, "reset", "{id}");
        assert!(reset.id.is_some(), "so that the next resumption works");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_login() {
    let world = World::new().await;
    let login = world.login().await.json();
    let token = login["token"].as_str().unwrap();
    let mut stream = Listening::open(world.call("GET", EVENTS).bearer(token)).await;
    stream.next().await.unwrap();
    world.call("POST", "/api/v1/auth/logout").bearer(token).send().await;
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn a_stream_ends_with_its_access_token() {
    let world = World::new().await;
    let user = world.user().await;
    world.advance(Duration::from_secs(15 * 60 - 1));
    let mut stream = listen(&user).await;
    let begin = std::time::Instant::now();
    while stream.next().await.is_some() {}
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn streams_end_when_the_console_stops() {
    let mut world = World::new().await;
    let mut stream = listen(&world.user().await).await;
    stream.next().await.unwrap();
    let begin = std::time::Instant::now();
    let stopped = AgentStatus { reconnect_attempts: 7, ..AgentStatus::default() };
    world.agent.status.send_replace(Arc::new(stopped));
    world.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(5), "a stream does not use up the grace");
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event);
    }
    assert_eq!(last.expect("the last word before the end").data["reconnectAttempts"], 7);
}

#[tokio::test]
async fn too_many_streams_are_refused() {
    let world = World::new().await;
    let user = world.user().await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        let mut stream = listen(&user).await;
        stream.next().await.unwrap();
        streams.push(stream);
    }
    user.get(EVENTS).await.problem(503, "too_many_streams");
    streams.pop();
    let again = crate::world::eventually(|| async {
        let opened = user.call("GET", EVENTS).open().await;
        (opened.status == 200).then_some(opened)
    });
    assert_eq!(again.await.status, 200, "a place that is left is given away");
}

#[tokio::test]
async fn a_deleted_mapping_is_news() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let mut stream = listen(&user).await;
    user.call("DELETE", &format!("/api/v1/mappings/{id}")).send().await;
    let revision = world.agent.desired.borrow().revision.0;
    let news = loop {
        let event = stream.named("mappings-changed").await;
        if event.data == json!({ "revision": revision }) {
            break event;
        }
    };
    assert!(news.id.is_some());
}
