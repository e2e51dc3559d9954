//! Where settings come from, as plain data: the command line, the environment, a TOML file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::key::Origin;

/// Name of the configuration file.
const FILE_NAME: &str = "octoporty.toml";

/// Folders that the file is looked for in when `--config` does not name one.
const FOLDERS: &[&str] = &[".", "/etc/octoporty"];

/// A name with its text, as one source has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// `Section__Key`, an alias, or anything else that was written there.
    pub(crate) name: String,
    /// The value as text.
    pub(crate) text: String,
    /// Which source.
    pub(crate) origin: Origin,
}

/// All sources of one run.
#[derive(Clone, Default, Debug)]
pub(crate) struct Sources {
    /// From the command line; names are keys of the table or their `File` twins.
    pub(crate) flags: Vec<Entry>,
    /// The whole environment.
    pub(crate) environment: Vec<Entry>,
    /// From the configuration file.
    pub(crate) file: Vec<Entry>,
}

/// Why the configuration file could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum FileError {
    /// It is not there or may not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("{}: is not valid TOML: {reason}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Line, column and what was expected.
        reason: String,
    },
    /// A value is of a kind that no setting has.
    #[error("{}: {name} must be a text, a number, true or false, or a list of these", path.display())]
    Kind {
        /// Which file.
        path: PathBuf,
        /// Which key.
        name: String,
    },
}

/// The environment of this process.
pub(crate) fn environment() -> Vec<Entry> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let text = value.to_string_lossy().into_owned();
            Some(Entry { origin: Origin::Environment(name.clone()), name, text })
        })
        .collect()
}

/// Reads `named`, or the first `octoporty.toml` of the working directory and `/etc/octoporty`; none is fine then.
pub(crate) fn file(named: Option<&Path>) -> Result<Vec<Entry>, FileError> {
    let found = match named {
        Some(path) => Some(path.to_owned()),
        None => FOLDERS.iter().map(|folder| Path::new(folder).join(FILE_NAME)).find(|path| path.is_file()),
    };
    let Some(path) = found else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(&path).map_err(|source| FileError::Unreadable { path: path.clone(), source })?;
    entries(&path, &text)
}

/// The entries of a TOML text.
pub(crate) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, FileError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| FileError::Malformed {
        path: path.to_owned(),
        reason: place(text, &error),
    })?;
    let mut out = Vec::new();
    flatten(path, "", &table, &mut out)?;
    Ok(out)
}

/// Line and what is wrong; never the line itself, which may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

fn flatten(path: &Path, prefix: &str, table: &toml::Table, out: &mut Vec<Entry>) -> Result<(), FileError> {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}__{key}") };
        if let toml::Value::Table(inner) = value {
            flatten(path, &name, inner, out)?;
            continue;
        }
        let text = text_of(value).ok_or_else(|| FileError::Kind { path: path.to_owned(), name: name.clone() })?;
        out.push(Entry { name, text, origin: Origin::File(path.to_owned()) });
    }
    Ok(())
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(list) => {
            let texts: Option<Vec<String>> = list.iter().map(text_of).collect();
            texts.map(|texts| texts.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        let entries = entries(Path::new("o.toml"), text).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry.text)).collect()
    }

    #[test]
    fn sections_become_prefixes_and_lists_become_commas() {
        let found = names(
            "[Gateway]\nPort = 8080\nTrustedProxies = [\"10.0.0.0/8\", \"::1\"]\n[Gateway.Limits]\nHeaderBytes = 9000\n",
        );
        assert!(found.contains(&("Gateway__Port".into(), "8080".into())));
        assert!(found.contains(&("Gateway__TrustedProxies".into(), "10.0.0.0/8,::1".into())));
        assert!(found.contains(&("Gateway__Limits__HeaderBytes".into(), "9000".into())));
    }

    #[test]
    fn a_malformed_file_names_the_line_and_shows_no_content() {
        let error = entries(Path::new("o.toml"), "[Gateway]\nApiKey = \"very-secret\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("very-secret"), "{error}");
    }

    #[test]
    fn a_date_is_no_setting() {
        let error = entries(Path::new("o.toml"), "[Gateway]\nPort = 2020-01-01\n").unwrap_err().to_string();
        assert!(error.contains("Gateway__Port"), "{error}");
    }

    #[test]
    fn a_named_file_must_be_there_and_an_unnamed_one_need_not() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.toml");
        assert!(matches!(file(Some(&missing)), Err(FileError::Unreadable { .. })));
    }
}
