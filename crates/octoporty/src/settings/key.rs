//! What a setting is: one [`Key`] a row of the table, and the words for where its value came from.

use std::fmt;
use std::path::PathBuf;

/// Which role a process has, as far as settings go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// `octoporty gateway`.
    Gateway,
    /// `octoporty agent`.
    Agent,
}

impl Role {
    /// The word of the command line and of log files.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Agent => "agent",
        }
    }

    /// How it is written in the banner.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::Agent => "Agent",
        }
    }
}

/// Whether a value may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrecy {
    /// Anybody may see it.
    Open,
    /// Masked wherever it is shown; has a twin that ends in `File`.
    Secret,
}

/// What an empty value means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Empty {
    /// As if it was not set (compose files hand on variables that nobody has set).
    Unset,
    /// It is a value: no entries, or off.
    Value,
}

/// What holds when nobody has set a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallback {
    /// This text, parsed as if somebody had set it.
    Text(&'static str),
    /// Something that depends on the machine or on other keys, in words for the document.
    Words(&'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// `Section__Key`, as an environment variable is written.
    pub(crate) path: &'static str,
    /// Which roles read it.
    pub(crate) roles: &'static [Role],
    /// What holds when nobody has set it.
    pub(crate) fallback: Fallback,
    /// Whether it may be shown.
    pub(crate) secrecy: Secrecy,
    /// What an empty value means.
    pub(crate) empty: Empty,
    /// Whether `--key` alone, without a value, means true.
    pub(crate) switch: bool,
    /// Other names, in the environment and in the file.
    pub(crate) aliases: &'static [&'static str],
    /// Other names of the flag.
    pub(crate) flags: &'static [&'static str],
    /// One line: meaning and what is checked.
    pub(crate) doc: &'static str,
}

impl Key {
    /// The flag without `--`: the key without its section, in kebab case.
    pub(crate) fn flag(&self) -> String {
        let (_, rest) = self.path.split_once("__").expect("every key of the table has a section");
        kebab(rest)
    }

    /// Name of the twin that reads the value from a file; secrets only.
    pub(crate) fn twin(&self) -> Option<String> {
        (self.secrecy == Secrecy::Secret).then(|| format!("{}File", self.path))
    }
}

/// `HeaderTimeoutSeconds` and `Limits__HeaderBytes` as `header-timeout-seconds` and `limits-header-bytes`.
fn kebab(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 8);
    for part in key.split("__") {
        for letter in part.chars() {
            if letter.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            out.push(letter.to_ascii_lowercase());
        }
        out.push('-');
    }
    out.pop();
    out
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The command line; the flag as it was typed, without its value.
    Flag(String),
    /// The environment; the variable's name as it is there.
    Environment(String),
    /// The configuration file.
    File(PathBuf),
    /// A file that a `…File` twin names.
    SecretFile(PathBuf),
    /// Nobody has set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::SecretFile(path) => write!(f, "secret file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_case_splits_at_capitals_and_sections() {
        assert_eq!(kebab("ApiKey"), "api-key");
        assert_eq!(kebab("Limits__HeaderTimeoutSeconds"), "limits-header-timeout-seconds");
        assert_eq!(kebab("Port"), "port");
    }
}
