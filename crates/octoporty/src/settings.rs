//! Configuration: the one place that reads flags, environment and files.
//!
//! The cast:
//! * `table`: every key, declared once.
//! * `source`: the three sources as plain entries.
//! * `reader`: precedence, unknown names, secret files; collects every mistake.
//! * `value`: texts into typed values.
//! * `gateway`, `agent`, `logging`, `metrics`: values into the roles' own configurations, with the checks across keys.
//! * `mask`, `problem`: what people are shown.
//!
//! Invariant: nothing is started from a configuration with a mistake in it, and no secret leaves this module but
//! inside of a type that does not print it.

pub(crate) mod agent;
#[cfg(test)]
mod document;
pub(crate) mod gateway;
pub(crate) mod key;
pub(crate) mod logging;
pub(crate) mod mask;
pub(crate) mod metrics;
pub(crate) mod problem;
pub(crate) mod reader;
pub(crate) mod source;
mod suggest;
pub(crate) mod table;
pub(crate) mod value;

use std::time::Duration;

use self::key::Role;
use self::logging::LoggingSettings;
use self::metrics::MetricsSettings;
use self::problem::Refused;
use self::reader::{Reader, Row};
use self::table::ENVIRONMENT_NAMES;

/// This release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a role needs besides its own configuration.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Which role.
    pub(crate) role: Role,
    /// Logs.
    pub(crate) logging: LoggingSettings,
    /// Figures.
    pub(crate) metrics: MetricsSettings,
    /// How long what is in flight may take to finish at the end.
    pub(crate) grace: Duration,
    /// Lines of the banner: label and value, masked.
    pub(crate) banner: Vec<(&'static str, String)>,
    /// Worth a word on each start.
    pub(crate) warnings: Vec<String>,
}

/// The outcome of a load: what holds, and either the settings or every mistake.
pub(crate) struct Loaded<T> {
    /// The effective settings, for `--check`.
    pub(crate) rows: Vec<Row>,
    /// The settings and their frame.
    pub(crate) outcome: Result<(T, Frame), Refused>,
}

/// Finishes a load: the settings are handed out only if there is no mistake.
fn conclude<T>(
    mut reader: Reader,
    role: Role,
    grace: Duration,
    build: impl FnOnce() -> Option<(T, Vec<(&'static str, String)>)>,
) -> Loaded<T> {
    let logging = logging::read(&mut reader, role);
    let metrics = metrics::read(&mut reader, role);
    let environment = ENVIRONMENT_NAMES.iter().find_map(|name| reader.variable(name)).map(|entry| entry.text.clone());
    let (rows, outcome) = reader.finish();
    let outcome = outcome.map(|warnings| {
        let (settings, mut banner) = build().expect("a configuration without a mistake is complete");
        banner.push(("Environment", environment.unwrap_or_else(|| "Production".to_owned())));
        banner.push(("Container UID:GID", crate::platform::uid_gid()));
        (settings, Frame { role, logging, metrics, grace, banner, warnings })
    });
    Loaded { rows, outcome }
}

#[cfg(test)]
mod tests;
