use serde_json::Value;

use super::*;
use crate::fields::tests::fields;

fn id() -> RequestId {
    RequestId::new(1_700_000_000_000)
}

fn failure(code: FailureCode) -> Failure {
    Failure { code, detail: Some("10.0.0.7:8080 secret particulars".to_owned()) }
}

fn text(answer: Answer) -> String {
    let AnswerBody::Full(body) = answer.body else { panic!("a page is there in whole") };
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn every_failure_has_a_page_that_stands_alone_under_12_kilobytes() {
    for code in FailureCode::ALL {
        let answer = failure_answer(&failure(*code), &id(), Wants::Html);
        assert_eq!(answer.status().as_u16(), code.status());
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let page = text(answer);
        assert!(page.len() < 12 * 1024, "{code}: {} bytes", page.len());
        for expected in [code.as_str(), &code.status().to_string(), "prefers-color-scheme:dark", "failed here"] {
            assert!(page.contains(expected), "{code}: {expected} is missing");
        }
        for absent in ["<script", "http://", "https://", "url(", "secret particulars"] {
            assert!(!page.contains(absent), "{code}: {absent} is there");
        }
        assert_eq!(page.matches("class=\"broken\"").count(), 1, "{code}: one hop is broken");
    }
}

#[test]
fn every_failure_has_a_problem_with_all_fields_and_without_the_private_detail() {
    for code in FailureCode::ALL {
        let request_id = id();
        let answer = failure_answer(&failure(*code), &request_id, Wants::Json);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = text(answer);
        assert!(!body.contains("secret particulars"));
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], code.status());
        assert_eq!(problem["code"], code.as_str());
        assert_eq!(problem["hint"], code.hint());
        assert_eq!(problem["requestId"], request_id.as_str());
        for field in ["type", "title", "detail", "hop", "message"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{code}: {field}");
        }
    }
}

#[test]
fn the_stations_before_the_broken_one_are_reached_and_those_behind_are_not() {
    let page = error_page::render(FailureCode::AgentAway, &id());
    let classes: Vec<&str> =
        page.split("<li class=\"").skip(1).filter_map(|rest| rest.split_once('"').map(|(class, _)| class)).collect();
    assert_eq!(classes, ["ok", "ok", "broken", "unknown", "unknown"]);
}

#[test]
fn what_goes_into_html_is_escaped() {
    assert_eq!(error_page::escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

#[test]
fn a_raw_failure_is_a_whole_answer() {
    let raw = raw_failure(FailureCode::HeaderTimeout, &id());
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut headers);
    let head = parsed.parse(&raw).unwrap().unwrap();
    assert_eq!(parsed.code, Some(408));
    let value = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name == name);
        std::str::from_utf8(found.unwrap_or_else(|| panic!("{name} is missing")).value).unwrap()
    };
    assert_eq!(value("connection"), "close");
    assert_eq!(value("content-length").parse::<usize>().unwrap(), raw.len() - head);
    assert!(!value("x-octoporty-request-id").is_empty());
}

#[test]
fn the_default_landing_page_says_what_it_is_and_a_custom_one_is_served_as_it_is() {
    let page = text(landing(None, StatusCode::OK));
    assert!(page.contains("Octoporty Gateway"));
    let custom = landing(Some(Bytes::from_static(b"<b>mine</b>")), StatusCode::NOT_FOUND);
    assert_eq!(custom.status(), StatusCode::NOT_FOUND);
    assert_eq!(text(custom), "<b>mine</b>");
}

#[test]
fn browsers_are_told_from_the_rest_by_accept() {
    let cases = [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Wants::Html),
        ("application/json, TEXT/HTML;q=0.5", Wants::Html),
        ("application/json, text/html;q=0", Wants::Json),
        ("*/*", Wants::Json),
        ("application/json", Wants::Json),
        ("text/htmlx", Wants::Json),
    ];
    for (accept, expected) in cases {
        assert_eq!(Wants::of(&fields(&[("Accept", accept)])), expected, "{accept}");
    }
    assert_eq!(Wants::of(&Fields::default()), Wants::Json);
}
