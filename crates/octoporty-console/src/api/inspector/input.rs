//! What is to be inspected, as a client says it.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use octoporty_proto::model::{ProbeMethod, ProbeVia, Scheme};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::loose::Loose;

/// Bytes of a body, when the client does not say.
const DEFAULT_BODY: i64 = 131_072;
/// Fewest and most bytes of a body; what is out of range is the nearest that is in it.
const BODY_RANGE: (i64, i64) = (1_024, 524_288);
/// Most bytes of a URL.
const MAX_URL: usize = 8_192;
/// Most fields that a client adds.
const MAX_HEADERS: usize = 32;
/// Most bytes of them together, half of what most servers take.
const MAX_HEADER_BYTES: usize = 4_096;

/// Fields that decide who is asked, how the message is framed, or what the gateway says of its visitors.
const RESERVED: [&str; 18] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-octoporty-request-id",
];

/// A request to inspect. A real one is made, twice.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnoseInput {
    /// `http` or `https`; its host is a mapped name, the gateway's own, or else asked at the gateway alone.
    #[schema(value_type = String, required)]
    url: Loose<String>,
    /// Most bytes of each body: 1024 to 524288, default 131072; the nearest is taken.
    #[schema(value_type = Option<i64>)]
    max_body_bytes: Loose<i64>,
    /// `GET` (default) or `HEAD`.
    #[schema(value_type = Option<String>)]
    method: Loose<String>,
    /// Fields to add, at most 32.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Loose<BTreeMap<String, String>>,
    /// How the public name is reached: `dns`, `gateway`, or `auto` (default): by its address, and where there is none or
    /// nobody answers, by the gateway's.
    #[schema(value_type = Option<String>)]
    via: Loose<String>,
}

/// What is to be inspected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inspection {
    pub(crate) url: PublicUrl,
    pub(crate) max_body: usize,
    pub(crate) method: ProbeMethod,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) via: ProbeVia,
}

/// The parts of a URL, as they go over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PublicUrl {
    pub(crate) scheme: Scheme,
    /// As written, without brackets, in lower case.
    pub(crate) host: String,
    /// As written.
    pub(crate) port: Option<u16>,
    /// Path and query, in ASCII.
    pub(crate) path: String,
}

impl PublicUrl {
    /// As a browser reads it, so that what is copied from there works: a fragment is left out, spaces and other than
    /// ASCII are percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a URL is needed here, such as https://app.example.com/");
        }
        if text.len() > MAX_URL {
            return Err("a URL may have 8192 bytes");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some(_) => return Err("only http and https can be inspected"),
            None => return Err("a URL begins with http:// or https://"),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err("leave user and password out of the URL; add a header Authorization instead");
        }
        let (host, port) = split_port(authority)?;
        let rest = rest.split('#').next().unwrap_or_default();
        if rest.chars().any(char::is_control) {
            return Err("a URL cannot have control characters");
        }
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Ok(Self { scheme, host, port, path: format!("{slash}{}", encoded(rest)) })
    }

    /// The port, of the scheme where none is written.
    pub(crate) fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// `Host`, as a browser would send it.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match self.port.filter(|port| *port != self.scheme.default_port()) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// Path without query.
    pub(crate) fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)
    }
}

fn split_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    const HOST: &str = "the URL has no host";
    let colon = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = colon.map_or((authority, None), |at| (&authority[..at], Some(&authority[at + 1..])));
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|port| *port > 0).ok_or("a port is a number from 1 to 65535")?)
        }
        Some(_) => return Err("a port is a number from 1 to 65535"),
        None => None,
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() {
        return Err(HOST);
    }
    Ok((bare.to_lowercase(), port))
}

fn encoded(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            // What URLs never hold as it is, and http::Uri does not take.
            b' ' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'\\' | b'^' | b'|' | 0x7f.. => {
                ascii.push_str(&format!("%{byte:02X}"));
            }
            plain => ascii.push(char::from(plain)),
        }
    }
    ascii
}

impl DiagnoseInput {
    /// All mistakes at once.
    pub(crate) fn parse(self) -> Result<Inspection, ApiError> {
        let mut mistakes = Mistakes::default();
        let url = mistakes.optional("url", self.url, "a text").unwrap_or_default();
        let url = PublicUrl::parse(&url).inspect_err(|error| mistakes.add("url", error)).ok();
        let bytes = mistakes.optional("maxBodyBytes", self.max_body_bytes, "a number").unwrap_or(DEFAULT_BODY);
        let method = match mistakes.text("method", self.method).unwrap_or_default().trim().to_ascii_uppercase().as_str()
        {
            "" | "GET" => ProbeMethod::Get,
            "HEAD" => ProbeMethod::Head,
            _ => {
                mistakes.add("method", "GET or HEAD is needed here: an inspection changes nothing");
                ProbeMethod::Get
            }
        };
        let via = match mistakes.text("via", self.via).unwrap_or_default().trim() {
            "" | "auto" => ProbeVia::Auto,
            "dns" => ProbeVia::Dns,
            "gateway" => ProbeVia::Gateway,
            _ => {
                mistakes.add("via", "one of auto, dns and gateway is needed here");
                ProbeVia::Auto
            }
        };
        let headers = mistakes.optional("headers", self.headers, "an object of texts").unwrap_or_default();
        let headers = legal_headers(&mut mistakes, headers);
        let max_body = usize::try_from(bytes.clamp(BODY_RANGE.0, BODY_RANGE.1)).unwrap_or_default();
        mistakes.finish(url.map(|url| Inspection { url, max_body, method, headers, via }))
    }
}

fn legal_headers(mistakes: &mut Mistakes, headers: BTreeMap<String, String>) -> Vec<(String, String)> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        mistakes.add("headers", "at most 32 headers of 4096 bytes together can be added");
        return Vec::new();
    }
    let mut legal = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if HeaderName::try_from(&name).is_err() {
            mistakes.add("headers", &format!("{name:?} is not the name of a header"));
        } else if HeaderValue::try_from(&value).is_err() {
            mistakes.add("headers", &format!("{name}: its value has characters that no header may have"));
        } else if RESERVED.contains(&name.as_str()) {
            mistakes.add("headers", &format!("{name} is set by the inspector itself; leave it out"));
        } else {
            legal.push((name, value));
        }
    }
    legal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_a_browser_reads_them() {
        for (text, read) in [
            ("http://App.Example.com", "http://app.example.com/"),
            ("HTTPS://app.example.com:443/a?b=c#d", "https://app.example.com/a?b=c"),
            ("https://app.example.com:8443?x", "https://app.example.com:8443/?x"),
            (" http://app.example.com:/ü b ", "http://app.example.com/%C3%BC%20b"),
            ("http://[::1]:17200/", "http://[::1]:17200/"),
            ("http://a/%41\\b", "http://a/%41%5Cb"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().to_string(), read, "{text}");
        }
        for (text, wrong) in [
            ("", "needed"),
            ("app.example.com/x", "begins with"),
            ("ftp://a/", "only http"),
            ("file:///etc/passwd", "only http"),
            ("http:///x", "no host"),
            ("http://user:word@a/", "Authorization"),
            ("http://a:0/", "port"),
            ("http://a:99999/", "port"),
            ("http://a:b/", "port"),
            ("http://a/\u{1}", "control"),
        ] {
            let error = PublicUrl::parse(text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
        assert!(PublicUrl::parse(&format!("http://a/{}", "x".repeat(9_000))).is_err());
    }
}
