//! A field of a request body that may be absent, null or of the wrong type, so that all mistakes of a body are told
//! at once and each at its own field.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What stood in a field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Loose<T> {
    /// Nothing, or null.
    #[default]
    Absent,
    /// A value of the right type.
    Given(T),
    /// Something else; what it is, in JSON's words.
    Wrong(&'static str),
}

/// By way of an `Option`, so that a field that is left out needs no default of its own.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(value) = Option::<Value>::deserialize(deserializer)? else {
            return Ok(Self::Absent);
        };
        let kind = match &value {
            Value::Null => return Ok(Self::Absent),
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a fraction",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Ok(serde_json::from_value(value).map_or(Self::Wrong(kind), Self::Given))
    }
}
