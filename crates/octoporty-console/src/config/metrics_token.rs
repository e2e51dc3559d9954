//! What a scraper of figures proves itself with.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token of `GET /metrics`, at least 32 characters; kept as its hash.
#[derive(Clone)]
pub struct MetricsToken([u8; 32]);

impl MetricsToken {
    /// Fewest characters.
    pub const MIN_LEN: usize = 32;

    /// Takes a token; `None` when it is too short.
    #[must_use]
    pub fn new(token: &str) -> Option<Self> {
        (token.chars().count() >= Self::MIN_LEN).then(|| Self(Sha256::digest(token.as_bytes()).into()))
    }

    /// Whether a request brings it as its bearer token. Takes the same time for every token of one length.
    #[must_use]
    pub fn is_brought_by(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, token)) = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked(7))
        else {
            return false;
        };
        let hash: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        scheme.eq_ignore_ascii_case(b"bearer ") && self.0.ct_eq(&hash).into()
    }
}

impl std::fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_the_token_itself_is_taken_and_only_as_a_bearers() {
        let token = MetricsToken::new(TOKEN).unwrap();
        let brought = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            token.is_brought_by(&headers)
        };
        assert!(brought(&format!("Bearer {TOKEN}")));
        assert!(brought(&format!("bearer  {TOKEN} ")));
        for wrong in ["Bearer", "Bearer ", "Bearer x", TOKEN, &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}0")] {
            assert!(!brought(wrong), "{wrong}");
        }
        assert!(!token.is_brought_by(&HeaderMap::new()));
        assert!(MetricsToken::new(&TOKEN[1..]).is_none());
        assert!(!format!("{token:?}").contains("0123"));
    }
}
