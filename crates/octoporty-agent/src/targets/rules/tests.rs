use super::*;
use crate::config::default_denied_targets;

fn rules(allowed: &[&str], denied: &[&str]) -> Rules {
    let list = |texts: &[&str]| texts.iter().map(|text| TargetRule((*text).to_owned())).collect::<Vec<_>>();
    Rules::parse(&list(allowed), &list(denied)).unwrap()
}

fn may(rules: &Rules, target: &str, address: &str) -> bool {
    rules.check(&target.parse().unwrap(), address.parse().unwrap()).is_ok()
}

#[test]
fn without_rules_everything_is_allowed() {
    assert!(may(&rules(&[], &[]), "http://nas:80", "192.168.1.2"));
}

#[test]
fn a_cidr_is_compared_with_the_resolved_address_and_not_with_the_name() {
    let rules = rules(&["192.168.0.0/16"], &[]);
    assert!(may(&rules, "http://nas", "192.168.1.2"));
    assert!(!may(&rules, "http://nas", "10.0.0.1"));
    assert!(may(&rules, "http://192.168.1.2", "192.168.1.2"));
}

#[test]
fn names_and_suffixes_are_compared_with_the_target_as_written() {
    let rules = rules(&["nas:80", "*.home.arpa", ".local:8000-8999"], &[]);
    assert!(may(&rules, "http://nas", "10.0.0.1"));
    assert!(!may(&rules, "http://nas:81", "10.0.0.1"));
    assert!(may(&rules, "http://printer.home.arpa", "10.0.0.1"));
    assert!(!may(&rules, "http://home.arpa", "10.0.0.1"));
    assert!(may(&rules, "http://tv.local:8000", "10.0.0.1"));
    assert!(may(&rules, "http://tv.local:8999", "10.0.0.1"));
    assert!(!may(&rules, "http://tv.local:9000", "10.0.0.1"));
    assert!(!may(&rules, "http://10.0.0.1", "10.0.0.1"));
}

#[test]
fn denied_wins_over_allowed_and_names_its_rule() {
    let rules = rules(&["*"], &["10.0.0.0/8:22", "*:25"]);
    assert!(may(&rules, "http://a:80", "10.1.1.1"));
    let denial = rules.check(&"http://a:22".parse().unwrap(), "10.1.1.1".parse().unwrap()).unwrap_err();
    assert!(denial.to_string().contains("10.0.0.0/8:22"), "{denial}");
    assert!(!may(&rules, "http://mail:25", "172.16.0.1"));
}

#[test]
fn metadata_addresses_are_denied_by_default_in_every_disguise() {
    let rules = Rules::parse(&[], &default_denied_targets()).unwrap();
    for address in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "100.100.100.200",
        "169.254.170.2",
    ] {
        assert!(!may(&rules, "http://metadata.internal", address), "{address}");
    }
    assert!(may(&rules, "http://a", "169.254.1.1"));
}

#[test]
fn ipv6_rules_with_and_without_ports() {
    let rules = rules(&["[fd00::/8]:80", "fe80::1"], &[]);
    assert!(may(&rules, "http://a:80", "fd12::1"));
    assert!(!may(&rules, "http://a:81", "fd12::1"));
    assert!(may(&rules, "http://a:81", "fe80::1"));
}

#[test]
fn what_is_not_a_rule_says_what_one_is() {
    for text in [
        "",
        "a b",
        "http://nas",
        "10.0.0.0/33",
        "nas:0",
        "nas:80-",
        "nas:9-8",
        "nas:x",
        "*nas",
        ".10.0.0.1",
        "[fd00::/8]80",
    ] {
        assert!(check_text(text).is_err(), "{text:?}");
    }
    assert!(check_text("nas:70000").unwrap_err().to_string().contains("port"));
}

#[test]
fn addresses_that_the_internet_does_not_reach_are_internal() {
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "0.0.0.0",
        "0.1.2.3",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:192.168.1.1",
        "64:ff9b::c0a8:101",
        "64:ff9b:1::1",
        "::192.168.1.1",
        "2002:c0a8:101::1",
    ] {
        assert!(is_internal(address.parse().unwrap()), "{address}");
    }
    for address in
        ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
    {
        assert!(!is_internal(address.parse().unwrap()), "{address}");
    }
}
