//! Releases, ordered by Semantic Versioning 2.0: 0.9.10 is newer than 0.9.9, and 1.0.0 newer than 1.0.0-rc.1.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use thiserror::Error;

/// Characters of a release at most: `1.22.333-rc.4+build` and far more.
const MAX_LEN: usize = 64;

/// Why a text is not a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "a release is three numbers as in 1.2.3, with an optional -pre.release and +build, {MAX_LEN} characters at most"
)]
pub struct ReleaseError;

/// The version of a program. What is built differently but otherwise the same (`+build`) is equally new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release(Version);

impl Release {
    /// Whether this one came after the other.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.0.cmp_precedence(&other.0).is_gt()
    }

    /// Whether one text names a newer release than the other. What is no release is older than all that are.
    #[must_use]
    pub fn is_newer(one: &str, other: &str) -> bool {
        match (one.parse::<Self>(), other.parse::<Self>()) {
            (Ok(one), Ok(other)) => one.is_newer_than(&other),
            (Ok(_), Err(_)) => true,
            (Err(_), _) => false,
        }
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        if text.len() > MAX_LEN {
            return Err(ReleaseError);
        }
        // People write `v1.2.3` as well.
        Version::parse(text.strip_prefix('v').unwrap_or(text)).map(Self).map_err(|_| ReleaseError)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_numbers_and_a_final_release_comes_after_its_candidates() {
        let ascending = ["0.9.9", "0.9.10", "0.10.0", "1.0.0-alpha", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1"];
        for pair in ascending.windows(2) {
            assert!(Release::is_newer(pair[1], pair[0]), "{pair:?}");
            assert!(!Release::is_newer(pair[0], pair[1]), "{pair:?}");
        }
        assert!(!Release::is_newer("1.0.0+two", "1.0.0+one"));
        assert!(!Release::is_newer("v1.0.0", "1.0.0"));
    }

    #[test]
    fn what_is_no_release_is_older_than_all_that_are() {
        for text in ["", "dev", "1.2", "1.2.3.4", "1.2.x", "latest; rm -rf /", &format!("1.2.3-{}", "a".repeat(80))] {
            assert_eq!(text.parse::<Release>(), Err(ReleaseError), "{text}");
            assert!(Release::is_newer("0.0.1", text), "{text}");
            assert!(!Release::is_newer(text, "0.0.1"), "{text}");
        }
    }
}
