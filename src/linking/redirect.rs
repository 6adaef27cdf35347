//! Where a shopper may be sent back to. One URL parser decides, and whole hosts are compared, never prefixes.
//!
//! What is allowed is answered in the parser's own spelling, so a browser reads the same host this check read
//! (WHATWG URL, <https://url.spec.whatwg.org/>).

use url::{Host, Url};

use crate::shopify::ShopDomain;

/// Longest redirect URL, in characters.
const MAX_CHARACTERS: usize = 2048;

/// An absolute URL on a host the shop allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUrl(Url);

/// The text is not a URL the shop allows redirects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an https URL on one of the shop's hosts, nor a path that starts with one slash")]
pub struct RedirectNotAllowed;

/// The storefront the shopper is on: a host without its port, but with it on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorefrontHost(Url);

/// The hosts a redirect may lead to.
#[derive(Debug, Clone, Copy)]
pub struct AllowedHosts<'a> {
    /// The shop's permanent domain.
    pub shop: &'a ShopDomain,
    /// The storefront the shopper is on.
    pub storefront: &'a StorefrontHost,
    /// Further hosts, lower case and in ASCII form.
    pub known: &'a [&'a [String]],
}

impl StorefrontHost {
    /// From the `X-Forwarded-Host` Shopify sends, or the shop's permanent domain where there is none to read.
    #[must_use]
    pub fn from_forwarded(header: Option<&str>, shop: &ShopDomain) -> Self {
        let forwarded = header.and_then(|value| value.split(',').next()).and_then(|host| parse_authority(host.trim()));
        Self(forwarded.unwrap_or_else(|| Url::parse(&format!("https://{shop}/")).expect("a shop domain is a host")))
    }

    /// The storefront's home page.
    #[must_use]
    pub fn home(&self) -> RedirectUrl {
        RedirectUrl(self.0.clone())
    }
}

impl RedirectUrl {
    /// Parses an absolute URL, or a root-relative path that the storefront's host completes.
    ///
    /// # Errors
    /// [`RedirectNotAllowed`] for everything that could lead anywhere but the allowed hosts.
    pub fn parse(text: &str, hosts: AllowedHosts<'_>) -> Result<Self, RedirectNotAllowed> {
        let forbidden = |character: char| character.is_control() || character == '\\';
        if text.chars().count() > MAX_CHARACTERS || text.contains(forbidden) || text.trim() != text {
            return Err(RedirectNotAllowed);
        }
        let url = if text.starts_with('/') && !text.starts_with("//") {
            hosts.storefront.0.join(text)
        } else if has_scheme(text, "https://") || has_scheme(text, "http://") {
            Url::parse(text)
        } else {
            return Err(RedirectNotAllowed);
        };
        let url = url.map_err(|_| RedirectNotAllowed)?;
        if hosts.allow(&url) { Ok(Self(url)) } else { Err(RedirectNotAllowed) }
    }

    /// The URL in the parser's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl AllowedHosts<'_> {
    fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let loopback = is_loopback(url);
        let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let port_fits = url.port().is_none() || loopback;
        let no_user = url.username().is_empty() && url.password().is_none();
        let known = host == self.shop.as_str()
            || self.storefront.0.host_str() == Some(host)
            || self.known.iter().any(|hosts| hosts.iter().any(|known| known == host));
        scheme_fits && port_fits && no_user && known
    }
}

/// A host name for the shop's lists: lower case, ASCII form, no port.
#[must_use]
pub fn parse_host(text: &str) -> Option<String> {
    // Hosts are compared whole, so a wildcard would allow nothing while it seems to allow much. One may come as `%2A`.
    let url = parse_authority(text).filter(|url| !url.host_str().is_some_and(|host| host.contains('*')))?;
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port && !text.ends_with(']') { None } else { url.host_str().map(str::to_owned) }
}

/// `host` or `host:port` as the base URL of a storefront; the port is kept on loopback only.
fn parse_authority(text: &str) -> Option<Url> {
    if text.is_empty() || text.contains(['/', '\\', '?', '#', '@']) || text.contains(char::is_whitespace) {
        return None;
    }
    let mut url = Url::parse(&format!("http://{text}/")).ok()?;
    if !is_loopback(&url) {
        url = Url::parse(&format!("https://{}/", url.host_str()?)).ok()?;
    }
    Some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
