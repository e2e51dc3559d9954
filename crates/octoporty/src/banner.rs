//! What a role says when it starts: the word mark, role and version, then one aligned line a setting; or, with JSON
//! logs, the same as one structured line. Values come masked from the settings.

use std::fmt::Write;
use std::io::IsTerminal;

use crate::settings::key::Role;
use crate::settings::logging::LoggingSettings;
use crate::settings::value::Format;
use crate::settings::{Frame, VERSION};
use crate::telemetry::timestamp;

/// Eight arms round one ring, and the name.
const MARK: &str = r"
     \ | /       ___     _                        _
    --(o)--     / _ \ __| |_ ___ _ __  ___ _ _ __| |_ _  _
     / | \     | (_) / _|  _/ _ \ '_ \/ _ \ '_|_  _| || |
                \___/\__|\__\___/ .__/\___/_|   |_| \_, |
                                |_|                 |__/
";

/// Width of the rule under the word mark.
const RULE: usize = 64;

/// The format of a process's standard output.
pub(crate) fn format(logging: &LoggingSettings) -> Format {
    logging.format.unwrap_or_else(|| if std::io::stdout().is_terminal() { Format::Text } else { Format::Json })
}

/// Whether colour may be used on standard output: only on a terminal, and not if `NO_COLOR` is set.
pub(crate) fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !refused { Colour::On } else { Colour::Off }
}

/// Whether text may have colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colour {
    /// Escape sequences are fine.
    On,
    /// Plain text.
    Off,
}

/// Says it in the format of the logs.
pub(crate) fn show(frame: &Frame) {
    match format(&frame.logging) {
        Format::Text => crate::say(&text(frame.role, &frame.banner, colour())),
        Format::Json => crate::say(&line(frame.role, &frame.banner)),
    }
}

/// The banner for people.
fn text(role: Role, lines: &[(&'static str, String)], colour: Colour) -> String {
    let (strong, faint, plain) = match colour {
        Colour::On => ("\x1b[36m", "\x1b[2m", "\x1b[0m"),
        Colour::Off => ("", "", ""),
    };
    let rule = "─".repeat(RULE);
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let mut out = format!("{strong}{MARK}{plain}\n  {} {VERSION}\n{faint}{rule}{plain}\n", role.title());
    for (label, value) in lines {
        writeln!(out, "  {faint}{label:width$} :{plain} {value}").expect("writing to a string does not fail");
    }
    out.push_str(faint);
    out.push_str(&rule);
    out.push_str(plain);
    out
}

/// The banner for machines: one line like those of the log, with the same names and values as fields.
fn line(role: Role, lines: &[(&'static str, String)]) -> String {
    let fields = [
        ("timestamp", timestamp(time::OffsetDateTime::now_utc())),
        ("level", "INFO".to_owned()),
        ("message", format!("octoporty {} {VERSION} starts", role.word())),
        ("role", role.word().to_owned()),
        ("version", VERSION.to_owned()),
    ];
    let fields = fields.into_iter().chain(lines.iter().cloned());
    let object: serde_json::Map<String, serde_json::Value> =
        fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<(&'static str, String)> {
        vec![("ApiKey", "ab****yz".to_owned()), ("GatewayFqdn", "(from agent)".to_owned())]
    }

    #[test]
    fn labels_are_aligned_and_values_are_shown_as_they_are() {
        let text = text(Role::Gateway, &lines(), Colour::Off);
        assert!(text.contains(&format!("Gateway {VERSION}\n")), "{text}");
        assert!(text.contains("  ApiKey      : ab****yz\n"), "{text}");
        assert!(text.contains("  GatewayFqdn : (from agent)\n"), "{text}");
    }

    #[test]
    fn colour_is_left_out_when_it_may_not_be_used() {
        assert!(!text(Role::Agent, &lines(), Colour::Off).contains('\x1b'));
        assert!(text(Role::Agent, &lines(), Colour::On).contains('\x1b'));
    }

    #[test]
    fn machines_get_one_line_with_the_same_fields() {
        let line = line(Role::Gateway, &lines());
        assert!(!line.contains('\n'));
        let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(fields["ApiKey"], "ab****yz");
        assert_eq!(fields["GatewayFqdn"], "(from agent)");
        assert_eq!(fields["level"], "INFO");
        assert_eq!(fields["role"], "gateway");
        assert_eq!(fields["version"], VERSION);
    }
}
