//! A JSON value that may be of any kind, but not of any size: a value takes many times the memory of its text, and a
//! file may be large.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::api::loose::Loose;

/// Values within one, itself among them: ten times what a mapping has.
const MOST_VALUES: usize = 256;

/// A value with few others in it. Null when it is left out.
#[derive(Debug, Default)]
pub(super) struct Small(pub(super) Value);

impl Small {
    /// As a type, or what it is instead.
    pub(super) fn read<T: DeserializeOwned>(self) -> Loose<T> {
        Loose::deserialize(self.0).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Small {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = MOST_VALUES;
        Builder(&mut left).deserialize(deserializer).map(Self)
    }
}

/// Builds a value while the count lasts.
struct Builder<'a>(&'a mut usize);

impl<'de> DeserializeSeed<'de> for Builder<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom(format!("a mapping has at most {MOST_VALUES} values")))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_> {
    type Value = Value;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Builder(self.0))? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(field) = object.next_key::<String>()? {
            let value = object.next_value_seed(Builder(self.0))?;
            fields.insert(field, value);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_small_is_read_as_it_is() {
        let value = json!({ "a": [1, -2, 3.5, null, true, "x"], "b": { "c": {} } });
        assert_eq!(serde_json::from_str::<Small>(&value.to_string()).unwrap().0, value);
        assert_eq!(Small(json!("x")).read::<String>(), Loose::Given("x".to_owned()));
        assert_eq!(Small(json!([])).read::<String>(), Loose::Wrong("a list"));
        assert_eq!(Small::default().read::<String>(), Loose::Absent);
    }

    #[test]
    fn what_is_large_is_refused_before_it_is_built() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(serde_json::from_str::<Small>(&list(MOST_VALUES - 1)).is_ok());
        let error = serde_json::from_str::<Small>(&list(MOST_VALUES)).unwrap_err().to_string();
        assert!(error.contains("at most 256 values"), "{error}");
        let nested = format!("{{\"a\":{}}}", list(MOST_VALUES));
        assert!(serde_json::from_str::<Small>(&nested).is_err());
    }
}
