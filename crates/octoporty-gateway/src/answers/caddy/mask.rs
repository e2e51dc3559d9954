//! Secrets of a Caddy configuration: keys of DNS providers, passwords of sites, headers with credentials. They are
//! masked where they stand, so that the rest can be read. Modules name their fields as they like, so what looks like a
//! secret counts as one; hosts, paths, dials and names of handlers have no such names and stay.
//!
//! * `text`: secrets within a text.

mod text;

use serde_json::{Map, Value};

/// What stands in a secret's place.
pub(super) const MASK: &str = "****";

/// Parts of names of secrets, in small letters without `_` and `-`.
const SECRET_NAMES: [&str; 18] = [
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
    "connectionstring",
    "connstring",
];

/// Whole words of names of secrets.
const SECRET_WORDS: [&str; 6] = ["pass", "pwd", "pw", "psk", "dsn", "salt"];

/// Names that end in `key` and have no secret: public halves, and what a log's encoder calls its fields.
const OPEN_KEYS: [&str; 9] = [
    "publickey",
    "publickeys",
    "messagekey",
    "levelkey",
    "timekey",
    "namekey",
    "callerkey",
    "stacktracekey",
    "durationkey",
];

/// Masks every secret below.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(name, value)| mask_field(name, value));
            mask_names(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => text::mask(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A table may be one from secrets to what they mean. Two that look alike when masked stay two.
fn mask_names(fields: &mut Map<String, Value>) {
    let masked = |name: &str| {
        let mut masked = name.to_owned();
        text::mask(&mut masked);
        masked
    };
    if fields.keys().all(|name| masked(name) == *name) {
        return;
    }
    let mut number = 1;
    for (name, value) in std::mem::take(fields) {
        let plain = masked(&name);
        let mut name = plain.clone();
        while fields.contains_key(&name) {
            number += 1;
            name = format!("{plain} ({number})");
        }
        fields.insert(name, value);
    }
}

fn mask_field(name: &str, value: &mut Value) {
    match (name, value) {
        // What requests are judged by: a text, or one with a name beside it.
        ("expression" | "expr", Value::String(text)) => text::mask_expression(text),
        ("servers", Value::Object(servers)) => mask_servers(servers),
        // What is put into headers, or compared with them: their names say nothing of what is in them.
        ("set" | "add" | "replace" | "header" | "header_regexp", value @ Value::Object(_)) => hide(value),
        ("headers", Value::Object(headers)) => {
            for (name, value) in headers {
                if value.is_object() { mask_field(name, value) } else { hide(value) }
            }
        }
        (name, value) if is_secret(name) => hide(value),
        (_, value) => mask(value),
    }
}

/// A server of Caddy's has a name of its owner's choice: one called `secrets` is as open as the others.
fn mask_servers(servers: &mut Map<String, Value>) {
    for (name, server) in servers {
        let is_server = server.get("listen").is_some() || server.get("routes").is_some();
        if is_server { mask(server) } else { mask_field(name, server) }
    }
}

/// Whether a field or parameter of this name has a secret.
fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
    if OPEN_KEYS.contains(&&*plain) {
        return false;
    }
    // `aes_key` and `aesKey` end in it, `key_id` does not.
    let ends_in_key = plain.ends_with("key") || plain.ends_with("keys");
    ends_in_key
        || SECRET_NAMES.iter().any(|part| plain.contains(part))
        || words(name).any(|word| SECRET_WORDS.contains(&&*word))
}

/// The words of `some_name`, `some-name` and `some.name`, in small letters.
fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).map(str::to_ascii_lowercase)
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

/// `{env.NAME}`, `{file./path}` and `{http.request.host}` say where something is, not what it is.
fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    ["env.", "file.", "http."].iter().any(|place| inner.starts_with(place)) && !inner.contains(['{', '}'])
}
