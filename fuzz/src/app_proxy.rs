//! App-proxy signatures, from Shopify's page "Authenticate app proxies", section 1 of the contract and decision 1.

use std::collections::BTreeMap;

use crate::digest::{hex, hmac_sha256};
use crate::shapes::{is_customer, is_digits, is_path_prefix, is_shop, time};

const RESERVED: [&str; 5] = ["shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature"];

/// What an accepted query says.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whose storefront it is.
    pub shop: String,
    /// Empty when nobody is signed in.
    pub customer: String,
    /// Where the proxy is mounted.
    pub path_prefix: String,
    /// The page's own parameters, in order.
    pub page: Vec<(String, String)>,
    /// Which secret signed it.
    pub secret: usize,
}

/// Accepts or refuses a raw query that arrived at `now`, Unix seconds.
#[must_use]
pub fn accept(query: &str, secrets: &[&str], now: i64) -> Option<Accepted> {
    if query.len() > 8 * 1024 || query.split('&').filter(|piece| !piece.is_empty()).count() > 64 {
        return None;
    }
    let pairs = pairs(query)?;
    if pairs.iter().any(|(name, _)| name == "hmac" || name.contains('=')) {
        return None;
    }
    let signature = the_one(&pairs, "signature")?;
    let message = message(&pairs);
    let secret =
        secrets.iter().position(|secret| hex(&hmac_sha256(secret.as_bytes(), message.as_bytes())) == signature)?;

    let (shop, customer) = (the_one(&pairs, "shop")?, the_one(&pairs, "logged_in_customer_id")?);
    let (path_prefix, timestamp) = (the_one(&pairs, "path_prefix")?, the_one(&pairs, "timestamp")?);
    let is_fresh = (i128::from(now) - i128::from(time(&timestamp)?)).abs() <= 90;
    let is_well_formed =
        is_shop(&shop) && (customer.is_empty() || is_customer(&customer)) && is_path_prefix(&path_prefix);
    if !is_fresh || !is_well_formed || hides_path_prefix(&pairs) || has_second_reading(&message) {
        return None;
    }
    let page = pairs.into_iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())).collect();
    Some(Accepted { shop, customer, path_prefix, page, secret })
}

/// The signature that Shopify would give a query, whatever else is wrong with it. `None` when it can not be decoded.
#[must_use]
pub fn signature(query: &str, secret: &str) -> Option<String> {
    Some(hex(&hmac_sha256(secret.as_bytes(), signed_text(query)?.as_bytes())))
}

/// What Shopify would sign of a query.
#[must_use]
pub fn signed_text(query: &str) -> Option<String> {
    Some(message(&pairs(query)?))
}

/// The time a query says it was signed at.
#[must_use]
pub fn signed_at(query: &str) -> Option<i64> {
    time(&the_one(&pairs(query)?, "timestamp")?)
}

fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for piece in query.split('&') {
        if piece.is_empty() {
            continue;
        }
        let (name, value) = match piece.find('=') {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, ""),
        };
        pairs.push((form_decoded(name)?, form_decoded(value)?));
    }
    Some(pairs)
}

fn form_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                decoded.push(u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok()?);
                at += 2;
            }
            b'+' => decoded.push(b' '),
            byte => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).ok()
}

fn the_one(pairs: &[(String, String)], name: &str) -> Option<String> {
    let values: Vec<&String> = pairs.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
    if let [value] = values[..] { Some(value.clone()) } else { None }
}

/// Each name with its values, joined by commas; not the signature.
fn joined(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs.iter().filter(|(name, _)| name != "signature") {
        values.entry(name).or_default().push(value);
    }
    values.into_iter().map(|(name, values)| (name.to_owned(), format!("{name}={}", values.join(",")))).collect()
}

/// The sorted `name=values`, with nothing between them.
fn message(pairs: &[(String, String)]) -> String {
    let mut strings: Vec<String> = joined(pairs).into_iter().map(|(_, string)| string).collect();
    strings.sort();
    strings.concat()
}

fn hides_path_prefix(pairs: &[(String, String)]) -> bool {
    joined(pairs).iter().any(|(name, string)| name != "path_prefix" && string.contains("path_prefix="))
}

/// Whether the message could name another shop, customer or time as well (decision 1).
fn has_second_reading(message: &str) -> bool {
    message.matches("path_prefix=").count() > 1
        || message.matches("logged_in_customer_id=").count() > 1
        || places_of_a_pair(message, "shop=", is_shop) > 1
        || places_of_a_pair(message, "timestamp=", is_digits) > 1
}

/// In how many places a pair could stand: with a well-formed value, and what follows sorts behind it.
fn places_of_a_pair(message: &str, name: &str, is_value: fn(&str) -> bool) -> usize {
    let ends_a_value = |letter: char| !matches!(letter, 'a'..='z' | '0'..='9' | '-' | '.');
    let could_stand = |start: usize| {
        let value = start + name.len();
        let longest = message[value..].find(ends_a_value).unwrap_or(message.len() - value);
        (value..=value + longest).filter(|end| is_value(&message[value..*end])).any(|end| {
            let (pair, behind) = (&message[start..end], &message[end..]);
            if behind.is_empty() { name == "timestamp=" } else { behind > pair && !behind.starts_with(name) }
        })
    };
    message.match_indices(name).filter(|(start, _)| could_stand(*start)).count()
}
