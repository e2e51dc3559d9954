use octoporty_proto::model::{
    Compression, Endpoint, HostHeader, Hostname, MappingId, MappingName, PrefixHandling, TlsVerification,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn slot() -> Arc<AgentSlot> {
    Arc::new(AgentSlot::new("home".parse().unwrap()))
}

fn mapping(host: &HostPattern, path: &PathPrefix) -> Arc<Mapping> {
    let name: MappingName = "test".parse().unwrap();
    let endpoint = Endpoint::Http { host: host.clone(), path: path.clone(), prefix: PrefixHandling::Keep };
    Arc::new(Mapping {
        id: MappingId::from_uuid(Uuid::new_v4()),
        name,
        endpoint,
        target: "http://127.0.0.1:80".parse().unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Auto,
    })
}

fn change(host: &str, paths: &[&str]) -> HostChange {
    let host: HostPattern = host.parse().unwrap();
    let routes = paths.iter().map(|path| {
        let path: PathPrefix = path.parse().unwrap();
        let route = Route { mapping: mapping(&host, &path), serving: Serving::new(slot()) };
        (path, route)
    });
    let routes = routes.collect();
    (host, routes)
}

fn snapshot(hosts: &[(&str, &[&str])]) -> RoutingSnapshot {
    RoutingSnapshot::default().with(hosts.iter().map(|(host, paths)| change(host, paths)).collect())
}

fn name(text: &str) -> Hostname {
    text.parse().unwrap()
}

/// The endpoint that a request leads to, as text.
fn found(snapshot: &RoutingSnapshot, host: &str, path: &str) -> Option<String> {
    let route = snapshot.find(name(host).borrowed(), path)?;
    let Endpoint::Http { host, path, .. } = &route.mapping.endpoint else { panic!("an http mapping") };
    Some(format!("{host}{path}"))
}

#[test]
fn the_longest_prefix_at_a_segment_boundary_wins() {
    let snapshot = snapshot(&[("a.example.com", &["/", "/api", "/api/v1"]), ("b.example.com", &["/only"])]);
    let cases = [
        ("a.example.com", "/", Some("a.example.com/")),
        ("a.example.com", "/apis", Some("a.example.com/")),
        ("a.example.com", "/api", Some("a.example.com/api")),
        ("a.example.com", "/api/", Some("a.example.com/api")),
        ("a.example.com", "/api/v1", Some("a.example.com/api/v1")),
        ("a.example.com", "/api/v1/x/y", Some("a.example.com/api/v1")),
        ("a.example.com", "/api/v10", Some("a.example.com/api")),
        ("a.example.com", "/API", Some("a.example.com/")),
        ("a.example.com", "*", Some("a.example.com/")),
        ("b.example.com", "/", None),
        ("b.example.com", "/only/x", Some("b.example.com/only")),
        ("c.example.com", "/", None),
    ];
    for (host, path, expected) in cases {
        assert_eq!(found(&snapshot, host, path).as_deref(), expected, "{host}{path}");
    }
    assert!(snapshot.has(name("b.example.com").borrowed()));
    assert!(!snapshot.has(name("c.example.com").borrowed()));
}

#[test]
fn a_wildcard_takes_one_label_and_an_exact_name_goes_before_it() {
    let snapshot = snapshot(&[("*.example.com", &["/"]), ("a.example.com", &["/x"]), ("example.com", &["/"])]);
    let cases = [
        ("b.example.com", "/", Some("*.example.com/")),
        ("a.example.com", "/x", Some("a.example.com/x")),
        ("a.example.com", "/y", None),
        ("b.a.example.com", "/", None),
        ("example.com", "/", Some("example.com/")),
        ("example.org", "/", None),
    ];
    for (host, path, expected) in cases {
        assert_eq!(found(&snapshot, host, path).as_deref(), expected, "{host}{path}");
    }
}

#[test]
fn a_new_snapshot_has_the_changes_and_the_old_one_does_not() {
    let before = snapshot(&[("a.example.com", &["/"]), ("b.example.com", &["/"])]);
    let after = before.with(vec![change("a.example.com", &[]), change("c.example.com", &["/"])]);
    let hosts = ["a.example.com", "b.example.com", "c.example.com"];
    assert_eq!(hosts.map(|host| found(&before, host, "/").is_some()), [true, true, false]);
    assert_eq!(hosts.map(|host| found(&after, host, "/").is_some()), [false, true, true]);
    assert!(after.with(vec![change("b.example.com", &[]), change("c.example.com", &[])]).is_empty());
}

#[test]
fn a_change_copies_only_the_part_of_the_table_that_it_touches() {
    let before = snapshot(&[("a.example.com", &["/"]), ("b.example.com", &["/"])]);
    let after = before.with(vec![change("c.example.com", &["/"])]);
    let copied = before.buckets.iter().zip(after.buckets.iter()).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
    assert_eq!(copied, 1);
}

#[test]
fn names_with_one_hash_are_told_apart() {
    let snapshot = snapshot(&[("a.example.com", &["/"])]);
    let hash = snapshot.hash(b'=', "a.example.com");
    let routes = |name: &str| {
        let (pattern, routes) = change(name, &["/"]);
        Arc::new(HostRoutes::new(pattern, routes))
    };
    let row = vec![routes("b.example.com"), routes("a.example.com")];
    let mut buckets = snapshot.buckets.to_vec();
    Arc::make_mut(&mut buckets[bucket_of(hash)]).insert(hash, row);
    let collided = RoutingSnapshot { hasher: snapshot.hasher.clone(), buckets: buckets.into() };
    assert_eq!(found(&collided, "a.example.com", "/").as_deref(), Some("a.example.com/"));
}

/// What the specification says, without any cleverness.
fn naive<'a>(
    endpoints: &'a [(HostPattern, PathPrefix)],
    host: &Hostname,
    path: &str,
) -> Option<&'a (HostPattern, PathPrefix)> {
    let exact = endpoints.iter().any(|(pattern, _)| matches!(pattern, HostPattern::Exact(name) if name == host));
    let path = if path.starts_with('/') { path } else { "/" };
    endpoints
        .iter()
        .filter(|(pattern, _)| matches!(pattern, HostPattern::Exact(_)) == exact && pattern.matches(host))
        .filter(|(_, prefix)| prefix.matches(path))
        .max_by_key(|(_, prefix)| prefix.as_str().len())
}

fn host_pattern() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a.x", "b.x", "*.x", "*.a.x", "b.a.x", "x.y", "*.y"]).prop_map(str::to_owned)
}

fn some_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "ab", "b", ""]), 0..4)
        .prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #[test]
    fn a_look_up_finds_what_the_specification_says(
        endpoints in prop::collection::hash_set((host_pattern(), some_path()), 0..20),
        host in prop::sample::select(vec!["a.x", "b.x", "c.x", "b.a.x", "c.b.a.x", "x.y", "x", "y"]),
        path in some_path(),
    ) {
        let endpoints: Vec<(HostPattern, PathPrefix)> = endpoints
            .into_iter()
            .filter_map(|(host, path)| Some((host.parse().ok()?, path.parse().ok()?)))
            .collect();
        let mut snapshot = RoutingSnapshot::default();
        for pattern in endpoints.iter().map(|(pattern, _)| pattern) {
            let routes = endpoints.iter().filter(|(other, _)| other == pattern).map(|(host, path)| {
                (path.clone(), Route { mapping: mapping(host, path), serving: Serving::new(slot()) })
            });
            let routes = routes.collect();
            snapshot = snapshot.with(vec![(pattern.clone(), routes)]);
        }
        let host: Hostname = host.parse().unwrap();
        let expected = naive(&endpoints, &host, &path).map(|(host, path)| format!("{host}{path}"));
        prop_assert_eq!(found(&snapshot, host.as_str(), &path), expected);
        prop_assert_eq!(snapshot.has(host.borrowed()), endpoints.iter().any(|(pattern, _)| pattern.matches(&host)));
    }
}

#[test]
fn a_table_of_100_000_names_finds_each_of_them() {
    let names = |number: u32| format!("n{number}.example.com");
    let route = {
        let host: HostPattern = "x.example.com".parse().unwrap();
        Route { mapping: mapping(&host, &PathPrefix::root()), serving: Serving::new(slot()) }
    };
    let changes = (0..100_000).map(|number| {
        let host: HostPattern = names(number).parse().unwrap();
        (host, vec![(PathPrefix::root(), route.clone())])
    });
    let snapshot = RoutingSnapshot::default().with(changes.collect());
    assert!((0..100_000).all(|number| snapshot.has(name(&names(number)).borrowed())));
    assert!(!snapshot.has(name(&names(100_000)).borrowed()));
    let fullest = snapshot.buckets.iter().map(|bucket| bucket.len()).max().unwrap();
    assert!(fullest < 3 * 100_000 / BUCKETS, "the parts are of like size: the fullest has {fullest}");
}
