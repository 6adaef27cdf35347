//! App-proxy requests: the raw query in, a [`VerifiedProxy`] or a [`ProxyRefusal`] out.
//!
//! The algorithm is Shopify's ("Authenticate app proxies",
//! <https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies>): decode the pairs, join
//! repeats with `,`, sort the `key=value` strings by byte, concatenate, HMAC-SHA256 under the client secret. Because
//! nothing separates the pairs, one digest can fit several queries; [`verify`] therefore refuses every query that could
//! be read as another shop, customer or time, even when its digest is right. What the page itself sent stays open to
//! several readings, and so does where the path prefix ends.

use std::borrow::Cow;
use std::ops::Range;

use super::signature::ClientSecrets;
use super::{CustomerId, ShopDomain};

/// Longest raw query that is looked at, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
/// Most non-empty `&`-separated pieces a query may have.
pub const MAX_PIECES: usize = 64;
/// How far the signed timestamp may be from now, either way, in seconds.
pub const FRESHNESS_SECONDS: i64 = 90;

/// The parameters Shopify adds, each of which must be there exactly once.
const SHOP: &str = "shop";
const CUSTOMER: &str = "logged_in_customer_id";
const PATH_PREFIX: &str = "path_prefix";
const TIMESTAMP: &str = "timestamp";
const SIGNATURE: &str = "signature";

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

type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

fn decode(query: &str) -> Result<Vec<Pair<'_>>, ProxyRefusal> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(ProxyRefusal::QueryTooLong);
    }
    let mut pairs = Vec::with_capacity(8);
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == MAX_PIECES {
            return Err(ProxyRefusal::TooManyParameters);
        }
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        pairs.push((decode_component(key)?, decode_component(value)?));
    }
    Ok(pairs)
}

/// Form decoding: `+` is a space, `%XX` a byte, and the bytes are UTF-8.
fn decode_component(text: &str) -> Result<Cow<'_, str>, ProxyRefusal> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(ProxyRefusal::BadPercentEscape)?;
                u8::try_from(high * 16 + low).expect("two hex digits make a byte")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| ProxyRefusal::NotUtf8)
}

/// The one value of a parameter that must be there exactly once.
fn single<'p>(pairs: &'p [Pair<'_>], name: &'static str) -> Result<&'p str, ProxyRefusal> {
    let mut values = pairs.iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value),
        (None, _) => Err(ProxyRefusal::Missing(name)),
        (Some(_), Some(_)) => Err(ProxyRefusal::Repeated(name)),
    }
}

/// The bytes Shopify signs, or a refusal where they could be read in two ways.
fn signed_message(pairs: &[Pair<'_>]) -> Result<Vec<u8>, ProxyRefusal> {
    let mut text = String::with_capacity(256);
    let mut entries: Vec<Range<usize>> = Vec::with_capacity(pairs.len());
    for (index, (key, _)) in pairs.iter().enumerate() {
        if key == SIGNATURE || pairs[..index].iter().any(|(earlier, _)| earlier == key) {
            continue;
        }
        if key == "hmac" {
            return Err(ProxyRefusal::HmacParameter);
        }
        if key.contains('=') {
            return Err(ProxyRefusal::KeyHoldsEquals);
        }
        let start = text.len();
        text.push_str(key);
        for (nth, (_, value)) in pairs[index..].iter().filter(|(other, _)| other == key).enumerate() {
            text.push(if nth == 0 { '=' } else { ',' });
            text.push_str(value);
        }
        if key != PATH_PREFIX && text[start..].contains("path_prefix=") {
            return Err(ProxyRefusal::HiddenPathPrefix);
        }
        entries.push(start..text.len());
    }
    let bytes = text.as_bytes();
    entries.sort_unstable_by(|left, right| bytes[left.clone()].cmp(&bytes[right.clone()]));
    let message = entries.into_iter().fold(String::with_capacity(text.len()), |message, entry| message + &text[entry]);
    refuse_second_reading(&message)?;
    Ok(message.into_bytes())
}

/// Refuses a message in which a shop, customer or time stands that is not the one Shopify put there.
///
/// The verdict depends on the message alone, so every reading of one digest shares it. A customer or path prefix may
/// be named once. `shop=` and `timestamp=` do occur in the addresses pages send, so only those count that could be a
/// pair: a well-formed value, and behind it text that sorts where the next pair would have to.
fn refuse_second_reading(message: &str) -> Result<(), ProxyRefusal> {
    if message.matches("path_prefix=").count() > 1 {
        return Err(ProxyRefusal::HiddenPathPrefix);
    }
    if message.matches("logged_in_customer_id=").count() > 1 {
        return Err(ProxyRefusal::HiddenIdentity(CUSTOMER));
    }
    if could_be_pairs(message, "shop=", shop_len) > 1 {
        return Err(ProxyRefusal::HiddenIdentity(SHOP));
    }
    if could_be_pairs(message, "timestamp=", digits_len) > 1 {
        return Err(ProxyRefusal::HiddenIdentity(TIMESTAMP));
    }
    Ok(())
}

/// In how many places a pair of this key could stand; `value_len` measures a well-formed value at a text's start.
fn could_be_pairs(message: &str, key: &str, value_len: fn(&str) -> Option<usize>) -> usize {
    let pairs = message.match_indices(key).filter(|(at, _)| {
        let Some(length) = value_len(&message[at + key.len()..]) else { return false };
        let (pair, behind) = message[*at..].split_at(key.len() + length);
        // Only the timestamp can be the last pair of all.
        if behind.is_empty() { key == "timestamp=" } else { behind > pair && !behind.starts_with(key) }
    });
    pairs.count()
}

fn shop_len(text: &str) -> Option<usize> {
    const SUFFIX: &str = ".myshopify.com";
    let end = text.find('.')? + SUFFIX.len();
    text.get(..end).is_some_and(|domain| ShopDomain::parse(domain).is_ok()).then_some(end)
}

fn digits_len(text: &str) -> Option<usize> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then_some(length)
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
