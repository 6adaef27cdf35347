//! Queries as Shopify's app proxy signs them; written apart from what verifies them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtotal_connect::clock::Clock;

/// A time half a minute ahead, so that what is signed with it stays good for two.
pub(crate) fn time() -> i64 {
    Clock::system().unix_seconds() + 30
}

/// A query of this customer of this shop, and no parameter of a page.
pub(crate) fn query(secret: &str, shop: &str, customer: usize, time: i64) -> String {
    let message = format!("logged_in_customer_id={customer}path_prefix=/apps/subtotalshop={shop}timestamp={time}");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(message);
    let signature = hex::encode(mac.finalize().into_bytes());
    format!(
        "shop={shop}&logged_in_customer_id={customer}&path_prefix=%2Fapps%2Fsubtotal&timestamp={time}&signature={signature}"
    )
}
