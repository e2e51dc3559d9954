use super::*;

#[test]
fn releases_are_compared_by_number() {
    let newer = |one: &str, two: &str| release_of(one) > release_of(two);
    assert!(newer("0.10.0", "0.9.99"));
    assert!(newer("1.0.0", "1.0.0-rc.1"));
    assert!(newer("1.0.1-rc.1", "1.0.0"));
    assert!(!newer("1.0.0+build.5", "1.0.0"));
    assert!(!newer("1.0.0", "1.0.0"));
    assert!(newer("0.0.1", "unknown"));
    assert!(!newer("unknown", "0.0.1") && !newer("unknown", "dev"));
}

#[test]
fn what_is_no_version_is_none() {
    for text in ["", "1", "1.2", "1.2.3.4", "a.b.c", "v1.2.3"] {
        assert_eq!(release_of(text), None, "{text}");
    }
}
