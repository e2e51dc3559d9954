//! The loader: lays the sources over each other, classifies every name, and hands out typed values.
//!
//! A [`Reader`] collects every mistake instead of stopping at the first. A wrong value is recorded and its default
//! is handed out in its place; that is safe because [`Reader::finish`] refuses the whole configuration then.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::key::{Empty, Fallback, Key, Origin, Role, Secrecy};
use super::mask::{NOT_SET, mask, mask_list, mask_url};
use super::problem::{Problem, Refused};
use super::source::{Entry, Sources};
use super::suggest::nearest;
use super::table::{KEYS, LATER, MEANINGLESS, SECTIONS, URLS_NAME, keys_of};
use super::value::ValueError;

/// A value that won.
#[derive(Clone, Debug)]
struct Setting {
    text: String,
    origin: Origin,
}

/// One line of `--check`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// The key.
    pub(crate) path: &'static str,
    /// Its value, masked when secret.
    pub(crate) value: String,
    /// Where it came from.
    pub(crate) origin: Origin,
}

/// What a name of a source turned out to be.
enum Known {
    Value(&'static Key),
    Alias(&'static Key),
    Twin(&'static Key),
    OtherRole,
    Later(&'static str),
    Meaningless,
    Unknown,
}

/// The candidates of one layer for one key.
#[derive(Default)]
struct Candidates {
    value: Option<Entry>,
    alias: Option<Entry>,
    twin: Option<Entry>,
}

/// The layered settings of one role.
pub(crate) struct Reader {
    role: Role,
    settings: BTreeMap<&'static str, Setting>,
    derived: BTreeMap<&'static str, String>,
    environment: HashMap<String, Entry>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    asked: Vec<&'static str>,
}

impl Reader {
    /// Lays flag over environment over file.
    pub(crate) fn new(role: Role, sources: &Sources) -> Self {
        let environment = sources.environment.iter().map(|entry| (entry.name.to_lowercase(), entry.clone())).collect();
        let mut reader = Self {
            role,
            settings: BTreeMap::new(),
            derived: BTreeMap::new(),
            environment,
            problems: Vec::new(),
            warnings: Vec::new(),
            asked: Vec::new(),
        };
        reader.lay(&sources.file);
        reader.take_port_of_urls();
        reader.lay(&sources.environment);
        reader.lay(&sources.flags);
        reader.read_secret_files();
        reader
    }

    /// The value of a key whose default is a text.
    pub(crate) fn get<T>(&mut self, path: &'static str, parse: impl Fn(&str) -> Result<T, ValueError>) -> T {
        let Fallback::Text(default) = key(path).fallback else {
            unreachable!("{path} has no default that is a text; use find");
        };
        self.find(path, &parse)
            .unwrap_or_else(|| parse(default).unwrap_or_else(|error| unreachable!("the default of {path} {error}")))
    }

    /// The value of a key, if somebody set it and it is right.
    pub(crate) fn find<T>(&mut self, path: &'static str, parse: impl Fn(&str) -> Result<T, ValueError>) -> Option<T> {
        self.asked.push(key(path).path);
        let setting = self.settings.get(path)?;
        match parse(&setting.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let shown = match key(path).secrecy {
                    Secrecy::Secret => String::new(),
                    Secrecy::Open if holds_credentials(path) => String::new(),
                    Secrecy::Open => format!("; it is `{}`", setting.text),
                };
                let (text, origin) = (format!("{error}{shown}"), setting.origin.clone());
                self.problems.push(Problem { name: path.to_owned(), origin: Some(origin), text });
                None
            }
        }
    }

    /// Whether somebody set it, rightly or not.
    pub(crate) fn is_set(&self, path: &str) -> bool {
        self.settings.contains_key(path)
    }

    /// A variable of the environment by its name, compared without case; an empty one is none.
    pub(crate) fn variable(&self, name: &str) -> Option<&Entry> {
        self.environment.get(&name.to_lowercase()).filter(|entry| !entry.text.trim().is_empty())
    }

    /// The value as it may be shown.
    pub(crate) fn shown(&self, path: &'static str) -> String {
        self.settings.get(path).map_or_else(|| NOT_SET.to_owned(), |setting| show(key(path), &setting.text))
    }

    /// Records what holds for a key that nobody set.
    pub(crate) fn derive(&mut self, path: &'static str, value: String) {
        self.derived.insert(path, value);
    }

    /// Records a mistake about a key.
    pub(crate) fn refuse(&mut self, path: &'static str, text: impl Into<String>) {
        let origin = self.settings.get(path).map(|setting| setting.origin.clone());
        self.problems.push(Problem { name: path.to_owned(), origin, text: text.into() });
    }

    /// Records that a key is needed, unless a file that should hold it was already found wanting.
    pub(crate) fn refuse_missing(&mut self, path: &'static str, text: impl Into<String>) {
        let twin = format!("{path}File");
        if !self.problems.iter().any(|problem| problem.name == twin) {
            self.refuse(path, text);
        }
    }

    /// Records something that is worth a word on each start.
    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The effective settings and the warnings, or every mistake.
    pub(crate) fn finish(mut self) -> (Vec<Row>, Result<Vec<String>, Refused>) {
        let unread: Vec<_> = keys_of(self.role).filter(|key| !self.asked.contains(&key.path)).collect();
        debug_assert!(unread.is_empty(), "settings that nothing reads: {unread:?}");
        let rows = self.rows();
        if self.problems.is_empty() {
            return (rows, Ok(self.warnings));
        }
        let order = |problem: &Problem| KEYS.iter().position(|key| key.path == problem.name).unwrap_or(usize::MAX);
        self.problems.sort_by_key(order);
        (rows, Err(Refused { role: self.role, problems: self.problems }))
    }

    /// What is wrong with one key, for who needs no other.
    pub(crate) fn finish_of(mut self, path: &str) -> Result<(), Refused> {
        self.problems.retain(|problem| problem.name == path);
        if self.problems.is_empty() { Ok(()) } else { Err(Refused { role: self.role, problems: self.problems }) }
    }

    fn rows(&self) -> Vec<Row> {
        keys_of(self.role)
            .map(|key| {
                let (value, origin) = match (self.settings.get(key.path), self.derived.get(key.path), key.fallback) {
                    (Some(setting), ..) => (show(key, &setting.text), setting.origin.clone()),
                    (None, Some(derived), _) => (derived.clone(), Origin::Default),
                    (None, None, Fallback::Text(text)) => (text.to_owned(), Origin::Default),
                    (None, None, Fallback::Words(_)) => (NOT_SET.to_owned(), Origin::Default),
                };
                Row { path: key.path, value, origin }
            })
            .collect()
    }

    /// Lays one layer over what is there.
    fn lay(&mut self, entries: &[Entry]) {
        let mut layer: BTreeMap<&'static str, Candidates> = BTreeMap::new();
        for entry in entries {
            let (key, slot): (_, fn(&mut Candidates) -> &mut Option<Entry>) = match classify(self.role, &entry.name) {
                Known::Value(key) => (key, |candidates| &mut candidates.value),
                Known::Alias(key) => (key, |candidates| &mut candidates.alias),
                Known::Twin(key) => (key, |candidates| &mut candidates.twin),
                other => {
                    self.judge(&other, entry);
                    continue;
                }
            };
            let text = tidy(key, &entry.text);
            if text.is_empty() && key.empty == Empty::Unset {
                continue;
            }
            let slot = slot(layer.entry(key.path).or_default());
            if let Some(other) = slot.as_ref().filter(|other| other.text != text) {
                let text = format!("is set twice, as {} and as {}: leave one", other.name, entry.name);
                self.problems.push(Problem { name: key.path.to_owned(), origin: None, text });
            }
            *slot = Some(Entry { text: text.to_owned(), ..entry.clone() });
        }
        for (path, candidates) in layer {
            self.choose(path, candidates);
        }
    }

    fn choose(&mut self, path: &'static str, candidates: Candidates) {
        if let (Some(value), Some(twin)) = (candidates.value.as_ref().or(candidates.alias.as_ref()), &candidates.twin) {
            let text = format!("is set twice, as {} and as {}: leave one", value.name, twin.name);
            self.problems.push(Problem { name: path.to_owned(), origin: Some(value.origin.clone()), text });
        }
        if let (Some(value), Some(alias)) = (&candidates.value, &candidates.alias)
            && value.text != alias.text
        {
            self.warnings.push(format!("{} is not used, because {} is set", alias.name, value.name));
        }
        let setting = if let Some(twin) = candidates.twin {
            Setting { text: twin.text.clone(), origin: Origin::SecretFile(PathBuf::from(twin.text)) }
        } else {
            let Some(entry) = candidates.value.or(candidates.alias) else { return };
            Setting { text: entry.text, origin: entry.origin }
        };
        self.settings.insert(path, setting);
    }

    /// What is said about a name that is no setting of this role.
    fn judge(&mut self, known: &Known, entry: &Entry) {
        if entry.text.trim().is_empty() && !matches!(known, Known::Unknown) {
            return;
        }
        let text = match known {
            Known::Later(instead) => format!("is not available in this release: {instead}, and leave it out"),
            Known::Meaningless => {
                self.warnings
                    .push(format!("{} has no meaning for octoporty and is not used ({})", entry.name, entry.origin));
                return;
            }
            Known::OtherRole if entry.name.to_ascii_lowercase().starts_with("connectionstrings") => {
                self.warnings.push(format!("{} is not used: the gateway has no database in this release", entry.name));
                return;
            }
            Known::Unknown if matters(entry) => {
                match nearest(&entry.name, names_of(self.role).iter().map(String::as_str)) {
                    Some(near) => format!("is not a setting; did you mean {near}?"),
                    None => "is not a setting; `octoporty help` and docs/configuration.md name all of them".to_owned(),
                }
            }
            _ => return,
        };
        self.problems.push(Problem { name: entry.name.clone(), origin: Some(entry.origin.clone()), text });
    }

    /// ASP.NET's list of URLs stands in for the port; the port's own key, in any source, wins.
    fn take_port_of_urls(&mut self) {
        let path = match self.role {
            Role::Gateway => "Gateway__Port",
            Role::Agent => "Agent__Port",
        };
        let Some(entry) = self.variable(URLS_NAME).cloned() else { return };
        if self.is_set(path) {
            return;
        }
        let http = entry.text.split(';').find_map(|url| url.trim().strip_prefix("http://"));
        match http {
            Some(listen) => {
                let text = listen.trim_end_matches('/').to_owned();
                self.settings.insert(path, Setting { text, origin: entry.origin });
            }
            None => self.warnings.push(format!("{URLS_NAME} names no http:// address and is not used")),
        }
    }

    /// Replaces the path that a `File` twin named by what the file holds.
    fn read_secret_files(&mut self) {
        for (path, setting) in &mut self.settings {
            let Origin::SecretFile(file) = &setting.origin else { continue };
            match std::fs::read_to_string(file) {
                Ok(text) if !text.trim().is_empty() => setting.text = tidy(key(path), &text).to_owned(),
                outcome => {
                    let why = outcome.map_or_else(|error| error.to_string(), |_| "it is empty".to_owned());
                    let text = format!("cannot be read from {}: {why}", file.display());
                    self.problems.push(Problem { name: format!("{path}File"), origin: None, text });
                    setting.text.clear();
                }
            }
        }
        self.settings.retain(|path, setting| !setting.text.is_empty() || key(path).empty == Empty::Value);
    }
}

/// The row of a key that the program itself names.
fn key(path: &str) -> &'static Key {
    KEYS.iter().find(|key| key.path == path).unwrap_or_else(|| unreachable!("{path} is not in the table"))
}

/// A secret loses its line end (files end in one), everything else its white space.
fn tidy<'a>(key: &Key, text: &'a str) -> &'a str {
    match key.secrecy {
        Secrecy::Secret => text.trim_end_matches(['\r', '\n']),
        Secrecy::Open => text.trim(),
    }
}

/// Keys whose values may have a user and a password in them although they are no secrets as a whole.
fn holds_credentials(path: &str) -> bool {
    matches!(path, "Agent__Proxy" | "Agent__GatewayUrl" | "ConnectionStrings__DefaultConnection")
}

fn show(key: &Key, text: &str) -> String {
    match key.secrecy {
        Secrecy::Secret if key.path == "Gateway__ApiKey" => mask_list(text),
        Secrecy::Secret => mask(text),
        Secrecy::Open if text.is_empty() => "(none)".to_owned(),
        Secrecy::Open if holds_credentials(key.path) => mask_url(text),
        Secrecy::Open => text.to_owned(),
    }
}

fn classify(role: Role, name: &str) -> Known {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    for key in keys_of(role) {
        if is(key.path) {
            return Known::Value(key);
        }
        if key.aliases.iter().any(|alias| is(alias)) {
            return Known::Alias(key);
        }
        if key.twin().is_some_and(|twin| is(&twin)) {
            return Known::Twin(key);
        }
    }
    let any =
        |key: &Key| is(key.path) || key.aliases.iter().any(|alias| is(alias)) || key.twin().is_some_and(|t| is(&t));
    if KEYS.iter().any(any) {
        return Known::OtherRole;
    }
    if MEANINGLESS.iter().any(|name| is(name)) {
        return Known::Meaningless;
    }
    match LATER.iter().find(|(pattern, _)| matches_pattern(pattern, name)) {
        Some((pattern, _)) if role_of(pattern).is_some_and(|other| other != role) => Known::OtherRole,
        Some((_, instead)) => Known::Later(instead),
        None => Known::Unknown,
    }
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Whose key of a later release it is; `None`: of both.
fn role_of(pattern: &str) -> Option<Role> {
    match pattern {
        _ if pattern.starts_with("Otel") => None,
        "PICOTUNNEL_TOKEN" => Some(Role::Agent),
        _ if pattern.starts_with("Agent__") => Some(Role::Agent),
        _ => Some(Role::Gateway),
    }
}

/// Whether an unknown name is a mistake: anything in our file, and in the environment what is in our sections.
fn matters(entry: &Entry) -> bool {
    if !matches!(entry.origin, Origin::Environment(_)) {
        return true;
    }
    let section = entry.name.split("__").next().unwrap_or_default();
    entry.name.contains("__") && SECTIONS.iter().any(|ours| ours.eq_ignore_ascii_case(section))
}

/// Every name that may be meant, for suggestions; the role's own first.
fn names_of(role: Role) -> Vec<String> {
    let own = keys_of(role);
    let other = KEYS.iter().filter(|key| !key.roles.contains(&role));
    own.chain(other).flat_map(|key| [Some(key.path.to_owned()), key.twin()]).flatten().collect()
}
