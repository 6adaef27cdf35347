//! Where a sign-in may lead back to: a path on this storefront, never another site.

use std::fmt;

use url::Url;

/// Longest return path that is looked at; it may carry a whole `redirect_url`.
const MAX_BYTES: usize = 8 * 1024;

/// A root-relative path with its query and fragment, percent-encoded and fit for a `Location` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReturnPath(String);

impl ReturnPath {
    /// Parses a path as a browser would and keeps it only when it stays on the storefront: no scheme, no `//`, no
    /// backslash, no control character.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= MAX_BYTES
            && text.starts_with('/')
            && !text.starts_with("//")
            && !text.chars().any(|character| character == '\\' || character.is_control());
        let base = Url::parse("http://storefront.invalid/").expect("the base is a constant URL");
        let url = plain.then(|| base.join(text).ok())?.filter(|url| url.origin() == base.origin())?;
        Some(Self(url[url::Position::BeforePath..].to_owned())).filter(|path| !path.0.starts_with("//"))
    }

    /// The path, or the account page where Shopify lands without one.
    pub(super) fn or_account(text: Option<&str>) -> Self {
        text.and_then(Self::parse).unwrap_or_else(|| Self("/account".to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ReturnPath;

    #[test]
    fn only_paths_on_this_storefront_are_kept() {
        for (text, kept) in [
            ("/", "/"),
            ("/account?x=1#link-accounts", "/account?x=1#link-accounts"),
            (
                "/apps/subtotal/link/zk?redirect_url=https%3A%2F%2Fa.b%2Fc",
                "/apps/subtotal/link/zk?redirect_url=https%3A%2F%2Fa.b%2Fc",
            ),
            ("/caf\u{e9}", "/caf%C3%A9"),
        ] {
            assert_eq!(ReturnPath::parse(text).unwrap().as_str(), kept);
        }
        for text in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=1",
            "javascript:alert(1)",
            "/.//evil.example",
            "/a/..//evil.example",
        ] {
            assert_eq!(ReturnPath::parse(text), None, "{text:?}");
        }
    }
}
