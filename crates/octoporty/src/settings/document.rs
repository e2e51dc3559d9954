//! The tables of `docs/configuration.md`, made from the table of keys. They stand between markers
//! (`<!-- keys Section -->` and `<!-- end -->`); everything else in the document is written by hand.

use std::fmt::Write;

use super::key::{Fallback, Key, Secrecy};
use super::table::{KEYS, LATER, MEANINGLESS};

const BEGIN: &str = "<!-- keys ";
const END: &str = "<!-- end -->";

/// The document with its tables as they should be.
pub(super) fn render(document: &str) -> String {
    let mut out = String::new();
    let mut rest = document;
    while let Some(begin) = rest.find(BEGIN) {
        let line_end = begin + rest[begin..].find('\n').expect("a marker has a line of its own") + 1;
        let end = begin + rest[begin..].find(END).expect("a marker has its end");
        let section = rest[begin + BEGIN.len()..line_end].trim_end().trim_end_matches("-->").trim();
        out.push_str(&rest[..line_end]);
        out.push_str(&table(section));
        out.push_str(END);
        rest = &rest[end + END.len()..];
    }
    out.push_str(rest);
    out
}

fn table(section: &str) -> String {
    let mut out = String::new();
    match section {
        "later" => {
            out.push_str("| name | until then |\n|---|---|\n");
            for (name, instead) in LATER {
                writeln!(out, "| `{name}` | {instead} |").expect("writing to a string does not fail");
            }
        }
        "meaningless" => {
            let names: Vec<String> = MEANINGLESS.iter().map(|name| format!("`{name}`")).collect();
            writeln!(out, "{}", names.join(", ")).expect("writing to a string does not fail");
        }
        _ => {
            out.push_str("| key | flag | default | meaning, check |\n|---|---|---|---|\n");
            for key in KEYS.iter().filter(|key| key.path.split("__").next() == Some(section)) {
                out.push_str(&row(key));
            }
        }
    }
    out
}

fn row(key: &Key) -> String {
    let default = match key.fallback {
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Words(words) => words.to_owned(),
    };
    let code = |names: &[&str], prefix: &str| -> Vec<String> {
        names.iter().map(|name| format!("`{prefix}{name}`")).collect()
    };
    let mut flags = vec![format!("`--{}`", key.flag())];
    flags.extend(code(key.flags, "--"));
    let mut notes = String::new();
    if !key.aliases.is_empty() {
        notes = format!(" Also {}.", code(key.aliases, "").join(", "));
    }
    if key.secrecy == Secrecy::Secret {
        notes.push_str(" Secret.");
    }
    format!("| `{}` | {} | {default} | {}{notes} |\n", key.path, flags.join(", "), key.doc)
}
