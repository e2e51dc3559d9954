//! Secrets of a Caddy configuration: keys of DNS providers, passwords of sites, headers with credentials. They are
//! masked where they stand, so that the rest can be read.

use serde_json::Value;

/// What stands in a secret's place.
pub(super) const MASK: &str = "****";

/// Parts of names of secrets, in small letters without `_` and `-`.
const SECRET_NAMES: [&str; 16] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "mackey",
    "signingkey",
    "sharedkey",
    "encryptionkey",
    "credential",
    "authorization",
    "cookie",
];

/// Begins the text of a private key, whatever its field is called.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Masks every secret below.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) { hide(value) } else { mask(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => mask_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).collect::<String>().to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| plain.contains(part))
}

/// Everything below a secret's name is one. That something is on, off or absent is none.
fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(hide),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) if text.is_empty() || is_reference(text) => {}
        Value::String(_) | Value::Number(_) => *value = Value::String(MASK.to_owned()),
        Value::Null | Value::Bool(_) => {}
    }
}

/// `{env.NAME}` and `{file./path}` say where a secret is, not what it is.
fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    (inner.starts_with("env.") || inner.starts_with("file.")) && !inner.contains(['{', '}'])
}

/// A private key, or the password in a URL.
fn mask_text(text: &mut String) {
    if text.contains(PRIVATE_KEY) {
        MASK.clone_into(text);
        return;
    }
    let Some(begin) = text.find("://").map(|at| at + 3) else { return };
    let end = text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
    if let Some(at) = text[begin..end].rfind('@') {
        text.replace_range(begin..begin + at, MASK);
    }
}
