//! Shopify's app-proxy signature, written from its documentation and apart from `src`.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The hex digest for a query without a signature.
pub(crate) fn signature(secret: &str, query: &str) -> String {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        values.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    let mut pairs: Vec<String> = values.iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
    pairs.sort();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(pairs.concat().as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// `query` with its signature at the end.
pub(crate) fn signed(secret: &str, query: &str) -> String {
    format!("{query}&signature={}", signature(secret, query))
}
