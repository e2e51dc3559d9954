//! Whether a request comes from this very page. Browsers say so: `Sec-Fetch-Site` where the page is a secure one,
//! `Origin` on every request that changes something. Who says neither is no browser and has no other site's cookies.

use http::{HeaderMap, Method};

use super::visitor::Visitor;

/// Where a request was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// On this console's page, or outside of a browser.
    Same,
    /// On another site's page.
    Other,
}

/// Whether a method changes something.
pub(crate) fn changes_state(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Judges a request by what the browser says.
pub(crate) fn of(headers: &HeaderMap, visitor: &Visitor) -> Origin {
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Origin::Same,
            _ => Origin::Other,
        };
    }
    let Some(origin) = headers.get("origin") else { return Origin::Same };
    let ours = visitor.authority.as_deref().map(without_default_port);
    let theirs = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (theirs, ours) {
        (Some((_, theirs)), Some(ours)) if without_default_port(theirs) == ours => Origin::Same,
        _ => Origin::Other,
    }
}

fn without_default_port(authority: &str) -> String {
    let bare = authority.strip_suffix(":80").or_else(|| authority.strip_suffix(":443")).unwrap_or(authority);
    bare.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::visitor::Transport;

    fn judged(pairs: &[(&'static str, &'static str)]) -> Origin {
        let visitor = Visitor {
            source: "127.0.0.1".parse().unwrap(),
            transport: Transport::Http,
            authority: Some("nas:17201".to_owned()),
            prefix: String::new(),
        };
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        of(&headers.collect(), &visitor)
    }

    #[test]
    fn the_browsers_word_decides() {
        assert_eq!(judged(&[("sec-fetch-site", "same-origin"), ("origin", "http://other")]), Origin::Same);
        assert_eq!(judged(&[("sec-fetch-site", "none")]), Origin::Same);
        assert_eq!(judged(&[("sec-fetch-site", "cross-site"), ("origin", "http://nas:17201")]), Origin::Other);
        assert_eq!(judged(&[("sec-fetch-site", "same-site")]), Origin::Other);
    }

    #[test]
    fn without_it_the_origin_has_to_be_ours() {
        assert_eq!(judged(&[("origin", "http://nas:17201")]), Origin::Same);
        assert_eq!(judged(&[("origin", "http://NAS:17201")]), Origin::Same);
        for other in ["http://nas", "http://nas:17202", "https://evil.example", "null", ""] {
            let headers = [("origin", other)];
            assert_eq!(judged(&headers), Origin::Other, "{other}");
        }
    }

    #[test]
    fn no_browser_no_question() {
        assert_eq!(judged(&[]), Origin::Same);
    }

    #[test]
    fn reading_changes_nothing() {
        assert!(!changes_state(&Method::GET) && !changes_state(&Method::HEAD));
        assert!(changes_state(&Method::POST) && changes_state(&Method::DELETE));
    }
}
