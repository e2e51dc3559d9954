//! `Accept-Encoding`, for files that were compressed when the page was built.

/// A compression that the build makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    /// Smallest.
    Brotli,
    /// Understood by all.
    Gzip,
}

impl Encoding {
    /// As headers name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the build appends to a file's name.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// What the browser takes, smallest first.
pub(super) fn preferred(accepted: &str) -> Vec<Encoding> {
    let takes = |name: &str| {
        accepted.split(',').any(|entry| {
            let (token, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let refused = parameters.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
            token.trim().eq_ignore_ascii_case(name) && !refused
        })
    };
    [Encoding::Brotli, Encoding::Gzip].into_iter().filter(|encoding| takes(encoding.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_that_is_taken_comes_first() {
        assert_eq!(preferred("gzip, deflate, br, zstd"), [Encoding::Brotli, Encoding::Gzip]);
        assert_eq!(preferred("GZIP;q=0.5"), [Encoding::Gzip]);
        assert_eq!(preferred("br;q=0, gzip"), [Encoding::Gzip]);
        assert_eq!(preferred("br; q=0.000, identity"), []);
        assert_eq!(preferred(""), []);
    }
}
