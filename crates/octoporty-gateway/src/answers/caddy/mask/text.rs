//! Secrets within a text: a private key, who logs in at a URL, parameters of a query or of a database's connection.

use serde_json::Value;

use super::{MASK, is_reference, is_secret};

/// Begins the text of a private key, whatever its field is called.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";
/// Ways to say who one is, each before a blank and the secret.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// Parameters that have a secret besides those that fields have.
const SECRET_PARAMETERS: [&str; 6] = ["sig", "signature", "code", "auth", "sas", "jwt"];
/// Begin a password's hash, as those that Caddy takes do.
const HASHES: [&str; 4] = ["$2a$", "$2b$", "$2y$", "$argon2"];
/// What an expression reads where visitors bring secrets, in small letters.
const BROUGHT: [&str; 3] = ["header", "cookie", "query"];

/// Masks what is found.
pub(super) fn mask(text: &mut String) {
    if text.contains(PRIVATE_KEY) {
        MASK.clone_into(text);
        return;
    }
    if mask_json(text) {
        return;
    }
    for step in [without_parameters, without_logins] {
        let masked = step(text);
        if masked != *text {
            *text = masked;
        }
    }
}

/// A text that is JSON itself, as the body of an answer may be, and whether it is.
fn mask_json(text: &mut String) -> bool {
    if !text.trim_start().starts_with(['{', '[']) {
        return false;
    }
    let Ok(mut inner) = serde_json::from_str::<Value>(text) else { return false };
    let before = inner.clone();
    super::mask(&mut inner);
    if inner != before {
        *text = inner.to_string();
    }
    true
}

/// An expression of CEL. What it compares with something that a visitor brings may be what lets the visitor in, so
/// none of its texts is shown; one that reads hosts and paths alone stays as it is.
pub(super) fn mask_expression(expression: &mut String) {
    let small = expression.to_ascii_lowercase();
    if !BROUGHT.iter().any(|place| small.contains(place)) {
        return mask(expression);
    }
    if !is_simple(expression) {
        MASK.clone_into(expression);
        return;
    }
    let mut masked = String::with_capacity(expression.len());
    let mut rest = expression.as_str();
    while let Some(at) = rest.find(QUOTES) {
        let (before, quoted) = rest.split_at(at);
        let end = end_of_quoted(quoted);
        let quote = &quoted[..1];
        masked.push_str(before);
        masked.push_str(&if end > 2 { format!("{quote}{MASK}{quote}") } else { quoted[..end].to_owned() });
        rest = &quoted[end..];
    }
    masked.push_str(rest);
    mask(&mut masked);
    *expression = masked;
}

/// Begin and end a text of an expression; the last one has no escapes in it.
const QUOTES: [char; 3] = ['\'', '"', '`'];

/// Whether its texts end where they seem to: a comment may have a quote in it, and texts that are raw, of bytes or of
/// several lines have rules of their own.
fn is_simple(expression: &str) -> bool {
    let bytes = expression.as_bytes();
    let is_prefixed = |pair: &[u8]| matches!(pair, [b'r' | b'R' | b'b' | b'B', b'\'' | b'"' | b'`']);
    !["//", "'''", "\"\"\""].iter().any(|sign| expression.contains(sign)) && !bytes.windows(2).any(is_prefixed)
}

/// Bytes of the text that this begins with, quotes included; all of it where none ends it.
fn end_of_quoted(text: &str) -> usize {
    let mut letters = text.char_indices();
    let quote = letters.next().map(|(_, quote)| quote);
    while let Some((at, letter)) = letters.next() {
        if Some(letter) == quote {
            return at + letter.len_utf8();
        }
        if letter == '\\' && quote != Some('`') {
            letters.next();
        }
    }
    text.len()
}

/// `name=value` of a query or a connection's settings.
fn without_parameters(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        masked.push_str(&rest[..=at]);
        rest = after;
        if is_secret_parameter(before) {
            let blank = after.len() - after.trim_start().len();
            let value = value_of(&after[blank..]);
            if !value.is_empty() && !is_reference(value) {
                masked.push_str(&after[..blank]);
                masked.push_str(MASK);
                rest = &after[blank + value.len()..];
            }
        }
    }
    masked.push_str(rest);
    masked
}

/// Whether the name at the end of this is one of a secret.
fn is_secret_parameter(before: &str) -> bool {
    let before = before.trim_end();
    let begin = before.rfind(|letter: char| !(letter.is_ascii_alphanumeric() || "_-.[]%".contains(letter)));
    let name =
        begin.map_or(before, |at| before[at..].trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric()));
    is_secret(name) || SECRET_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// To the end of its quotes, or of the parameter.
fn value_of(text: &str) -> &str {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        return text[1..].find(quote).map_or(text, |end| &text[..end + 2]);
    }
    text.find(|letter: char| letter == '&' || letter == ';' || letter.is_whitespace()).map_or(text, |end| &text[..end])
}

/// Word by word: who logs in at a URL or as `user:password@place`, what follows `Bearer`, and hashes of passwords.
fn without_logins(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut is_next_secret = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let blank = &piece[word.len()..];
        let is_hash = HASHES.iter().any(|begin| word.contains(begin));
        if (is_next_secret || is_hash) && !word.is_empty() && !is_reference(word) {
            masked.push_str(MASK);
        } else {
            masked.push_str(&without_login(word));
        }
        masked.push_str(blank);
        if !word.is_empty() {
            let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
            is_next_secret = SCHEMES.iter().any(|scheme| bare.eq_ignore_ascii_case(scheme));
        }
    }
    masked
}

/// A password may have anything in it, `/` and `@` too: all of it is masked up to the last `@`. A path is no login.
fn without_login(word: &str) -> String {
    let Some(at) = word.rfind('@') else { return word.to_owned() };
    let begin = match word.find("://") {
        Some(scheme) if scheme < at => scheme + 3,
        _ if word[..at].contains(':') && !word.starts_with('/') => 0,
        _ => return word.to_owned(),
    };
    format!("{}{MASK}{}", &word[..begin], &word[at..])
}
