//! The keys that agents may come with, kept as hashes and compared in constant time.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::ApiKey;
use crate::fields::{Fields, Known};

/// SHA-256 of each key.
#[derive(Clone)]
pub(crate) struct Keys(Vec<[u8; 32]>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    /// Hashes the keys.
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        Self(keys.iter().map(|key| Sha256::digest(key.expose().as_bytes()).into()).collect())
    }

    /// Whether this is one of the keys. Takes the same time for every text of one length.
    #[must_use]
    pub(crate) fn accept(&self, presented: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(presented).into();
        let found = self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&hash));
        found.into()
    }
}

/// What the head of a request presents: `Authorization: Bearer …`, or `X-Api-Key`.
pub(crate) fn presented(fields: &Fields) -> Option<&[u8]> {
    if let Some(value) = fields.get(Known::Authorization) {
        let (scheme, token) = value.split_at_checked(7)?;
        return scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii());
    }
    fields.get(Known::ApiKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::fields;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const NEXT: &str = "fedcba9876543210fedcba9876543210";

    fn keys() -> Keys {
        Keys::new(&[KEY, NEXT].map(|key| ApiKey::new(key.to_owned()).unwrap()))
    }

    #[test]
    fn each_of_the_keys_is_accepted_and_nothing_else() {
        assert!(keys().accept(KEY.as_bytes()));
        assert!(keys().accept(NEXT.as_bytes()));
        for wrong in ["", "0", &KEY[1..], &format!("{KEY}0"), &KEY.to_uppercase()] {
            assert!(!keys().accept(wrong.as_bytes()), "{wrong:?}");
        }
        assert!(!Keys::new(&[]).accept(b""), "without keys nothing is accepted");
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        let cases: [(&str, &str, Option<&str>); 6] = [
            ("authorization", "Bearer abc", Some("abc")),
            ("authorization", "bearer  abc ", Some("abc")),
            ("authorization", "Basic abc=", None),
            ("authorization", "Bear", None),
            ("x-api-key", " abc ", Some("abc")),
            ("cookie", "abc", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(presented(&fields(&[(name, value)])), expected.map(str::as_bytes), "{name}: {value}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys()), "Keys(2)");
    }
}
