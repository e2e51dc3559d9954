//! Questions to the gateway.

use octoporty_proto::control::{Control, Welcome, feature};
use octoporty_proto::model::{
    Answer, AskError, Declined, DeclinedCode, EndReason, Insistence, Question, UpdateAnswer, UpdateRequest, UpdateState,
};

use crate::gateway::{FakeGateway, GatewayLink, session, welcome, within};
use crate::world::{World, config, state};

fn question() -> Question {
    Question::Update(UpdateRequest { target_version: "1.2.3".to_owned(), insistence: Insistence::IfNewer })
}

fn answer(message: &str) -> Answer {
    let message = message.to_owned();
    Answer::Update(UpdateAnswer { state: UpdateState::Queued, current_version: "1.0.0".to_owned(), message })
}

async fn world(features: &[&str]) -> (World, GatewayLink, FakeGateway) {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let mut link = within("a link", gateway.link()).await;
    let hello = link.hello().await;
    assert!(hello.features.iter().any(|known| known == feature::ASK));
    let features = features.iter().map(|&feature| feature.to_owned()).collect();
    link.send(Control::Welcome(Welcome { features, ..welcome(session(), 1) })).await;
    link.acknowledge().await;
    world.connected().await;
    (world, link, gateway)
}

async fn asked(link: &mut GatewayLink) -> u64 {
    match link.control().await {
        Control::Ask { request, question: asked } => {
            assert_eq!(asked, question());
            request
        }
        other => panic!("no question: {other:?}"),
    }
}

#[tokio::test]
async fn answers_reach_whoever_asked_in_whatever_order_they_come() {
    let (world, mut link, _gateway) = world(&[feature::ASK]).await;
    let gateway = async {
        let (one, two) = (asked(&mut link).await, asked(&mut link).await);
        for request in [two, one] {
            let answer = answer(&format!("to {request}"));
            link.send(Control::Answer { request, answer }).await;
        }
        [one, two].map(|request| Ok(answer(&format!("to {request}"))))
    };
    let (first, second, expected) =
        within("answers", async { tokio::join!(world.agent.ask(question()), world.agent.ask(question()), gateway) })
            .await;
    assert_eq!([first, second], expected);
}

#[tokio::test]
async fn an_answer_that_is_declined_says_why() {
    let (world, mut link, _gateway) = world(&[feature::ASK]).await;
    let gateway = async {
        let request = asked(&mut link).await;
        let declined = Declined { code: DeclinedCode::Unsupported, text: "update it".to_owned() };
        link.send(Control::Answer { request, answer: Answer::Declined(declined) }).await;
    };
    let (told, ()) = within("an answer", async { tokio::join!(world.agent.ask(question()), gateway) }).await;
    assert_eq!(told, Err(AskError::Declined("update it".to_owned())));
}

#[tokio::test]
async fn whoever_asks_without_a_gateway_or_an_old_one_or_loses_it_is_told() {
    let gateway = FakeGateway::start().await;
    let lonely = World::start(config(gateway.address), state(1, vec![]));
    assert_eq!(lonely.agent.ask(question()).await, Err(AskError::NotConnected));

    let (old, _link, _gateway) = world(&[]).await;
    let too_old = AskError::Unsupported { gateway_version: "9.9.9".to_owned() };
    assert_eq!(old.agent.ask(question()).await, Err(too_old));

    let (world, mut link, _gateway) = world(&[feature::ASK]).await;
    let gateway = async {
        asked(&mut link).await;
        link.link.close(EndReason::LocalStop, "the gateway goes");
    };
    let (told, ()) = within("an end", async { tokio::join!(world.agent.ask(question()), gateway) }).await;
    assert_eq!(told, Err(AskError::Lost));
}
