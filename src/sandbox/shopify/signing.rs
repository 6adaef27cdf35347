//! How Shopify itself signs a proxied query: whatever the visitor sent, without a look at what it could mean.
//!
//! Kept apart from [`crate::shopify::proxy`] on purpose. That module refuses to sign what could be read in two ways;
//! Shopify does not, and the demo must be able to show that such a query is refused although its digest is right.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::shopify::ClientSecrets;

/// The hex digest Shopify puts into `signature` for `query`, of which a visitor's own `signature` is no part.
pub(super) fn signature_of(query: &str, secrets: &ClientSecrets) -> String {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != "signature") {
        values.entry(key.into_owned()).or_default().push(value.into_owned());
    }
    let mut pairs: Vec<String> =
        values.into_iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
    pairs.sort_unstable();
    secrets.sign_hex(pairs.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::signature_of;
    use crate::shopify::ClientSecrets;

    #[test]
    fn shopifys_published_examples_come_out() {
        let secrets = ClientSecrets::new(&["hush".into()]);
        let rest = "path_prefix=%2Fapps%2Fawesome_reviews&shop=shop-name.myshopify.com&timestamp=1317327555";
        for (customer, signature) in [
            ("1", "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"),
            ("", "e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb"),
        ] {
            let query = format!("extra=1&extra=2&logged_in_customer_id={customer}&{rest}");
            assert_eq!(signature_of(&query, &secrets), signature);
        }
    }
}
