//! A shop's permanent domain, `{name}.myshopify.com`.

use std::fmt;

const SUFFIX: &str = ".myshopify.com";

/// A shop's permanent domain: `\A[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com\z` and nothing else.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShopDomain(Box<str>);

/// The text is not a shop's permanent domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a shop domain: expected lower-case {{name}}.myshopify.com")]
pub struct InvalidShopDomain;

impl ShopDomain {
    /// Parses exactly a permanent domain: lower case, no scheme, port, path or surrounding space.
    ///
    /// # Errors
    /// [`InvalidShopDomain`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidShopDomain> {
        if Self::is_one(text) { Ok(Self(text.into())) } else { Err(InvalidShopDomain) }
    }

    /// Whether the text parses.
    pub(super) fn is_one(text: &str) -> bool {
        let Some(name) = text.strip_suffix(SUFFIX).map(str::as_bytes) else { return false };
        let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=63).contains(&name.len())
            && alphanumeric(&name[0])
            && name.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
    }

    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ShopDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for ShopDomain {
    type Err = InvalidShopDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_permanent_domains_parse() {
        for good in ["a.myshopify.com", "shop-name.myshopify.com", "0x.myshopify.com", "a-.myshopify.com"] {
            assert_eq!(ShopDomain::parse(good).unwrap().as_str(), good);
        }
        let long = format!("{}.myshopify.com", "a".repeat(64));
        for bad in [
            "",
            ".myshopify.com",
            "myshopify.com",
            "evil.com",
            "x.myshopify.com.evil.com",
            "x.myshopify.com/",
            "x.myshopify.com\n",
            "-x.myshopify.com",
            "a@x.myshopify.com",
            "x.myshopify.com:443",
            "X.myshopify.com",
            "admin.shopify.com",
            "a.b.myshopify.com",
            " x.myshopify.com",
            "x_y.myshopify.com",
            "é.myshopify.com",
            &long,
        ] {
            assert!(ShopDomain::parse(bad).is_err(), "{bad:?}");
        }
    }
}
