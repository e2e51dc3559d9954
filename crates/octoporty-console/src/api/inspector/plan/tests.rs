use octoporty_proto::model::{Revision, Scheme, Target};
use serde_json::json;

use super::*;
use crate::api::inspector::input::DiagnoseInput;

fn stored(domain: &str, prefix: &str, enabled: bool) -> StoredMapping {
    let mapping = Mapping {
        id: Uuid::new_v4().to_string().parse().unwrap(),
        name: format!("{domain}{prefix}").parse().unwrap(),
        endpoint: Endpoint::Http {
            host: domain.parse().unwrap(),
            path: prefix.parse().unwrap(),
            prefix: PrefixHandling::Strip,
        },
        target: Target::new(Scheme::Http, "nas", 3000).unwrap(),
        verification: Default::default(),
        host_header: HostHeader::Keep,
        compression: Default::default(),
    };
    StoredMapping { mapping, enabled, revision: Revision(1), created_ms: 0, updated_ms: 0 }
}

fn mappings() -> Vec<StoredMapping> {
    vec![
        stored("app.example.com", "/api", true),
        stored("app.example.com", "/api/v2", true),
        stored("*.example.com", "/", true),
        stored("off.example.org", "/", false),
    ]
}

fn asked(body: serde_json::Value) -> Inspection {
    serde_json::from_value::<DiagnoseInput>(body).unwrap().parse().unwrap()
}

fn plan(url: &str, change: impl FnOnce(&mut Inspection)) -> Result<(Option<String>, Probe, Option<Probe>), ApiError> {
    let mut asked = asked(json!({ "url": url }));
    change(&mut asked);
    let names = ["gate.example.net".to_owned()];
    let door = Door { url: "ws://192.0.2.7:17200/tunnel".parse().ok(), names: &names, version: "1.0.0" };
    let mappings = mappings();
    let plan = Plan::make(&asked, &mappings, &door)?;
    let name = plan.mapping.map(|stored| stored.mapping.name.to_string());
    Ok((name, plan.through_gateway, plan.straight))
}

#[test]
fn the_mapping_is_the_one_that_the_gateway_takes() {
    for (url, expected) in [
        ("http://app.example.com/api/x", Some("app.example.com/api")),
        ("http://app.example.com/api/v2?q", Some("app.example.com/api/v2")),
        ("http://app.example.com/apis", None),
        ("http://other.example.com/apis", Some("*.example.com/")),
        ("http://off.example.org/", Some("off.example.org/")),
        ("http://nobody.example.org/", None),
    ] {
        let (name, ..) = plan(url, |_| {}).unwrap();
        assert_eq!(name.as_deref(), expected, "{url}");
    }
}

#[test]
fn the_target_is_asked_as_the_gateway_asks_it() {
    let (_, public, straight) = plan("https://APP.example.com/api/v2/x?q=1", |_| {}).unwrap();
    let straight = straight.unwrap();
    assert_eq!((public.path.as_str(), straight.path.as_str()), ("/api/v2/x?q=1", "/x?q=1"));
    assert_eq!(straight.authority, "app.example.com");
    let header = |name: &str| {
        straight.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!((header("x-forwarded-proto").as_str(), header("x-forwarded-port").as_str()), ("https", "443"));
    assert_eq!(header("user-agent"), "Octoporty-Inspector/1.0.0");
    let (.., straight) = plan("http://app.example.com/api?q", |_| {}).unwrap();
    assert_eq!(straight.unwrap().path, "/?q");
}

fn via(probe: &Probe) -> ProbeVia {
    let ProbeWay::Public { via, .. } = probe.way else { panic!("{probe:?}") };
    via
}

#[test]
fn nobody_but_the_gateway_is_dialled_for_names_that_are_not_ours() {
    for (url, expected) in [
        ("http://app.example.com/", ProbeVia::Auto),
        ("http://off.example.org/", ProbeVia::Auto),
        ("http://gate.example.net/", ProbeVia::Auto),
        ("http://192.0.2.7:17200/", ProbeVia::Auto),
        ("http://a.stranger.example/", ProbeVia::Gateway),
    ] {
        assert_eq!(via(&plan(url, |_| {}).unwrap().1), expected, "{url}");
    }
    for url in ["http://192.0.2.8/", "http://[::1]/", "http://localhost:22/", "http://app.example.com:8080/"] {
        plan(url, |_| {}).unwrap_err();
    }
    plan("http://a.stranger.example/", |asked| asked.via = ProbeVia::Dns).unwrap_err();
    assert_eq!(via(&plan("http://app.example.com/", |asked| asked.via = ProbeVia::Dns).unwrap().1), ProbeVia::Dns);
}
