//! Which header fields belong to one hop only and never pass through the gateway (RFC 9110, 7.6.1).

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE};

/// Whether a field is hop-by-hop whatever `Connection` says.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || *name == TE
        || *name == PROXY_AUTHENTICATE
        || *name == PROXY_AUTHORIZATION
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// What the `Connection` fields of one message say.
#[derive(Default, Debug)]
pub(crate) struct ConnectionOptions<'a> {
    /// `close` is among them.
    pub(crate) close: bool,
    /// `upgrade` is among them.
    pub(crate) upgrade: bool,
    /// Fields that they make hop-by-hop; what [`is_hop_by_hop`] knows anyway is left out, so this is empty (and
    /// allocates nothing) for nearly every message.
    named: Vec<&'a [u8]>,
}

impl<'a> ConnectionOptions<'a> {
    /// Reads all `Connection` fields of a message.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut options = Self::default();
        for value in headers.get_all(CONNECTION) {
            options.read(value.as_bytes());
        }
        options
    }

    /// Reads one value: a comma-separated list of names.
    pub(crate) fn read(&mut self, value: &'a [u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !token.is_empty()
                && !token.eq_ignore_ascii_case(b"keep-alive")
                && !token.eq_ignore_ascii_case(b"te")
            {
                self.named.push(token);
            }
        }
    }

    /// Whether a field is named, and so must be dropped.
    pub(crate) fn names(&self, name: &HeaderName) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name.as_str().as_bytes()))
    }
}

/// Whether a field may stand in a trailer section: framing, routing and hop-by-hop fields may not, since they would
/// speak of a message that is already under way.
pub(crate) fn may_trail(name: &HeaderName) -> bool {
    use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, TRAILER};
    !is_hop_by_hop(name)
        && ![AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, TRAILER].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(CONNECTION, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn options_of_several_lines_and_any_case_are_read() {
        let map = headers(&["Keep-Alive, X-Secret", "UPGRADE ,x-other,,", " close"]);
        let options = ConnectionOptions::of(&map);
        assert!(options.close && options.upgrade);
        assert!(options.names(&HeaderName::from_static("x-secret")));
        assert!(options.names(&HeaderName::from_static("x-other")));
        assert!(!options.names(&HeaderName::from_static("x-third")));
    }

    #[test]
    fn ordinary_options_name_nothing() {
        let map = headers(&["keep-alive", "TE, close"]);
        assert!(ConnectionOptions::of(&map).named.is_empty());
    }

    #[test]
    fn hop_by_hop_fields_are_known() {
        for name in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "proxy-authorization",
            "te",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(is_hop_by_hop(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["trailer", "content-length", "cookie", "authorization", "sec-websocket-key"] {
            assert!(!is_hop_by_hop(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn trailers_cannot_reframe_a_message() {
        for name in ["transfer-encoding", "content-length", "host", "connection", "authorization"] {
            assert!(!may_trail(&HeaderName::from_static(name)), "{name}");
        }
        assert!(may_trail(&HeaderName::from_static("grpc-status")));
        assert!(may_trail(&HeaderName::from_static("x-checksum")));
    }
}
