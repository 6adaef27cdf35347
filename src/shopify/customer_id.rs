//! A shopper's id in the shop: Shopify's numeric customer id.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A Shopify customer id: `[1-9][0-9]{0,19}`, kept as text because other systems take it unchanged.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CustomerId(Box<str>);

/// The text is not a numeric customer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a customer id: expected 1 to 20 digits without a leading zero")]
pub struct InvalidCustomerId;

impl CustomerId {
    /// Parses a numeric customer id.
    ///
    /// # Errors
    /// [`InvalidCustomerId`] for anything but 1 to 20 digits without a leading zero.
    pub fn parse(text: &str) -> Result<Self, InvalidCustomerId> {
        let digits = text.as_bytes();
        let shaped = (1..=20).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
        if shaped { Ok(Self(text.into())) } else { Err(InvalidCustomerId) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.0.into()
    }
}

impl TryFrom<String> for CustomerId {
    type Error = InvalidCustomerId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for CustomerId {
    type Err = InvalidCustomerId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_number_parses_and_is_shown_as_it_came() {
        for good in ["1", "7001", "18446744073709551615", "99999999999999999999"] {
            let id = CustomerId::parse(good).unwrap();
            assert_eq!((id.as_str(), format!("{id}"), format!("{id:?}")), (good, good.to_owned(), good.to_owned()));
            assert_eq!(String::from(id), good);
        }
        for bad in ["", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "x", "１", "100000000000000000000"] {
            assert!(CustomerId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
