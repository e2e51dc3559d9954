use octoporty_proto::model::{LandingPage, Revision};
use serde_json::json;

use super::*;
use crate::import::file;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000000";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000000";

fn wanted(mappings: &serde_json::Value) -> Wanted {
    let text = json!({ "schemaVersion": "1", "mappings": mappings }).to_string();
    let (wanted, mistakes) = file::read(text.as_bytes(), "0.1.0").unwrap();
    assert_eq!(mistakes, []);
    wanted
}

fn one(id: Option<&str>, domain: &str, port: u16) -> serde_json::Value {
    json!({ "id": id, "externalDomain": domain, "internalHost": "h", "internalPort": port })
}

/// What is stored after these came in.
fn view(mappings: &serde_json::Value) -> View {
    let stored = |one: WantedMapping| StoredMapping {
        mapping: one.draft.mapping,
        enabled: one.draft.enabled,
        revision: Revision(1),
        created_ms: 1,
        updated_ms: 1,
    };
    View {
        revision: Revision(7),
        mappings: wanted(mappings).mappings.into_iter().map(stored).collect(),
        landing_page: Some(LandingPage::new("stored".to_owned()).unwrap()),
    }
}

/// `+` created, `~` updated, `=` skipped, `-` deleted, with domain and port.
fn told(plan: &Plan) -> Vec<String> {
    let of = |sign: &str, mapping: &octoporty_proto::model::Mapping| {
        format!("{sign} {} {}", shown(&key_of(&mapping.endpoint)), mapping.target.port)
    };
    let act = |act: &Act| match act {
        Act::Create { draft, .. } => of("+", &draft.mapping),
        Act::Update { draft, .. } => of("~", &draft.mapping),
        Act::Skip { stored, .. } => of("=", &stored.mapping),
        Act::Delete { stored } => of("-", &stored.mapping),
    };
    plan.acts.iter().map(act).collect()
}

#[test]
fn an_id_counts_before_a_domain_and_a_domain_before_nothing() {
    let view = view(&json!([one(Some(A), "a.test", 1), one(Some(B), "b.test", 2)]));
    let plan = make(&view, wanted(&json!([one(Some(A), "c.test", 1), one(None, "B.test", 3)])), Mode::Merge);
    assert_eq!(told(&plan), ["~ c.test 1", "~ b.test 3"]);
    assert_eq!(plan.mistakes, []);
    // What an id takes away from a domain makes room there.
    let plan = make(&view, wanted(&json!([one(None, "a.test", 9), one(Some(A), "c.test", 1)])), Mode::Merge);
    assert_eq!(told(&plan), ["+ a.test 9", "~ c.test 1"]);
    assert_eq!(plan.mistakes, []);
}

#[test]
fn a_domain_of_a_mapping_that_the_file_does_not_speak_of_is_held() {
    let view = view(&json!([one(Some(A), "a.test", 1), one(Some(B), "b.test", 2)]));
    let plan = make(&view, wanted(&json!([one(Some(A), "b.test", 1)])), Mode::Merge);
    assert_eq!(plan.mistakes.len(), 1);
    assert_eq!(plan.mistakes[0].field, "mappings[0].externalDomain");
    assert!(plan.mistakes[0].message.contains("the mapping \"b.test\" already"), "{:?}", plan.mistakes);
    let plan = make(&view, wanted(&json!([one(Some(A), "b.test", 1)])), Mode::Replace);
    assert_eq!((told(&plan), plan.mistakes), (vec!["~ b.test 1".to_owned(), "- b.test 2".to_owned()], Vec::new()));
}

#[test]
fn the_same_path_of_another_domain_is_another_mapping() {
    let view = view(&json!([one(Some(A), "a.test", 1)]));
    let mut api = one(None, "a.test", 2);
    api["pathPrefix"] = json!("/api");
    let plan = make(&view, wanted(&json!([api])), Mode::Merge);
    assert_eq!(told(&plan), ["+ a.test/api 2"]);
}

#[test]
fn what_a_file_leaves_out_stays_and_what_it_says_counts() {
    let mut rich = one(Some(A), "a.test", 1);
    for (field, value) in [
        ("description", json!("Name")),
        ("stripPrefix", json!(true)),
        ("internalUseTls", json!(true)),
        ("allowSelfSignedCerts", json!(true)),
        ("hostHeader", json!("target")),
        ("compression", json!("on")),
        ("isEnabled", json!(false)),
    ] {
        rich[field] = value;
    }
    let view = view(&json!([rich]));
    assert_eq!(told(&make(&view, wanted(&json!([one(None, "a.test", 1)])), Mode::Merge)), ["= a.test 1"]);
    for (field, value) in [
        ("description", json!("Other")),
        ("stripPrefix", json!(false)),
        ("internalProtocol", json!("Http")),
        ("allowInvalidCertificates", json!(false)),
        ("hostHeader", json!("keep")),
        ("compression", json!("auto")),
        ("enabled", json!(true)),
    ] {
        let mut change = one(None, "a.test", 1);
        change[field] = value;
        let plan = make(&view, wanted(&json!([change])), Mode::Merge);
        let [Act::Update { changes, .. }] = plan.acts.as_slice() else { panic!("{field}: {:?}", plan.acts) };
        assert_eq!(changes.len(), 1, "{field}: {changes:?}");
    }
}

#[test]
fn duplicates_of_a_file_are_mistakes_and_the_first_stands() {
    let twice = wanted(&json!([one(Some(A), "a.test", 1), one(None, "A.TEST.", 2), one(Some(A), "b.test", 3)]));
    let plan = make(&View::default(), twice, Mode::Merge);
    assert_eq!(told(&plan), ["+ a.test 1"]);
    let fields: Vec<_> = plan.mistakes.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["mappings[1].externalDomain", "mappings[2].id"]);
    assert!(plan.mistakes.iter().all(|one| one.message.contains("mappings[0]")), "{:?}", plan.mistakes);
}

#[test]
fn the_landing_page_follows_what_is_wished() {
    let act = |page: PageWish| make(&view(&json!([])), Wanted { page, ..Wanted::default() }, Mode::Merge).page;
    let page = |html: &str| LandingPage::new(html.to_owned()).unwrap();
    assert_eq!(act(PageWish::Keep), PageAct::Keep);
    assert_eq!(act(PageWish::Custom(page("stored"))), PageAct::Keep);
    assert_eq!(act(PageWish::Custom(page("new"))), PageAct::Replace(page("new")));
    assert_eq!(act(PageWish::Default), PageAct::Reset);
}
