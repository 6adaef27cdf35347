//! Reading a connection and its purchases, with the key and the connection's own access token
//! (<https://subtotal.com/docs/api-reference/purchases/get-purchases>).
//!
//! The reference knows three shapes of an item, and money as text; whatever of it is missing is left out.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::client::ShopApi;
use super::{SubtotalError, event};

/// Purchases a page has at most.
const PAGE: &str = "50";
/// Longest UPC, in bytes: one is told as often as it was bought.
const MAX_UPC: usize = 64;

/// A connection with how its customer can be reached. Its `Debug` form shows its status only.
#[derive(Clone, Deserialize)]
pub struct ConnectionDetail {
    /// The merchant's id of the customer.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// The retailer's slug.
    pub retailer_id: String,
    /// As Subtotal says it.
    pub status: String,
    /// The customer's e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The customer's phone number.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Made by Subtotal's simulator.
    #[serde(default)]
    pub is_simulated: bool,
}

impl std::fmt::Debug for ConnectionDetail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ConnectionDetail").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A page of a connection's purchases, newest first.
#[derive(Debug, Clone, Deserialize)]
pub struct PurchasePage {
    /// Whether there are older ones.
    pub has_more: bool,
    /// Their ids.
    pub purchases: Vec<ListedPurchase>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct ListedPurchase {
    /// A ULID.
    pub purchase_id: String,
}

/// A purchase with its basket. It has no `Debug` form: what somebody bought is nobody's business.
#[derive(Clone, Deserialize)]
#[expect(missing_debug_implementations, reason = "what somebody bought is for no log")]
pub struct PurchaseDetail {
    /// A ULID.
    pub purchase_id: String,
    /// ISO 8601.
    pub date: String,
    /// Before tax.
    #[serde(default, deserialize_with = "number")]
    pub subtotal: Option<f64>,
    /// Sales tax.
    #[serde(default, deserialize_with = "number")]
    pub tax: Option<f64>,
    /// What was paid.
    #[serde(default, deserialize_with = "number")]
    pub total: Option<f64>,
    /// How many items it has.
    #[serde(default, deserialize_with = "number")]
    pub item_count: Option<f64>,
    /// Made by Subtotal's simulator.
    #[serde(default)]
    pub is_simulated: bool,
    /// The basket.
    #[serde(default)]
    pub items: Vec<PurchasedItem>,
}

/// A line of a basket. Older shapes have what `product` holds beside it.
#[derive(Clone, Deserialize)]
#[expect(missing_debug_implementations, reason = "what somebody bought is for no log")]
pub struct PurchasedItem {
    /// For one.
    #[serde(default, deserialize_with = "number")]
    pub price: Option<f64>,
    /// How many.
    #[serde(default, deserialize_with = "number")]
    pub quantity: Option<f64>,
    #[serde(default)]
    product: Value,
    #[serde(flatten)]
    beside: serde_json::Map<String, Value>,
}

impl PurchaseDetail {
    /// When it was made, Unix milliseconds, where its date says so.
    #[must_use]
    pub fn at(&self) -> Option<i64> {
        event::date(&Value::from(self.date.as_str()))
    }
}

impl PurchasedItem {
    /// What it is called; nothing where it has neither name nor description.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.text("name").or_else(|| self.text("description"))
    }

    /// The brand's slug.
    #[must_use]
    pub fn brand(&self) -> Option<String> {
        self.text("brand")
    }

    /// The UPC, which older shapes call a GTIN; nothing that is too long for one.
    #[must_use]
    pub fn upc(&self) -> Option<String> {
        self.text("upc").or_else(|| self.text("gtin")).filter(|upc| upc.len() <= MAX_UPC)
    }

    fn text(&self, name: &str) -> Option<String> {
        let found = self.product.get(name).filter(|value| !value.is_null()).or_else(|| self.beside.get(name))?;
        found.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

impl ShopApi {
    /// `GET /connections/{id}`
    ///
    /// # Errors
    /// [`SubtotalError`].
    pub async fn connection(&self, id: &str, token: &SecretString) -> Result<ConnectionDetail, SubtotalError> {
        self.read_with("get_connection", &[], &["connections", id], Some(token)).await
    }

    /// `GET /purchases`: a page of the purchases older than `starting_after`, or of the newest ones.
    ///
    /// # Errors
    /// [`SubtotalError`].
    pub async fn purchases(
        &self,
        token: &SecretString,
        starting_after: Option<&str>,
    ) -> Result<PurchasePage, SubtotalError> {
        let mut query = vec![("limit", PAGE)];
        query.extend(starting_after.map(|id| ("starting_after", id)));
        self.read_with("list_purchases", &query, &["purchases"], Some(token)).await
    }

    /// `GET /purchases/{id}`
    ///
    /// # Errors
    /// [`SubtotalError`].
    pub async fn purchase(&self, id: &str, token: &SecretString) -> Result<PurchaseDetail, SubtotalError> {
        self.read_with("get_purchase", &[], &["purchases", id], Some(token)).await
    }
}

/// A number, or a text that is one; anything else is nothing.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Ok(number.filter(|number| number.is_finite()))
}
