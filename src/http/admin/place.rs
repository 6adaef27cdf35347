//! Places in lists that are read page by page: a time and an id, so that nothing with the same time is skipped or repeated.

use std::fmt;
use std::str::FromStr;

/// Longest id in a place, in bytes.
const MAX_ID: usize = 128;

/// A place behind an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The entry's time, Unix milliseconds.
    pub(super) at: i64,
    /// The entry's id.
    pub(super) id: String,
}

/// The text is not a place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAPlace;

impl Place {
    /// As the store takes it.
    pub(super) fn as_pair(&self) -> (i64, &str) {
        (self.at, &self.id)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.at, self.id)
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at, id) = text.split_once(':').ok_or(NotAPlace)?;
        let at = at.parse().map_err(|_| NotAPlace)?;
        let good = !id.is_empty() && id.len() <= MAX_ID && !id.chars().any(char::is_control);
        if good { Ok(Self { at, id: id.to_owned() }) } else { Err(NotAPlace) }
    }
}
