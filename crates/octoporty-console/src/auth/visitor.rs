//! Where a request comes from, and how. `X-Forwarded-*` is believed from trusted proxies alone.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::config::TrustedProxies;

/// How the visitor reached the first server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// In the clear.
    Http,
    /// In TLS.
    Https,
}

/// The other end of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Visitor {
    /// Who it is.
    pub(crate) source: IpAddr,
    /// How it came.
    pub(crate) transport: Transport,
    /// `host:port` as the visitor asked for it.
    pub(crate) authority: Option<String>,
    /// What a proxy in front strips from the path: "" or `/console`, without a slash at its end.
    pub(crate) prefix: String,
}

impl Visitor {
    /// Reads the headers of a request from a peer.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let host = text(headers, "host").map(str::to_owned);
        let peer = peer.ip().to_canonical();
        if !trusted.contains(peer) {
            return Self { source: peer, transport: Transport::Http, authority: host, prefix: String::new() };
        }
        let https = last(headers, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        Self {
            source: source(peer, headers, trusted),
            transport: if https { Transport::Https } else { Transport::Http },
            authority: last(headers, "x-forwarded-host").map(str::to_owned).or(host),
            prefix: last(headers, "x-forwarded-prefix").and_then(legal_prefix).unwrap_or_default(),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The value that the nearest proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// The right-most address that is no trusted proxy: everything left of it was written by strangers.
fn source(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut source = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for entry in value.to_str().unwrap_or_default().rsplit(',') {
            let Some(address) = address(entry.trim()) else { return source };
            source = address;
            if !trusted.contains(source) {
                return source;
            }
        }
    }
    source
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// It ends in a cookie's path: only what a plain path has.
fn legal_prefix(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    let legal = text.starts_with('/')
        && !text.starts_with("//")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~'));
    legal.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        map
    }

    fn seen(peer: &str, pairs: &[(&'static str, &'static str)]) -> Visitor {
        Visitor::of(SocketAddr::new(peer.parse().unwrap(), 1), &headers(pairs), &TrustedProxies::default())
    }

    #[test]
    fn a_stranger_says_nothing_about_itself() {
        let visitor = seen(
            "203.0.113.7",
            &[
                ("host", "nas:17201"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-prefix", "/evil"),
            ],
        );
        assert_eq!(visitor.source, "203.0.113.7".parse::<IpAddr>().unwrap());
        assert_eq!(visitor.transport, Transport::Http);
        assert_eq!(visitor.authority.as_deref(), Some("nas:17201"));
        assert_eq!(visitor.prefix, "");
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let visitor = seen(
            "::ffff:127.0.0.1",
            &[
                ("host", "127.0.0.1:17201"),
                ("x-forwarded-for", "198.51.100.4"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "console.example.com"),
                ("x-forwarded-prefix", "/console/"),
            ],
        );
        assert_eq!(visitor.source, "198.51.100.4".parse::<IpAddr>().unwrap());
        assert_eq!(visitor.transport, Transport::Https);
        assert_eq!(visitor.authority.as_deref(), Some("console.example.com"));
        assert_eq!(visitor.prefix, "/console");
    }

    #[test]
    fn what_a_visitor_put_before_the_proxys_word_does_not_count() {
        let forged = seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4, 198.51.100.4, 127.0.0.1")]);
        assert_eq!(forged.source, "198.51.100.4".parse::<IpAddr>().unwrap());
        let lines = seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "[2001:db8::1]:443")]);
        assert_eq!(lines.source, "2001:db8::1".parse::<IpAddr>().unwrap());
        let nonsense = seen("127.0.0.1", &[("x-forwarded-for", "unknown")]);
        assert_eq!(nonsense.source, "127.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_prefix_that_is_no_path_is_none() {
        for text in ["console", "//evil.example", "/a;Domain=evil", "/a b"] {
            assert_eq!(seen("127.0.0.1", &[("x-forwarded-prefix", text)]).prefix, "", "{text}");
        }
    }
}
