//! How secrets are shown: the first two and the last two characters round four asterisks, never the length.

/// Secrets shorter than this would be shown nearly whole, so nothing of them is.
const SHORTEST_SHOWN: usize = 12;

/// What is shown for an absent value.
pub(crate) const NOT_SET: &str = "(not set)";

/// `ab****yz`; `****` when it is so short that this would give it away.
pub(crate) fn mask(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    if letters.is_empty() {
        return NOT_SET.to_owned();
    }
    if letters.len() < SHORTEST_SHOWN {
        return "****".to_owned();
    }
    let (head, tail) = (&letters[..2], &letters[letters.len() - 2..]);
    head.iter().chain(&['*'; 4]).chain(tail).collect()
}

/// Masks each entry of a comma-separated list.
pub(crate) fn mask_list(secrets: &str) -> String {
    let masked: Vec<String> = secrets.split(',').map(|secret| mask(secret.trim())).collect();
    masked.join(", ")
}

/// Takes user and password out of a URL.
pub(crate) fn mask_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let shown = match rest[..end].rfind('@') {
        Some(at) => format!("****@{}", &rest[at + 1..]),
        None => rest.to_owned(),
    };
    if scheme.is_empty() { shown } else { format!("{scheme}://{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_characters_at_either_end_and_never_the_length() {
        assert_eq!(mask("abcdefghijklmnopqrstuvwxyz0123456789"), "ab****89");
        assert_eq!(mask("abcdefghijkl"), "ab****kl");
        assert_eq!(mask(&"x".repeat(400)).len(), 8);
    }

    #[test]
    fn a_short_secret_shows_nothing() {
        assert_eq!(mask("abcdefghijk"), "****");
        assert_eq!(mask("a"), "****");
        assert_eq!(mask(""), NOT_SET);
    }

    #[test]
    fn letters_of_several_bytes_are_not_cut() {
        assert_eq!(mask("ÄÖÜäöüßéèñçøå"), "ÄÖ****øå");
    }

    #[test]
    fn lists_and_urls() {
        assert_eq!(mask_list("abcdefghijklmnop, qrstuvwxyzabcdef"), "ab****op, qr****ef");
        assert_eq!(mask_url("http://me:pass@proxy:3128/"), "http://****@proxy:3128/");
        assert_eq!(mask_url("socks5://proxy:1080"), "socks5://proxy:1080");
        assert_eq!(mask_url("me:p@ss@proxy:3128"), "****@proxy:3128");
    }
}
