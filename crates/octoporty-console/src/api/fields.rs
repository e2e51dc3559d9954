//! Reads the fields of a body and collects what is wrong with them, each at its own name, all at once.

use std::fmt::Display;
use std::str::FromStr;

use super::error::ApiError;
use super::loose::Loose;
use super::problem::Fields;

/// What is wrong with a body so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Fields);

impl Mistakes {
    /// Notes a mistake.
    pub(crate) fn add(&mut self, field: &str, message: &str) {
        self.0.entry(field.to_owned()).or_default().push(sentence(message));
    }

    /// A value of the right type, if one was given. `wanted` completes "… is needed here".
    pub(crate) fn optional<T>(&mut self, field: &str, value: Loose<T>, wanted: &str) -> Option<T> {
        match value {
            Loose::Absent => None,
            Loose::Given(value) => Some(value),
            Loose::Wrong(kind) => {
                self.add(field, &format!("{wanted} is needed here, not {kind}"));
                None
            }
        }
    }

    /// The value of the newer name, or else of the older.
    pub(crate) fn either<T>(&mut self, newer: (&str, Loose<T>), older: (&str, Loose<T>), wanted: &str) -> Option<T> {
        match newer {
            (_, Loose::Absent) => self.optional(older.0, older.1, wanted),
            (field, value) => self.optional(field, value, wanted),
        }
    }

    /// A text that is not blank.
    pub(crate) fn text(&mut self, field: &str, value: Loose<String>) -> Option<String> {
        self.optional(field, value, "a text").filter(|text| !text.trim().is_empty())
    }

    /// Parses a text; a missing one is parsed as empty, so that the type's own words say what is needed.
    pub(crate) fn required<T>(&mut self, field: &str, value: Loose<String>) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if let Loose::Wrong(_) = value {
            self.optional(field, value, "a text");
            return None;
        }
        let text = self.text(field, value).unwrap_or_default();
        self.parse(field, &text)
    }

    /// Parses a text.
    pub(crate) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.parse().inspect_err(|error: &T::Err| self.add(field, &error.to_string())).ok()
    }

    /// The error, when there is a mistake.
    pub(crate) fn into_error(self) -> Option<ApiError> {
        (!self.0.is_empty()).then(|| ApiError::invalid(self.0))
    }

    /// What a parse that noted its mistakes has to give.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ApiError> {
        match (self.into_error(), value) {
            (None, Some(value)) => Ok(value),
            (Some(error), _) => Err(error),
            (None, None) => Err(ApiError::malformed("Something is missing.")),
        }
    }
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}
