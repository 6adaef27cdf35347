//! App-proxy requests: the raw query in, a [`VerifiedProxy`] or a [`ProxyRefusal`] out.
//!
//! The algorithm is Shopify's ("Authenticate app proxies",
//! <https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies>): decode the pairs, join
//! repeats with `,`, sort the `key=value` strings by byte, concatenate, HMAC-SHA256 under the client secret. Because
//! nothing separates the pairs, one digest can fit several queries; [`verify`] therefore refuses every query that could
//! be read as another shop, customer or time, even when its digest is right. What the page itself sent stays open to
//! several readings, and so does where the path prefix ends.

use super::signature::ClientSecrets;
use super::signed_query::{decode, signed_message, single};
use super::{CustomerId, ShopDomain};

/// Longest raw query that is looked at, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
/// Most non-empty `&`-separated pieces a query may have.
pub const MAX_PIECES: usize = 64;
/// How far the signed timestamp may be from now, either way, in seconds.
pub const FRESHNESS_SECONDS: i64 = 90;

/// The parameters Shopify adds, each of which must be there exactly once.
pub(super) const SHOP: &str = "shop";
pub(super) const CUSTOMER: &str = "logged_in_customer_id";
pub(super) const PATH_PREFIX: &str = "path_prefix";
pub(super) const TIMESTAMP: &str = "timestamp";
pub(super) const SIGNATURE: &str = "signature";

/// A request Shopify's app proxy signed: the only way to a shop or a customer.
///
/// The fields are private and [`verify`] is the only constructor, so holding a value is the proof.
#[derive(Debug, Clone)]
pub struct VerifiedProxy {
    shop: ShopDomain,
    customer: Option<CustomerId>,
    path_prefix: String,
    params: Vec<(String, String)>,
    secret_index: usize,
}

impl VerifiedProxy {
    /// The shop whose storefront was visited.
    #[must_use]
    pub fn shop(&self) -> &ShopDomain {
        &self.shop
    }

    /// The signed-in customer, or `None` when nobody is signed in.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        self.customer.as_ref()
    }

    /// Where the proxy is mounted on this storefront, e.g. `/apps/subtotal`; a merchant may have changed it.
    #[must_use]
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// Every value the page itself sent under `name`, in order. Shopify's own parameters are not among them.
    pub fn param<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Which client secret verified the request: 0 is the newest.
    #[must_use]
    pub fn secret_index(&self) -> usize {
        self.secret_index
    }
}

/// Why a query was refused. For the log, a counter and `explain-proxy`; never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyRefusal {
    /// More than [`MAX_QUERY_BYTES`].
    #[error("the query is longer than {MAX_QUERY_BYTES} bytes")]
    QueryTooLong,
    /// More than [`MAX_PIECES`].
    #[error("the query has more than {MAX_PIECES} parameters")]
    TooManyParameters,
    /// A `%` without two hex digits behind it.
    #[error("the query has a percent sign that two hex digits do not follow")]
    BadPercentEscape,
    /// Bytes that are not UTF-8 once decoded.
    #[error("the query is not UTF-8 once decoded")]
    NotUtf8,
    /// A key with an encoded `=` in it.
    #[error("a parameter's name holds an equals sign")]
    KeyHoldsEquals,
    /// An `hmac` parameter, which belongs to another of Shopify's algorithms.
    #[error("the query has an hmac parameter, which app-proxy requests do not have")]
    HmacParameter,
    /// The pair string of another key holds `path_prefix=`.
    #[error("a parameter hides path_prefix= in its name or value")]
    HiddenPathPrefix,
    /// The page's parameters could also be read as this one of Shopify's.
    #[error("a parameter hides {0}= in its name or value")]
    HiddenIdentity(&'static str),
    /// One of Shopify's parameters is missing.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// One of Shopify's parameters is there more than once.
    #[error("the parameter {0} is there more than once")]
    Repeated(&'static str),
    /// Not 64 lower-case hex digits.
    #[error("the signature is not 64 lower-case hex digits")]
    MalformedSignature,
    /// No client secret gives this signature.
    #[error(
        "the signature does not match: the query was changed, or signed with a client secret that is not configured"
    )]
    WrongSignature,
    /// Not plain digits.
    #[error("the timestamp is not a plain whole number of seconds")]
    MalformedTimestamp,
    /// Too far from now.
    #[error("the timestamp is more than {FRESHNESS_SECONDS} s from now")]
    StaleTimestamp,
    /// Not a `myshopify.com` domain.
    #[error("the shop is not a {{name}}.myshopify.com domain")]
    InvalidShop,
    /// Neither empty nor a number.
    #[error("logged_in_customer_id is neither empty nor a customer number")]
    InvalidCustomer,
    /// Not a path an app proxy can be mounted on.
    #[error("path_prefix is not a path an app proxy can stand under")]
    InvalidPathPrefix,
}

impl ProxyRefusal {
    /// A short constant name for counters and logs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::QueryTooLong => "query_too_long",
            Self::TooManyParameters => "too_many_parameters",
            Self::BadPercentEscape => "bad_percent_escape",
            Self::NotUtf8 => "not_utf8",
            Self::KeyHoldsEquals => "key_holds_equals",
            Self::HmacParameter => "hmac_parameter",
            Self::HiddenPathPrefix => "hidden_path_prefix",
            Self::HiddenIdentity(_) => "hidden_identity",
            Self::Missing(_) => "missing_parameter",
            Self::Repeated(_) => "repeated_parameter",
            Self::MalformedSignature => "malformed_signature",
            Self::WrongSignature => "wrong_signature",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::StaleTimestamp => "stale_timestamp",
            Self::InvalidShop => "invalid_shop",
            Self::InvalidCustomer => "invalid_customer",
            Self::InvalidPathPrefix => "invalid_path_prefix",
        }
    }
}

/// Verifies a raw query string as received, before any framework decoded it.
///
/// `now` is Unix time in seconds.
///
/// # Errors
/// The first check that fails, as a [`ProxyRefusal`].
pub fn verify(query: &str, secrets: &ClientSecrets, now: i64) -> Result<VerifiedProxy, ProxyRefusal> {
    let pairs = decode(query)?;
    let signature = single(&pairs, SIGNATURE)?;
    let digest = parse_signature(signature)?;
    let secret_index = secrets.verify(&signed_message(&pairs)?, &digest).ok_or(ProxyRefusal::WrongSignature)?;

    let timestamp = parse_timestamp(single(&pairs, TIMESTAMP)?)?;
    if now.saturating_sub(timestamp).unsigned_abs() > FRESHNESS_SECONDS.unsigned_abs() {
        return Err(ProxyRefusal::StaleTimestamp);
    }
    let shop = ShopDomain::parse(single(&pairs, SHOP)?).map_err(|_| ProxyRefusal::InvalidShop)?;
    let customer = match single(&pairs, CUSTOMER)? {
        "" => None,
        id => Some(CustomerId::parse(id).map_err(|_| ProxyRefusal::InvalidCustomer)?),
    };
    let path_prefix = single(&pairs, PATH_PREFIX)?;
    if !is_path_prefix(path_prefix) {
        return Err(ProxyRefusal::InvalidPathPrefix);
    }
    let path_prefix = path_prefix.to_owned();
    let params = pairs
        .into_iter()
        .filter(|(key, _)| ![SHOP, CUSTOMER, PATH_PREFIX, TIMESTAMP, SIGNATURE].contains(&key.as_ref()))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    Ok(VerifiedProxy { shop, customer, path_prefix, params, secret_index })
}

/// The signature Shopify's app proxy would add to `query`, which must not have one yet.
///
/// For the `sign` command and the demo's app proxy.
///
/// # Errors
/// A [`ProxyRefusal`] when the query can not be decoded or could be read in two ways.
pub fn sign(query: &str, secrets: &ClientSecrets) -> Result<String, ProxyRefusal> {
    let pairs = decode(query)?;
    if pairs.iter().any(|(key, _)| key == SIGNATURE) {
        return Err(ProxyRefusal::Repeated(SIGNATURE));
    }
    Ok(secrets.sign_hex(&signed_message(&pairs)?))
}

/// The seconds a signed query's timestamp lies before `now` (negative: ahead of it), when it has a readable one.
#[must_use]
pub fn age_seconds(query: &str, now: i64) -> Option<i64> {
    let pairs = decode(query).ok()?;
    let timestamp = parse_timestamp(single(&pairs, TIMESTAMP).ok()?).ok()?;
    Some(now.saturating_sub(timestamp))
}

fn parse_signature(text: &str) -> Result<[u8; 32], ProxyRefusal> {
    let mut digest = [0; 32];
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !lower || hex::decode_to_slice(text, &mut digest).is_err() {
        return Err(ProxyRefusal::MalformedSignature);
    }
    Ok(digest)
}

fn parse_timestamp(text: &str) -> Result<i64, ProxyRefusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ProxyRefusal::MalformedTimestamp);
    }
    text.parse().map_err(|_| ProxyRefusal::MalformedTimestamp)
}

/// `\A/(a|apps|community|tools)/[A-Za-z0-9_-]{1,30}\z`
fn is_path_prefix(text: &str) -> bool {
    let Some((prefix, subpath)) = text.strip_prefix('/').and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    ["a", "apps", "community", "tools"].contains(&prefix)
        && (1..=30).contains(&subpath.len())
        && subpath.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
