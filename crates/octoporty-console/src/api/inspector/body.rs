//! Bodies of answers, as JSON can carry them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Kinds that are text besides `text/…`.
const TEXTUAL: [&str; 5] = ["json", "xml", "javascript", "x-www-form-urlencoded", "svg"];

/// A body as a text, or in base64.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    Text(String),
    Base64(String),
}

/// Shows a body. What says that it is text is shown as text whatever its bytes are; what says nothing if it is UTF-8.
pub(crate) fn show(body: &[u8], content_type: Option<&str>, encoding: Option<&str>) -> Shown {
    let packed =
        encoding.is_some_and(|coding| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity"));
    let kind = content_type.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let textual = kind
        .as_deref()
        .is_none_or(|kind| kind.starts_with("text/") || TEXTUAL.iter().any(|known| kind.contains(known)));
    if packed || !textual {
        return Shown::Base64(STANDARD.encode(body));
    }
    match str::from_utf8(body) {
        Ok(text) => Shown::Text(text.to_owned()),
        // Cut within a character.
        Err(error) if error.error_len().is_none() => {
            Shown::Text(String::from_utf8_lossy(&body[..error.valid_up_to()]).into_owned())
        }
        Err(_) if kind.is_some() => Shown::Text(String::from_utf8_lossy(body).into_owned()),
        Err(_) => Shown::Base64(STANDARD.encode(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_text_and_nothing_else_is() {
        let text = |shown: &str| Shown::Text(shown.to_owned());
        assert_eq!(show(b"<b>", Some("text/html; charset=utf-8"), None), text("<b>"));
        assert_eq!(show(b"{}", Some("application/problem+json"), None), text("{}"));
        assert_eq!(show(b"plain", None, Some("identity")), text("plain"));
        assert_eq!(show("aé".as_bytes().split_at(2).0, Some("text/plain"), None), text("a"));
        assert_eq!(show(b"a\xffb", Some("text/plain"), None), text("a\u{fffd}b"));
        assert_eq!(show(b"a\xffb", None, None), Shown::Base64("Yf9i".to_owned()));
        assert_eq!(show(b"{}", Some("image/png"), None), Shown::Base64("e30=".to_owned()));
        assert_eq!(show(b"{}", Some("text/html"), Some("gzip")), Shown::Base64("e30=".to_owned()));
    }
}
