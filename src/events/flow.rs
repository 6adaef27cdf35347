//! What happened, as Shopify Flow is told of it. Handles and keys are those of `extensions/*/shopify.extension.toml`; a
//! test holds them together (<https://shopify.dev/docs/apps/build/flow/triggers/reference>).

use serde_json::{Map, Value, json};

use super::happening::{Happening, HappeningKind};

/// Longest text that is put into one field, in bytes of JSON: Flow takes payloads below 50,000 bytes, and six fields hold text.
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
    put("Connection ID", shortened(&happening.connection_id).into());
    put("Retailer ID", shortened(&happening.retailer_id).into());
    let handle = match happening.kind {
        HappeningKind::Connected => "subtotal-connection-activated",
        HappeningKind::Reauthenticated => "subtotal-connection-reauthenticated",
        HappeningKind::Unauthenticated | HappeningKind::Disconnected => {
            // A part of it would lead nowhere.
            put("Link URL", link_url.filter(|url| url.len() <= MAX_TEXT).into());
            match happening.kind {
                HappeningKind::Disconnected => "subtotal-connection-disconnected",
                _ => "subtotal-connection-unauthenticated",
            }
        }
        HappeningKind::Purchased => {
            let purchase = happening.purchase.as_ref()?;
            put("Purchase ID", shortened(&purchase.purchase_id).into());
            put("Purchase date", shortened(&purchase.date).into());
            match purchase.items.first().filter(|_| part > 0) {
                Some(item) => {
                    put("Product name", shortened(&item.name).into());
                    put("Brand", item.brand.as_deref().map(shortened).into());
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

/// At most [`MAX_TEXT`] bytes of JSON, cut between characters.
fn shortened(text: &str) -> &str {
    let mut length = 0;
    let end = text.char_indices().find(|(_, character)| {
        length += match character {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            control if control.is_ascii_control() => 6,
            character => character.len_utf8(),
        };
        length > MAX_TEXT
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::happening::{Purchase, PurchaseItem};

    #[test]
    fn whatever_a_purchase_says_its_triggers_fit() {
        for letter in ["x", "é", "\"", "\0"] {
            let long = letter.repeat(60_000);
            let item = PurchaseItem {
                name: long.clone(),
                brand: Some(long.clone()),
                upc: Some("7".repeat(64)),
                price: Some(f64::MIN),
                quantity: Some(f64::MIN),
            };
            let happening = Happening {
                id: "purchase:1".to_owned(),
                kind: HappeningKind::Purchased,
                at: 0,
                is_simulated: false,
                connection_id: long.clone(),
                retailer_id: long.clone(),
                customer_id: Some("7001".to_owned()),
                email: None,
                mobile: None,
                purchase: Some(Purchase {
                    purchase_id: long.clone(),
                    date: long.clone(),
                    item_count: i64::MIN,
                    subtotal: Some(f64::MIN),
                    tax: Some(f64::MIN),
                    total: Some(f64::MIN),
                    brands: vec![long.clone(); 2],
                    upcs: vec![long.clone(); 2],
                    items: vec![item],
                }),
            };
            for part in 0..2 {
                let length = trigger(&happening, part, None).unwrap().payload.to_string().len();
                assert!((40_000..50_000).contains(&length), "{length} bytes of {letter:?}");
            }
        }
    }

    #[test]
    fn a_link_that_is_too_long_is_left_out_and_not_cut() {
        let happening = crate::events::invented::invented(
            HappeningKind::Disconnected,
            crate::events::invented::Whom { customer_id: Some("7001".to_owned()), ..Default::default() },
            "walmart".to_owned(),
            ulid::Ulid::from_parts(0, 1),
            0,
        );
        let link = |length: usize| {
            let url = format!("https://link.subtotal.com/{}", "x".repeat(length));
            trigger(&happening, 0, Some(&url)).unwrap().payload.get("Link URL").cloned()
        };
        assert!(link(10).is_some());
        assert_eq!(link(9_000), None);
    }
}
