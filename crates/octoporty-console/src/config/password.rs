//! The console's password, as its hash.

use sha_crypt::{PasswordHashRef, PasswordHasher, PasswordVerifier, ShaCrypt};
use thiserror::Error;

/// Digits of a SHA-512-crypt digest.
const DIGEST_LEN: usize = 86;
/// Longest salt that SHA-512-crypt uses.
const MAX_SALT_LEN: usize = 16;
/// Fewest rounds that SHA-512-crypt knows.
const MIN_ROUNDS: u32 = 1_000;
/// Most rounds that are taken: the format allows 999,999,999, which would keep a core busy for minutes a login.
const MAX_ROUNDS: u32 = 1_000_000;
/// Bytes of randomness in a salt; 16 characters when encoded.
const SALT_BYTES: usize = 12;
/// Longest password that is compared, in bytes: SHA-512-crypt's cost grows with the square of the length.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// Salt of the hash by which a plain password is known again at the next start. It is the same everywhere, which is
/// why that hash is stored nowhere: see [`PasswordHash::identity`].
const IDENTITY_SALT: &[u8] = b"octoporty.id";

/// A parsed SHA-512-crypt hash (`$6$…`). Debug does not show it.
#[derive(Clone)]
pub struct PasswordHash {
    text: String,
    /// Of a password that is hashed anew at each start.
    identity: Option<String>,
}

/// Why a text is not a password hash. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordHashError {
    /// Another kind of hash or none.
    #[error(
        "is not a SHA-512-crypt hash; it begins with $6$. Make one with `octoporty hash-password` or `openssl passwd -6`"
    )]
    NotSha512Crypt,
    /// The `$` parts are missing: a shell or compose replaced them.
    #[error(
        "has lost its $ parts (a shell or compose file took them for variables); write $$ for each $ in a compose file, or single quotes in a shell"
    )]
    Mangled,
    /// Salt, rounds or digest are wrong.
    #[error("is malformed: {0}")]
    Malformed(&'static str),
}

impl PasswordHash {
    /// Parses the whole hash, not just its prefix.
    ///
    /// # Errors
    /// See [`PasswordHashError`].
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix("$6$") else {
            return Err(if looks_mangled(text) {
                PasswordHashError::Mangled
            } else {
                PasswordHashError::NotSha512Crypt
            });
        };
        let rest = match rest.strip_prefix("rounds=") {
            Some(after) => {
                let (rounds, rest) = after.split_once('$').ok_or(PasswordHashError::Mangled)?;
                check_rounds(rounds)?;
                rest
            }
            None => rest,
        };
        let (salt, digest) = rest.split_once('$').ok_or(PasswordHashError::Mangled)?;
        check_salt(salt)?;
        if digest.is_empty() {
            return Err(PasswordHashError::Mangled);
        }
        if digest.len() != DIGEST_LEN || !digest.bytes().all(is_crypt_digit) {
            return Err(PasswordHashError::Malformed("the last part has 86 characters of ./0-9A-Za-z"));
        }
        if PasswordHashRef::new(text).is_err() {
            return Err(PasswordHashError::Malformed("it has characters that no such hash has"));
        }
        Ok(Self { text: text.to_owned(), identity: None })
    }

    /// Hashes a password with a fresh salt (for `octoporty hash-password`).
    ///
    /// # Panics
    /// When the system has no randomness to give.
    #[must_use]
    pub fn of_password(password: &str) -> Self {
        let mut salt = [0_u8; SALT_BYTES];
        getrandom::fill(&mut salt).expect("the system gives random bytes");
        Self { text: sha512_crypt(password, &salt), identity: None }
    }

    /// Hashes a password that is configured as it is, and therefore hashed anew at each start (the demo and the older
    /// plain form).
    ///
    /// # Panics
    /// As [`Self::of_password`].
    #[must_use]
    pub fn of_plain_setting(password: &str) -> Self {
        Self { identity: Some(sha512_crypt(password, IDENTITY_SALT)), ..Self::of_password(password) }
    }

    /// The `$6$…` text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same text for the same setting at each start, another for another. Not to be stored as it is: the salt of
    /// a plain password's is no secret.
    pub(crate) fn identity(&self) -> &str {
        self.identity.as_deref().unwrap_or(&self.text)
    }

    /// Whether this is the password's hash. Takes some milliseconds of a core: not for an async task. The digests are
    /// compared in constant time; an empty password is never right.
    #[must_use]
    pub fn verifies(&self, password: &str) -> bool {
        !password.is_empty()
            && password.len() <= MAX_PASSWORD_BYTES
            && ShaCrypt::SHA512.verify_password(password.as_bytes(), self.text.as_str()).is_ok()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

fn sha512_crypt(password: &str, salt: &[u8]) -> String {
    let hash = ShaCrypt::SHA512
        .hash_password_with_salt(password.as_bytes(), salt)
        .expect("a salt of 12 bytes and the recommended rounds are always taken");
    hash.as_str().to_owned()
}

fn is_crypt_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

fn check_rounds(text: &str) -> Result<(), PasswordHashError> {
    match text.parse::<u32>() {
        Ok(MIN_ROUNDS..=MAX_ROUNDS) => Ok(()),
        _ => Err(PasswordHashError::Malformed("rounds are a number from 1000 to 1000000")),
    }
}

fn check_salt(salt: &str) -> Result<(), PasswordHashError> {
    if (1..=MAX_SALT_LEN).contains(&salt.len()) && salt.bytes().all(is_crypt_digit) {
        Ok(())
    } else {
        Err(PasswordHashError::Malformed("the salt has 1 to 16 characters of ./0-9A-Za-z"))
    }
}

/// What a shell or compose leaves of `$6$salt$digest`: nothing, the tail of the digest, or one with fewer `$`.
/// Hashes of other kinds and plain passwords are told apart by their `$id$` and their length.
fn looks_mangled(text: &str) -> bool {
    /// A password that people type is rarely longer; a digest's tail mostly is.
    const TAIL_LEN: usize = 40;
    let other_kind = text.strip_prefix('$').and_then(|rest| rest.split_once('$')).is_some();
    if other_kind {
        return false;
    }
    let crypt_like = text.bytes().all(|byte| is_crypt_digit(byte) || matches!(byte, b'$' | b'='));
    text == "$6" || text.starts_with("6$") || (crypt_like && (text.contains("rounds=") || text.len() >= TAIL_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl passwd -6 -salt saltsalt octopus`
    const OPENSSL: &str =
        "$6$saltsalt$af2ZYLUhMvcO30Dr.s1DwOMjKu2ccI6pOJjl2AJLuu82KBDytptwWV7vbizvKZsc8ReVCtv2I0/z/4/.LQqbC0";
    /// `mkpasswd -m sha-512 -R 10000 -S saltsalt octopus`
    const ROUNDS: &str = "$6$rounds=10000$saltsalt$mn7wzJrDq4/aVMD/XwYK.Mq.sKlvtItG1dARNLQftcNgN1Swp0ZScAVE8A3XZjfqwnfsWCZk7Px4r9ypVy7Fq0";

    #[test]
    fn hashes_of_openssl_are_taken_and_verify() {
        for text in [OPENSSL, ROUNDS] {
            let hash = PasswordHash::parse(text).unwrap();
            assert!(hash.verifies("octopus"));
            assert!(!hash.verifies("Octopus"));
            assert!(!hash.verifies(""));
        }
    }

    #[test]
    fn a_fresh_hash_verifies_and_has_its_own_salt() {
        let (one, two) = (PasswordHash::of_password("tentacle"), PasswordHash::of_password("tentacle"));
        assert_ne!(one.as_str(), two.as_str());
        assert!(PasswordHash::parse(one.as_str()).unwrap().verifies("tentacle"));
        assert!(!one.verifies("tentacles"));
    }

    #[test]
    fn a_plain_setting_is_known_again_and_a_hash_is_its_own_identity() {
        let (one, two) = (PasswordHash::of_plain_setting("tentacle"), PasswordHash::of_plain_setting("tentacle"));
        assert_ne!(one.as_str(), two.as_str());
        assert_eq!(one.identity(), two.identity());
        assert_ne!(one.identity(), PasswordHash::of_plain_setting("tentacles").identity());
        assert!(one.verifies("tentacle"));
        let hash = PasswordHash::parse(OPENSSL).unwrap();
        assert_eq!(hash.identity(), OPENSSL);
    }

    #[test]
    fn a_very_long_password_is_wrong_without_being_hashed() {
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        assert!(!PasswordHash::of_password(&long).verifies(&long));
    }

    #[test]
    fn other_hashes_and_plain_passwords_are_told() {
        for text in
            ["", "admin", "$5$salt$abc", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA"]
        {
            assert_eq!(PasswordHash::parse(text).unwrap_err(), PasswordHashError::NotSha512Crypt, "{text}");
        }
    }

    #[test]
    fn a_hash_that_a_shell_or_compose_ate_is_recognised() {
        let digest = OPENSSL.rsplit('$').next().unwrap();
        let eaten = [
            digest.to_owned(),
            digest[10..].to_owned(),
            "$6".to_owned(),
            "$6$".to_owned(),
            "$6$saltsalt".to_owned(),
            "$6$saltsalt$".to_owned(),
            "$6$rounds=5000".to_owned(),
            OPENSSL[1..].to_owned(),
        ];
        for text in eaten {
            assert_eq!(PasswordHash::parse(&text).unwrap_err(), PasswordHashError::Mangled, "{text}");
        }
    }

    #[test]
    fn each_part_is_checked() {
        let digest = OPENSSL.rsplit('$').next().unwrap();
        let wrong = [
            format!("$6$saltsalt${}", &digest[1..]),
            format!("$6$saltsalt${digest}$"),
            format!("$6$saltsalt${}:", &digest[1..]),
            format!("$6$seventeencharacte${digest}"),
            format!("$6$salt:salt${digest}"),
            format!("$6$rounds=999$saltsalt${digest}"),
            format!("$6$rounds=999999999$saltsalt${digest}"),
            format!("$6$rounds=many$saltsalt${digest}"),
        ];
        for text in wrong {
            assert!(matches!(PasswordHash::parse(&text), Err(PasswordHashError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", PasswordHash::of_password("x")), "PasswordHash(…)");
    }
}
