//! What is legal, what is refused and why, and that the text form of every value is read back as the value.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// The value survives being written and read.
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

fn host(text: &str) -> Hostname {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn host_names_are_compared_in_one_form() {
    for (text, name) in [
        ("app.example.com", "app.example.com"),
        ("  APP.Example.COM. ", "app.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("hello.localhost", "hello.localhost"),
        ("localhost", "localhost"),
        ("_acme.example.com", "_acme.example.com"),
        ("1.example.com", "1.example.com"),
    ] {
        assert_eq!(host(text).as_str(), name);
        survives(&host(text));
    }
}

#[test]
fn what_is_not_a_host_name_is_refused_with_its_reason() {
    let refused = |text: &str| text.parse::<Hostname>().expect_err(text);
    assert_eq!(refused(" "), HostnameError::Empty);
    assert_eq!(refused("."), HostnameError::Empty);
    assert_eq!(refused(&vec!["abcdefgh"; 30].join(".")), HostnameError::TooLong(269));
    assert_eq!(refused(&"a".repeat(64)), HostnameError::Label("a".repeat(64)));
    assert_eq!(refused("a..b"), HostnameError::Label(String::new()));
    assert_eq!(refused("-a.example"), HostnameError::Label("-a".into()));
    assert_eq!(refused("a-.example"), HostnameError::Label("a-".into()));
    assert_eq!(refused("a b.example"), HostnameError::Label("a b".into()));
    assert_eq!(refused("10.0.0.1"), HostnameError::Address("10.0.0.1".into()));
    assert_eq!(refused("*.example.com"), HostnameError::Wildcard("*.example.com".into()));
    for text in ["https://app.example.com", "app.example.com:443", "app.example.com/x", "user@app.example.com", "::1"] {
        assert_eq!(refused(text), HostnameError::NotAName(text.into()));
    }
    assert!(matches!(refused("a\u{2028}b.example"), HostnameError::Idna(_)));
}

#[test]
fn a_host_header_is_read_without_its_port_and_trailing_dot() {
    let read = |authority: &str| {
        let name = Hostname::from_authority(authority).map(String::from);
        let borrowed = HostnameRef::from_authority(authority).map(|name| name.to_hostname().into());
        assert!(borrowed.is_none() || borrowed == name, "{authority}");
        name
    };
    assert_eq!(read("App.Example.com:8443").as_deref(), Some("app.example.com"));
    assert_eq!(read("app.example.com.:80").as_deref(), Some("app.example.com"));
    assert_eq!(read("app.example.com:").as_deref(), Some("app.example.com"));
    for authority in ["", ":80", "10.0.0.1", "10.0.0.1:80", "[::1]", "[::1]:80", "a:b", "a:80:80", "a b"] {
        assert_eq!(read(authority), None, "{authority}");
    }
}

#[test]
fn a_wildcard_takes_direct_children_alone() {
    let pattern: HostPattern = "*.Example.com".parse().unwrap();
    assert_eq!(pattern, HostPattern::Wildcard(host("example.com")));
    assert!(pattern.matches(&host("a.example.com")));
    for name in ["example.com", "a.b.example.com", "aexample.com", "example.com.evil", "a.example.org"] {
        assert!(!pattern.matches(&host(name)), "{name}");
    }
    let exact: HostPattern = "a.example.com".parse().unwrap();
    assert!(exact.matches(&host("a.example.com")) && !exact.matches(&host("b.example.com")));
    for text in ["*", "*.", "a.*.com", "**.a.com", "*a.com", "a.*"] {
        let error = text.parse::<HostPattern>().expect_err(text);
        assert!(matches!(error, HostnameError::Wildcard(_)), "{text}: {error}");
    }
    survives(&pattern);
    survives(&exact);
    assert_eq!(host("a.b.c").parent(), Some("b.c"));
    assert_eq!(host("a").parent(), None);
}

#[test]
fn a_path_prefix_matches_at_segment_boundaries() {
    let prefix: PathPrefix = "/api".parse().unwrap();
    for path in ["/api", "/api/", "/api/x", "/api?x=1"] {
        assert!(prefix.matches(path), "{path}");
    }
    for path in ["/", "/ap", "/apis", "/x/api", "/API", ""] {
        assert!(!prefix.matches(path), "{path}");
    }
    assert!(PathPrefix::root().matches("/anything") && PathPrefix::root().is_root());
    for (text, prefix) in [("", "/"), ("/", "/"), ("/a/", "/a"), (" /a/b ", "/a/b"), ("/%C3%BC", "/%C3%BC")] {
        assert_eq!(text.parse::<PathPrefix>().unwrap().as_str(), prefix);
    }
    survives(&prefix);
}

#[test]
fn what_is_not_a_path_prefix_is_refused_with_its_reason() {
    let refused = |text: &str| text.parse::<PathPrefix>().expect_err(text);
    assert_eq!(refused("api"), PathPrefixError::NoSlash);
    assert_eq!(refused(&format!("/{}", "a".repeat(1024))), PathPrefixError::TooLong(1025));
    for (text, bad) in [("/a b", ' '), ("/a?b", '?'), ("/a#b", '#'), ("/ü", 'ü'), ("/a\\b", '\\'), ("/<a>", '<')] {
        assert_eq!(refused(text), PathPrefixError::Character(bad));
    }
    for text in ["//", "/a//b", "/a//", "/./a", "/a/..", "/../etc"] {
        assert_eq!(refused(text), PathPrefixError::Segment, "{text}");
    }
}

#[test]
fn targets_are_read_from_urls() {
    for (text, url, authority) in [
        ("http://localhost:3000", "http://localhost:3000", "localhost:3000"),
        ("localhost:3000/", "http://localhost:3000", "localhost:3000"),
        ("nas", "http://nas:80", "nas"),
        ("https://NAS.Local", "https://nas.local:443", "nas.local"),
        ("https://192.168.1.10:8443", "https://192.168.1.10:8443", "192.168.1.10:8443"),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
        ("http://[fd00::2]", "http://[fd00::2]:80", "[fd00::2]"),
        ("http://my_service:9000", "http://my_service:9000", "my_service:9000"),
        ("http://bücher.local", "http://xn--bcher-kva.local:80", "xn--bcher-kva.local"),
    ] {
        let target: Target = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((target.to_string(), target.authority()), (url.to_owned(), authority.to_owned()));
        assert_eq!(url.parse::<Target>().unwrap(), target, "the text form is read back");
        survives(&target);
    }
}

#[test]
fn what_is_not_a_target_is_refused_with_its_reason() {
    let refused = |text: &str| text.parse::<Target>().expect_err(text);
    assert_eq!(refused("ftp://host"), TargetError::Scheme("ftp".into()));
    assert_eq!(refused("http://"), TargetError::EmptyHost);
    assert_eq!(refused("http://:80"), TargetError::EmptyHost);
    for port in ["0", "65536", "x", "", "-1", "+80"] {
        assert_eq!(refused(&format!("http://host:{port}")), TargetError::Port(port.into()), "{port}");
    }
    for bad in ["a/b", "user@host", "a b", "300.1.1.1", "1234", "a..b", "fe80::1%eth0", "ho%st", "a?b", "."] {
        assert!(matches!(Target::new(Scheme::Http, bad, 80), Err(TargetError::Host(_))), "{bad}");
    }
    let long = vec!["abcdefgh"; 30].join(".");
    assert_eq!(Target::new(Scheme::Http, &long, 80), Err(TargetError::TooLong(269)));
    assert_eq!(Target::new(Scheme::Https, "host", 0), Err(TargetError::Port("0".into())));
}

#[test]
fn names_have_their_limits() {
    assert_eq!("".parse::<AgentName>(), Err(AgentNameError::Length(0)));
    assert_eq!("a".repeat(65).parse::<AgentName>(), Err(AgentNameError::Length(65)));
    assert_eq!("my nas".parse::<AgentName>(), Err(AgentNameError::Character(' ')));
    assert_eq!("nas-1.home_x".parse::<AgentName>().unwrap().as_str(), "nas-1.home_x");
    assert_eq!(" Photos of 2026 ☀ ".parse::<MappingName>().unwrap().as_str(), "Photos of 2026 ☀");
    assert_eq!(" ".parse::<MappingName>(), Err(MappingNameError::Length(0)));
    assert_eq!("ü".repeat(101).parse::<MappingName>(), Err(MappingNameError::Length(101)));
    assert!("ü".repeat(100).parse::<MappingName>().is_ok(), "characters count, not bytes");
    assert_eq!("a\nb".parse::<MappingName>(), Err(MappingNameError::Control));
}

#[test]
fn landing_pages_have_a_size() {
    assert_eq!(LandingPage::new(" \n".into()), Err(LandingPageError::Empty));
    assert!(LandingPage::new("x".repeat(LandingPage::MAX_BYTES)).is_ok());
    let over = LandingPage::MAX_BYTES + 1;
    assert_eq!(LandingPage::new("x".repeat(over)), Err(LandingPageError::TooLarge(over)));
    assert!(LandingPage::new(DEFAULT_LANDING_HTML.to_owned()).is_ok());
    assert!(DEFAULT_LANDING_HTML.contains("Octoporty Gateway"));
}

#[test]
fn illegal_values_do_not_come_in_by_way_of_serde() {
    for json in [r#""a b""#, r#""""#, r#""*.a""#] {
        assert!(serde_json::from_str::<Hostname>(json).is_err(), "{json}");
    }
    assert!(serde_json::from_str::<PathPrefix>(r#""no-slash""#).is_err());
    assert!(serde_json::from_str::<AgentName>(r#""a/b""#).is_err());
    assert!(serde_json::from_str::<MappingName>(r#""""#).is_err());
    assert!(serde_json::from_str::<LandingPage>(r#"" ""#).is_err());
    assert!(serde_json::from_str::<Target>(r#"{"scheme":"http","host":"a b","port":80}"#).is_err());
    assert!(serde_json::from_str::<Target>(r#"{"scheme":"http","host":"a","port":0}"#).is_err());
}

#[test]
fn a_mapping_of_an_older_release_is_read_with_defaults() {
    let json = r#"{
        "id": "00000000-0000-0000-0000-000000000007", "name": "photos",
        "endpoint": {"kind": "http", "host": "*.example.com", "path": "/p", "prefix": "strip"},
        "target": {"scheme": "https", "host": "nas", "port": 8443}, "a_field_of_tomorrow": 1
    }"#;
    let mapping: Mapping = serde_json::from_str(json).unwrap();
    assert_eq!(mapping.verification, TlsVerification::Strict);
    assert_eq!(mapping.host_header, HostHeader::Keep);
    assert_eq!(mapping.compression, Compression::Auto);
    survives(&mapping);
    survives(&DesiredState { revision: Revision(3), mappings: vec![mapping], landing_page: None });
}

#[test]
fn codes_of_newer_releases_are_read() {
    let refusal: Refusal = serde_json::from_str(r#"{"code":"quota","reason":"too many"}"#).unwrap();
    assert_eq!(refusal.code, RefusalCode::Other);
}

#[test]
fn every_failure_has_a_code_a_status_a_cause_and_a_hint_of_its_own() {
    let mut codes = std::collections::HashSet::new();
    for code in FailureCode::ALL {
        assert!(codes.insert(code.as_str()), "{code} is there twice");
        assert_eq!(FailureCode::from_code(code.as_str()), Some(*code));
        let status_fits = match code.hop() {
            Hop::Visitor | Hop::Gateway => (400..=503).contains(&code.status()),
            Hop::Tunnel | Hop::Agent | Hop::Target => (502..=504).contains(&code.status()),
        };
        assert!(status_fits, "{code}: {}", code.status());
        for sentence in [code.cause(), code.hint()] {
            assert!(sentence.ends_with('.') && sentence.len() > 15, "{code}: {sentence}");
        }
        let named = ["target", "agent", "Gateway__", "mapping"];
        assert!(!named.iter().any(|word| code.cause().contains(word)), "{code}: the cause names nothing internal");
    }
    assert_eq!(FailureCode::from_code("no_such_code"), None);
}

#[test]
fn ids_are_written_as_uuids() {
    let id: MappingId = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), r#""00112233-4455-6677-8899-aabbccddeeff""#);
    assert_eq!(format!("{id:?}"), "MappingId(00112233-4455-6677-8899-aabbccddeeff)");
    assert!("00112233".parse::<SessionId>().is_err());
    assert_eq!(TunnelId::shared().to_string(), TunnelId::SHARED);
    assert!(Epoch(2) > Epoch(1) && Revision(2) > Revision(1));
}

proptest! {
    #[test]
    fn a_host_name_is_a_fixed_point(text in "\\PC{0,40}") {
        if let Ok(name) = text.parse::<Hostname>() {
            prop_assert_eq!(name.as_str().parse::<Hostname>(), Ok(name.clone()));
            let with_port = format!("{name}.:443");
            prop_assert_eq!(Hostname::from_authority(&with_port), Some(name.clone()));
            let with_port = format!("{name}:443");
            prop_assert_eq!(HostnameRef::from_authority(&with_port), Some(name.borrowed()));
        }
    }

    #[test]
    fn a_name_is_judged_alike_by_the_quick_look_and_the_thorough_one(text in "([a-z0-9_-]{0,3}\\.?){0,5}|[a-z]{60,66}(\\.[a-z]{50}){0,4}") {
        prop_assume!(!text.ends_with('.'));
        // A trailing dot is beneath the quick look.
        let (quick, thorough) = (text.parse::<Hostname>().ok(), format!("{text}.").parse::<Hostname>().ok());
        prop_assert_eq!(quick, thorough);
    }

    #[test]
    fn a_path_prefix_is_a_fixed_point_and_takes_itself(text in "[/a-z.?% ]{0,20}") {
        if let Ok(prefix) = text.parse::<PathPrefix>() {
            prop_assert_eq!(prefix.as_str().parse::<PathPrefix>(), Ok(prefix.clone()));
            prop_assert!(prefix.matches(prefix.as_str()));
        }
    }

    #[test]
    fn a_target_is_a_fixed_point(text in "(https?://)?[a-z0-9.\\[\\]:_/@-]{0,30}") {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
        drop((text.parse::<HostPattern>(), text.parse::<PathPrefix>(), text.parse::<Target>()));
        drop((text.parse::<AgentName>(), text.parse::<MappingName>(), Hostname::from_authority(&text)));
    }
}
