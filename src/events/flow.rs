//! What happened, as Shopify Flow is told of it. Handles and keys are those of `extensions/*/shopify.extension.toml`; a
//! test holds them together (<https://shopify.dev/docs/apps/build/flow/triggers/reference>).

use serde_json::{Map, Value, json};

use super::happening::{Happening, HappeningKind};

/// Longest text that is put into one field, in bytes: Flow takes payloads below 50,000 bytes.
const MAX_TEXT: usize = 8_000;

/// A trigger to fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Which one.
    pub handle: &'static str,
    /// Its fields, by key.
    pub payload: Value,
}

/// The trigger for a delivery: for part 0 the event's own, and for an item of a purchase that of the product. `None`
/// when Subtotal does not know the customer, whom every trigger names.
#[must_use]
pub fn trigger(happening: &Happening, part: i32, link_url: Option<&str>) -> Option<Trigger> {
    let customer: u64 = happening.customer_id.as_deref()?.parse().ok()?;
    let mut fields = Map::new();
    fields.insert("customer_id".to_owned(), customer.into());
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            fields.insert(key.to_owned(), value);
        }
    };
    put("Connection ID", happening.connection_id.clone().into());
    put("Retailer ID", happening.retailer_id.clone().into());
    let handle = match happening.kind {
        HappeningKind::Connected => "subtotal-connection-activated",
        HappeningKind::Reauthenticated => "subtotal-connection-reauthenticated",
        HappeningKind::Unauthenticated | HappeningKind::Disconnected => {
            put("Link URL", link_url.into());
            match happening.kind {
                HappeningKind::Disconnected => "subtotal-connection-disconnected",
                _ => "subtotal-connection-unauthenticated",
            }
        }
        HappeningKind::Purchased => {
            let purchase = happening.purchase.as_ref()?;
            put("Purchase ID", purchase.purchase_id.clone().into());
            put("Purchase date", purchase.date.clone().into());
            match purchase.items.first().filter(|_| part > 0) {
                Some(item) => {
                    put("Product name", shortened(&item.name).into());
                    put("Brand", item.brand.clone().into());
                    put("UPC", item.upc.clone().into());
                    put("Price", item.price.into());
                    put("Quantity", item.quantity.into());
                    "subtotal-product-purchased"
                }
                None => {
                    put("Item count", purchase.item_count.into());
                    put("Subtotal", purchase.subtotal.into());
                    put("Tax", purchase.tax.into());
                    put("Total", purchase.total.into());
                    put("Brands", shortened(&purchase.brands.join(", ")).into());
                    put("UPCs", shortened(&purchase.upcs.join(", ")).into());
                    "subtotal-purchase-created"
                }
            }
        }
    };
    Some(Trigger { handle, payload: json!(fields) })
}

/// At most [`MAX_TEXT`] bytes, cut between characters.
fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}
