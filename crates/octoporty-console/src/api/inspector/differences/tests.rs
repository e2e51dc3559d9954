use std::collections::BTreeMap;

use super::super::shapes::Timing;
use super::*;

fn side(status: u16, headers: &[(&str, &[&str])], body: &str) -> ProbeResource {
    let headers = headers
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
    ProbeResource {
        success: true,
        error: None,
        code: None,
        hint: None,
        made_by_gateway: false,
        request: None,
        dialled: None,
        address: None,
        via: None,
        detour: None,
        status_code: Some(status),
        http_version: None,
        headers: headers.collect::<BTreeMap<_, _>>(),
        content_type: None,
        body_size: body.len() as u64,
        body_truncated: false,
        body_text: Some(body.to_owned()),
        body_base64: None,
        body_sha256: Some(format!("{body:0>64}")),
        body_error: None,
        duration_ms: 1.0,
        timing: Timing::default(),
    }
}

fn failed(code: &str, status: Option<u16>) -> ProbeResource {
    ProbeResource {
        success: status.is_some(),
        made_by_gateway: status.is_some(),
        status_code: status,
        code: Some(code.to_owned()),
        ..side(200, &[], "")
    }
}

fn told(gateway: &ProbeResource, agent: &ProbeResource) -> Vec<String> {
    let text = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
    let found = differences(gateway, agent).into_iter();
    found.map(|one| format!("{:?} {} {} {}", one.kind, text(one.name), text(one.gateway), text(one.agent))).collect()
}

#[test]
fn what_a_hop_or_a_moment_changes_is_no_difference() {
    let through = side(200, &[("date", &["now"]), ("x-octoporty-request-id", &["1"]), ("a", &["1", "2"])], "x");
    let straight = side(200, &[("date", &["then"]), ("connection", &["close"]), ("a", &["1", "2"])], "x");
    assert!(differences(&through, &straight).is_empty());
    let chunked = side(200, &[("transfer-encoding", &["chunked"])], "x");
    assert!(differences(&chunked, &side(200, &[("content-length", &["1"])], "x")).is_empty());
}

#[test]
fn everything_else_is_told_one_by_one() {
    let through = side(200, &[("a", &["1"]), ("set-cookie", &["a", "b"]), ("content-length", &["5"])], "other");
    let straight = side(404, &[("b", &["1"]), ("set-cookie", &["a"]), ("content-length", &["1"])], "x");
    let found = told(&through, &straight);
    assert_eq!(
        found[..5],
        ["Status - 200 404", "Header a 1 -", "Header b - 1", "Header set-cookie a\nb a", "Header content-length 5 1"]
    );
    assert!(found[5].starts_with("Body - 5 bytes, SHA-256 ") && found.len() == 6, "{found:?}");
    let cut = ProbeResource { body_truncated: true, ..side(200, &[], "x") };
    assert_eq!(told(&cut, &side(200, &[], "x")).len(), 1);
}

#[test]
fn sides_that_fail_for_the_same_reason_agree() {
    assert!(told(&failed("target_refused", Some(502)), &failed("target_refused", None)).is_empty());
    assert_eq!(told(&failed("agent_away", Some(503)), &side(200, &[], "")), ["Outcome - 503 (agent_away) 200"]);
    assert_eq!(
        told(&failed("public_dns", None), &failed("target_refused", None)),
        ["Outcome - public_dns target_refused"]
    );
}
