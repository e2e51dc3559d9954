//! What agents read of the gateway's log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::{
    Answer, Declined, DeclinedCode, LogEntry, LogLevel, LogPage, LogPlace, LogQuery, LogSource, Question,
};

use super::agent::{Agent, Who, mapping, state};
use super::visitor::get;
use super::{config, start_with_log};

/// Notes what is asked of it, and answers as a log of many heavy lines would.
#[derive(Debug, Default)]
struct Heavy {
    asked: Mutex<Vec<LogQuery>>,
    reading: AtomicUsize,
    most_reading: AtomicUsize,
}

const NEWEST: u64 = 10_000;

impl LogSource for Heavy {
    fn page(&self, query: &LogQuery) -> LogPage {
        self.most_reading.fetch_max(self.reading.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(query.clone());
        // A page that costs a look into files.
        std::thread::sleep(Duration::from_millis(50));
        let entry = |id| LogEntry {
            id,
            at_ms: 1,
            level: LogLevel::Info,
            message: "x".repeat(1_000),
            fields: [("n".to_owned(), id.to_string())].into(),
        };
        let count = u64::from(query.bytes) / entry(NEWEST).weight() as u64;
        let entries: Vec<_> = (NEWEST - count..NEWEST).rev().map(|id| entry(id + 1)).collect();
        let next = entries.last().map(|entry| entry.id);
        self.reading.fetch_sub(1, Ordering::SeqCst);
        LogPage { entries, more: true, next }
    }

    fn newest(&self) -> u64 {
        NEWEST
    }
}

fn query(place: LogPlace) -> LogQuery {
    LogQuery { place, count: u32::MAX, level: Some(LogLevel::Info), search: Some("x".to_owned()), bytes: u32::MAX }
}

async fn ask(agent: &mut Agent, request: u64, query: LogQuery) -> Answer {
    agent.link.send(&Control::Ask { request, question: Question::Log(query) }).await.unwrap();
    match agent.next_control().await {
        Control::Answer { request: of, answer } if of == request => answer,
        other => panic!("no answer: {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_reads_the_gateways_log_in_pages_that_are_bounded_whatever_it_asks_for() {
    let log = Arc::new(Heavy::default());
    let (_gateway, address) = start_with_log(config(), log.clone()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    let Answer::Log(page) = ask(&mut agent, 1, query(LogPlace::Newest)).await else { panic!("no page") };
    assert!(page.more && page.next == page.entries.last().map(|entry| entry.id));
    assert!(page.entries.iter().map(LogEntry::weight).sum::<usize>() <= 256 * 1024);
    let asked = log.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.count, asked.bytes), (5_000, 256 * 1024));
    assert_eq!((asked.level, asked.search.as_deref()), (Some(LogLevel::Info), Some("x")));
}

#[tokio::test]
async fn who_follows_the_log_and_has_seen_all_of_it_costs_no_look() {
    let log = Arc::new(Heavy::default());
    let (_gateway, address) = start_with_log(config(), log.clone()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    for after in [NEWEST, NEWEST + 1] {
        let answer = ask(&mut agent, after, query(LogPlace::After(after))).await;
        assert_eq!(answer, Answer::Log(LogPage::default()));
    }
    assert!(log.asked.lock().unwrap().is_empty());
    assert!(matches!(ask(&mut agent, 1, query(LogPlace::After(NEWEST - 1))).await, Answer::Log(page) if page.more));
    assert_eq!(log.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_are_read_one_at_a_time_and_the_gateway_serves_on() {
    let log = Arc::new(Heavy::default());
    let (_gateway, address) = start_with_log(config(), log.clone()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    for request in 1..=4 {
        let question = Question::Log(query(LogPlace::Newest));
        agent.link.send(&Control::Ask { request, question }).await.unwrap();
    }
    assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);
    let mut answered = Vec::new();
    while answered.len() < 4 {
        if let Control::Answer { request, answer: Answer::Log(_) } = agent.next_control().await {
            answered.push(request);
        }
    }
    answered.sort_unstable();
    assert_eq!((answered, log.most_reading.load(Ordering::SeqCst)), (vec![1, 2, 3, 4], 1));
}

#[tokio::test]
async fn a_search_for_a_novel_is_declined() {
    let log = Arc::new(Heavy::default());
    let (_gateway, address) = start_with_log(config(), log.clone()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    let novel = LogQuery { search: Some("x".repeat(2_000)), ..query(LogPlace::Newest) };
    let answer = ask(&mut agent, 1, novel).await;
    assert!(matches!(answer, Answer::Declined(Declined { code: DeclinedCode::Failed, .. })), "{answer:?}");
}

#[tokio::test]
async fn four_questions_of_a_link_are_answered_at_a_time_and_the_others_are_told_at_once() {
    let log = Arc::new(Heavy::default());
    let (_gateway, address) = start_with_log(config(), log.clone()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    for request in 1..=8 {
        agent.link.send(&Control::Ask { request, question: Question::Log(query(LogPlace::Newest)) }).await.unwrap();
    }
    let (mut pages, mut busy) = (Vec::new(), Vec::new());
    while pages.len() + busy.len() < 8 {
        match agent.next_control().await {
            Control::Answer { request, answer: Answer::Log(_) } => pages.push(request),
            Control::Answer { request, answer: Answer::Declined(declined) } => {
                assert_eq!(declined.code, DeclinedCode::Busy);
                busy.push(request);
            }
            other => panic!("no answer: {other:?}"),
        }
    }
    pages.sort_unstable();
    assert_eq!((pages, busy), (vec![1, 2, 3, 4], vec![5, 6, 7, 8]));
    assert!(matches!(ask(&mut agent, 9, query(LogPlace::Newest)).await, Answer::Log(_)), "there is room again");
}
