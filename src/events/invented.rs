//! Something that might have happened, for a merchant who wants to see what Klaviyo or Flow does with it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use ulid::Ulid;

use super::happening::{Happening, HappeningKind, Purchase, PurchaseItem};

/// Begins the id of everything invented.
pub const TEST: &str = "test:";

/// Whom it is said to have happened to.
#[derive(Debug, Clone, Default)]
pub struct Whom {
    /// The e-mail address.
    pub email: Option<String>,
    /// The Shopify customer id.
    pub customer_id: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
}

/// A happening at a retailer just now, Unix milliseconds. Its ids are `seed`'s, which is no other one's.
#[must_use]
pub fn invented(kind: HappeningKind, whom: Whom, retailer_id: String, seed: Ulid, now: i64) -> Happening {
    Happening {
        id: format!("{TEST}{seed}"),
        kind,
        at: now,
        is_simulated: false,
        connection_id: seed.to_string(),
        retailer_id,
        customer_id: whom.customer_id,
        email: whom.email,
        mobile: whom.phone,
        purchase: (kind == HappeningKind::Purchased).then(|| purchase(seed, now)),
    }
}

fn purchase(seed: Ulid, now: i64) -> Purchase {
    let date = OffsetDateTime::from_unix_timestamp(now.div_euclid(1000)).ok();
    let (brand, upc) = ("cheerios", "016000124790");
    Purchase {
        purchase_id: seed.to_string(),
        date: date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_default(),
        item_count: 2,
        subtotal: Some(9.96),
        tax: Some(0.8),
        total: Some(10.76),
        brands: vec![brand.to_owned()],
        upcs: vec![upc.to_owned(); 2],
        items: vec![PurchaseItem {
            name: "Cheerios Cereal, 12 oz".to_owned(),
            brand: Some(brand.to_owned()),
            upc: Some(upc.to_owned()),
            price: Some(4.98),
            quantity: Some(2.0),
        }],
    }
}
