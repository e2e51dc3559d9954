//! Which host a request asks for. What is ambiguous is refused: two readings of one request are how requests are
//! smuggled.

use http::{Uri, Version};
use thiserror::Error;

use crate::fields::{Fields, Known};

/// Why a request's host is not clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum AuthorityError {
    /// HTTP/1.1 asks for one.
    #[error("the request has no Host header")]
    Missing,
    /// One too many.
    #[error("the request has more than one Host header")]
    Duplicate,
    /// Not a host and port.
    #[error("the request's Host header is not a host and port")]
    Malformed,
}

/// The authority as the visitor wrote it: the URI's in absolute form, else the Host header's. Empty when an HTTP/1.0
/// request names none.
pub(super) fn of<'a>(uri: &'a Uri, fields: &'a Fields, version: Version) -> Result<&'a str, AuthorityError> {
    let mut hosts = fields.all(Known::Host);
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(AuthorityError::Duplicate);
    }
    let host = match host {
        Some(value) => value,
        None if version == Version::HTTP_11 => return Err(AuthorityError::Missing),
        None => b"",
    };
    let host = legal(host)?;
    uri.authority().map_or(Ok(host), |authority| legal(authority.as_str().as_bytes()))
}

fn legal(text: &[u8]) -> Result<&str, AuthorityError> {
    let text = if text.iter().all(|byte| is_legal(*byte)) { std::str::from_utf8(text).ok() } else { None };
    text.ok_or(AuthorityError::Malformed)
}

/// Splits off the port, if there is one.
pub(super) fn split(authority: &str) -> (&str, Option<u16>) {
    // The usual case, without the machinery of patterns.
    if !authority.as_bytes().contains(&b':') {
        return (authority, None);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.contains(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (host, None),
        },
        _ => (authority, None),
    }
}

/// What may stand in a host and port. International names in UTF-8 never get here: a header's text is ASCII.
const fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']' | b'~' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::fields;

    fn authority_of(uri: &str, hosts: &[&'static str], version: Version) -> Result<String, AuthorityError> {
        let hosts: Vec<_> = hosts.iter().map(|host| ("Host", *host)).collect();
        of(&uri.parse().unwrap(), &fields(&hosts), version).map(str::to_owned)
    }

    #[test]
    fn the_host_of_a_request() {
        use AuthorityError::{Duplicate, Malformed, Missing};
        let cases: [(&str, &[&'static str], Result<&str, AuthorityError>); 12] = [
            ("/", &["app.example.com"], Ok("app.example.com")),
            ("/", &["App.Example.com:8080"], Ok("App.Example.com:8080")),
            ("http://a.example.com/x", &["b.example.com"], Ok("a.example.com")),
            ("/", &["[2001:db8::1]:80"], Ok("[2001:db8::1]:80")),
            ("/", &[""], Ok("")),
            ("/", &[], Err(Missing)),
            ("http://a.example.com/x", &[], Err(Missing)),
            ("/", &["a", "a"], Err(Duplicate)),
            ("/", &["a b"], Err(Malformed)),
            ("/", &["a/b"], Err(Malformed)),
            ("/", &["user@a"], Err(Malformed)),
            ("/", &["a,b"], Err(Malformed)),
        ];
        for (uri, hosts, expected) in cases {
            let expected = expected.map(str::to_owned);
            assert_eq!(authority_of(uri, hosts, Version::HTTP_11), expected, "{uri} {hosts:?}");
        }
        assert_eq!(authority_of("/", &[], Version::HTTP_10), Ok(String::new()));
    }

    #[test]
    fn ports_are_split_off_and_addresses_stay_whole() {
        assert_eq!(split("a.example.com"), ("a.example.com", None));
        assert_eq!(split("a.example.com:81"), ("a.example.com", Some(81)));
        assert_eq!(split("[2001:db8::1]:81"), ("[2001:db8::1]", Some(81)));
        assert_eq!(split("[2001:db8::1]"), ("[2001:db8::1]", None));
        assert_eq!(split("a.example.com:"), ("a.example.com", None));
        assert_eq!(split("a.example.com:99999"), ("a.example.com", None));
    }
}
