//! Access tokens: JWT, HS256, 15 minutes. Refresh tokens: 256 random bits, 7 days, one use each.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::PasswordHash;

/// How long an access token lets in: short, since it is looked up nowhere but in the list of ended logins.
pub(crate) const ACCESS_LIFETIME_MS: u64 = 15 * 60 * 1_000;
/// How long a login lasts when nobody uses it.
pub(crate) const REFRESH_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

const ISSUER: &str = "Octoporty.Agent";
const AUDIENCE: &str = "Octoporty.Agent.Web";
const TOKEN_TYPE: &str = "access";

/// What an access token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The user.
    pub(crate) sub: String,
    /// The user, as the originals name it.
    name: String,
    jti: String,
    iat: u64,
    /// When it ends, Unix seconds.
    pub(crate) exp: u64,
    token_type: String,
    /// The login that it belongs to.
    pub(crate) sid: String,
}

/// So far the clock may be corrected backwards without ending access tokens, seconds.
const CLOCK_LEEWAY_S: u64 = 60;

/// Makes and reads access tokens.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Time is compared below, with the console's own clock and no leeway: both ends are this process.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A token for a user and a login.
    pub(crate) fn issue(&self, subject: &str, family: &str, now_ms: u64) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.to_owned(),
            name: subject.to_owned(),
            jti: Uuid::new_v4().to_string(),
            iat: now_ms / 1_000,
            exp: (now_ms + ACCESS_LIFETIME_MS) / 1_000,
            token_type: TOKEN_TYPE.to_owned(),
            sid: family.to_owned(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("claims of texts and numbers are always encoded")
    }

    /// A text that tells whether the credentials are still those of the last start. Keyed, so that whoever reads the
    /// database alone cannot try passwords by it; and therefore another one when the key is.
    pub(crate) fn fingerprint(&self, hash: &PasswordHash, username: Option<&str>) -> String {
        // Of the three, the last alone may hold anything: no two sets of credentials give the same text. And it is no
        // claims of a token, which have no blank.
        let text = format!("credentials {} {}", hash.identity(), username.unwrap_or_default());
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.encoding, Algorithm::HS256).expect("the key is one for HS256")
    }

    /// The claims of a token that is ours, of the right kind and not over.
    pub(crate) fn read(&self, token: &str, now_ms: u64) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        let now = now_ms / 1_000;
        // One of a time to come was issued before the clock was set back: it would last for as long as that was.
        let is_of_now = claims.exp > now && claims.iat <= now + CLOCK_LEEWAY_S;
        (claims.token_type == TOKEN_TYPE && is_of_now).then_some(claims)
    }
}

/// 256 random bits as text.
///
/// # Panics
/// When the system has no randomness to give.
pub(crate) fn random_token() -> String {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn a_token_lets_in_for_fifteen_minutes() {
        let tokens = AccessTokens::new(KEY);
        let token = tokens.issue("admin", "family", NOW);
        let claims = tokens.read(&token, NOW + ACCESS_LIFETIME_MS - 1_000).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str()), ("admin", "family"));
        assert!(tokens.read(&token, NOW + ACCESS_LIFETIME_MS).is_none());
    }

    #[test]
    fn a_fingerprint_follows_key_password_and_user_and_nothing_else() {
        let of = |key: &[u8], password: &str, username| {
            AccessTokens::new(key).fingerprint(&PasswordHash::of_plain_setting(password), username)
        };
        let known = of(KEY, "tentacle", None);
        assert_eq!(known, of(KEY, "tentacle", None));
        let others = [
            of(b"another key, another key, another", "tentacle", None),
            of(KEY, "tentacles", None),
            of(KEY, "tentacle", Some("olga")),
        ];
        assert!(others.iter().all(|other| *other != known));
        assert!(!known.contains("$6$") && !known.contains("tentacle"));
    }

    #[test]
    fn foreign_and_altered_tokens_do_not() {
        let tokens = AccessTokens::new(KEY);
        let token = tokens.issue("admin", "family", NOW);
        assert!(AccessTokens::new(b"another key, another key, another").read(&token, NOW).is_none());
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        for wrong in ["", "x", "a.b.c", unsigned.as_str()] {
            assert!(tokens.read(wrong, NOW).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_another_kind_does_not() {
        let tokens = AccessTokens::new(KEY);
        for (field, value) in [("token_type", "refresh"), ("iss", "Other"), ("aud", "Other")] {
            let token = tokens.issue("admin", "family", NOW);
            let claims = tokens.read(&token, NOW).unwrap();
            let mut claims = serde_json::to_value(claims).unwrap();
            claims[field] = value.into();
            let altered = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens.encoding).unwrap();
            assert!(tokens.read(&altered, NOW).is_none(), "{field}");
        }
    }

    #[test]
    fn refresh_tokens_are_long_and_never_the_same() {
        let (one, two) = (random_token(), random_token());
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
    }
}
