//! What stands in a visibility list: an e-mail address, or a domain that covers every address at it.

use std::borrow::Borrow;
use std::fmt;

use email_address::EmailAddress;

/// Longest entry, in bytes, that is looked at. Longer than any address RFC 5321 allows.
const MAX_BYTES: usize = 320;

/// A list entry in its one canonical spelling: lower case, the domain in its ASCII (IDNA) form, and a domain entry
/// written `@example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry(String);

/// Why a text is not a list entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    /// Nothing, or only white space.
    #[error("is empty")]
    Empty,
    /// More than 320 bytes.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Neither an e-mail address nor a domain.
    #[error("is neither an e-mail address (name@example.com) nor a domain (example.com)")]
    Malformed,
}

impl Entry {
    /// Parses `name@example.com`, `example.com` or `@example.com`; white space around it is dropped.
    ///
    /// # Errors
    /// [`InvalidEntry`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidEntry> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidEntry::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidEntry::TooLong);
        }
        match text.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() => {
                ShopperEmail::from_parts(local, domain).map(|email| Self(email.address))
            }
            Some((_, domain)) => canonical_domain(domain).map(|domain| Self(format!("@{domain}"))),
            None => canonical_domain(text).map(|domain| Self(format!("@{domain}"))),
        }
        .ok_or(InvalidEntry::Malformed)
    }

    /// An entry that was parsed before, as it was stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain part, `@example.com`, which is the whole of a domain entry.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rfind('@').map_or(self.as_str(), |at| &self.0[at..])
    }
}

impl Borrow<str> for Entry {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A shopper's e-mail address in the canonical spelling of entries. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ShopperEmail {
    address: String,
    at: usize,
}

impl ShopperEmail {
    /// Parses an address as Shopify gives it; `None` for what is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        Self::from_parts(local, domain)
    }

    fn from_parts(local: &str, domain: &str) -> Option<Self> {
        let local = local.to_lowercase();
        let domain = canonical_domain(domain)?;
        let address = format!("{local}@{domain}");
        EmailAddress::is_valid(&address).then_some(Self { at: local.len(), address })
    }

    /// The entry that names exactly this address.
    #[must_use]
    pub fn as_address_entry(&self) -> &str {
        &self.address
    }

    /// The entry that names this address's domain, `@example.com`.
    #[must_use]
    pub fn as_domain_entry(&self) -> &str {
        &self.address[self.at..]
    }
}

impl fmt::Debug for ShopperEmail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ShopperEmail(…)")
    }
}

/// Lower case, ASCII by IDNA (UTS 46), with at least two labels.
fn canonical_domain(text: &str) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(text).ok()?;
    let labelled = domain.contains('.') && !domain.ends_with('.') && !domain.split('.').any(str::is_empty);
    labelled.then_some(domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_entry_are_one_entry() {
        for (spelling, canonical) in [
            ("Alice@Example.COM", "alice@example.com"),
            ("  alice@example.com\r", "alice@example.com"),
            ("example.com", "@example.com"),
            ("@Example.Com", "@example.com"),
            ("bücher.example", "@xn--bcher-kva.example"),
            ("BÜCHER.example", "@xn--bcher-kva.example"),
            ("@xn--bcher-kva.example", "@xn--bcher-kva.example"),
            ("käufer@bücher.example", "käufer@xn--bcher-kva.example"),
        ] {
            assert_eq!(Entry::parse(spelling).unwrap().as_str(), canonical, "{spelling:?}");
        }
    }

    #[test]
    fn what_is_neither_address_nor_domain_is_refused() {
        assert_eq!(Entry::parse("  "), Err(InvalidEntry::Empty));
        assert_eq!(Entry::parse(&"a".repeat(400)), Err(InvalidEntry::TooLong));
        for bad in [
            "alice",
            "@",
            "a@",
            "a b@example.com",
            "alice@localhost",
            "example..com",
            ".example.com",
            "example.com.",
            "alice@exa mple.com",
            "*@example.com.",
            "https://example.com",
            "exa_mple.com",
            "a@b@",
            "-x.com",
        ] {
            assert_eq!(Entry::parse(bad), Err(InvalidEntry::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_domain_does_not_cover_its_subdomains() {
        let email = ShopperEmail::parse("a@mail.example.com").unwrap();
        assert_eq!(email.as_domain_entry(), "@mail.example.com");
        assert_eq!(email.as_address_entry(), "a@mail.example.com");
    }

    proptest! {
        #[test]
        fn case_never_matters(local in "[a-z][a-z0-9.]{0,8}[a-z]", domain in "[a-zü]{2,8}\\.(com|example)") {
            let address = format!("{local}@{domain}");
            prop_assume!(!local.contains(".."));
            let lower = ShopperEmail::parse(&address).unwrap();
            let upper = ShopperEmail::parse(&address.to_uppercase()).unwrap();
            prop_assert_eq!(&lower, &upper);
            let entry = Entry::parse(&address.to_uppercase()).unwrap();
            prop_assert_eq!(entry.as_str(), lower.as_address_entry());
            let ascii = idna::domain_to_ascii(&domain).unwrap();
            let domain_entry = Entry::parse(&ascii).unwrap();
            prop_assert_eq!(domain_entry.as_str(), lower.as_domain_entry());
        }

        #[test]
        fn parsing_is_idempotent(text in "\\PC{0,40}") {
            if let Ok(entry) = Entry::parse(&text) {
                prop_assert_eq!(Entry::parse(entry.as_str()).unwrap(), entry);
            }
        }
    }

    #[test]
    fn a_text_has_320_bytes_at_most_before_it_is_made_canonical() {
        // Full-width letters, which take three bytes and become one.
        let of = |bytes: usize| {
            let start = format!("a@{}.{}.com.", "ｘ".repeat(60), "ｙ".repeat(40));
            format!("{start}{}", "z".repeat(bytes - start.len()))
        };
        assert!(Entry::parse(&of(MAX_BYTES)).is_ok() && ShopperEmail::parse(&of(MAX_BYTES)).is_some());
        assert_eq!(Entry::parse(&of(MAX_BYTES + 1)), Err(InvalidEntry::TooLong));
        assert_eq!(ShopperEmail::parse(&of(MAX_BYTES + 1)), None);
    }

    #[test]
    fn an_entry_is_shown_and_a_shopper_is_not() {
        assert_eq!(Entry::parse("A@X.com").unwrap().to_string(), "a@x.com");
        assert_eq!(format!("{:?}", ShopperEmail::parse("a@x.com").unwrap()), "ShopperEmail(…)");
    }
}
