//! A JSON object as the list of its members, repeats included: what `serde_json::Value` would hide.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Names with the text of their values.
#[derive(Debug)]
pub struct Members(Vec<(String, Box<RawValue>)>);

/// What is there under a name.
#[derive(Debug, PartialEq)]
pub enum Member {
    /// Nothing, or null.
    Absent,
    /// It is there once.
    Once(Value),
    /// It is there more than once, or is a value nobody could read.
    Bad,
}

impl Members {
    /// Reads a JSON object, with nothing around it but white space.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// What is there under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Member {
        let found: Vec<&str> = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.get()).collect();
        match found[..] {
            [] => Member::Absent,
            [value] => match serde_json::from_str(value) {
                Ok(Value::Null) => Member::Absent,
                Ok(value) => Member::Once(value),
                Err(_) => Member::Bad,
            },
            _ => Member::Bad,
        }
    }

    /// A text that must be there.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.optional_text(name)?
    }

    /// A text that may be absent; `None` when something else is there.
    #[must_use]
    pub fn optional_text(&self, name: &str) -> Option<Option<String>> {
        match self.get(name) {
            Member::Absent => Some(None),
            Member::Once(Value::String(text)) => Some(Some(text)),
            _ => None,
        }
    }

    /// A whole number that must be there.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        if let Member::Once(value) = self.get(name) { value.as_i64() } else { None }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
