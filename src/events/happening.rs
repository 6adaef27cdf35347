//! What happened at Subtotal, as the merchant's tools are told of it.

/// Something that happened, once and for good.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Happening {
    /// Stable over repeats: Subtotal's event id, or `purchase:{purchase_id}` for a purchase (live or from history alike).
    pub id: String,
    /// What it is.
    pub kind: HappeningKind,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// A ULID.
    pub connection_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// The merchant's id of the customer (the numeric Shopify customer id), where Subtotal knows it.
    pub customer_id: Option<String>,
    /// The customer's e-mail address, where Subtotal knows it.
    pub email: Option<String>,
    /// The customer's phone number, where Subtotal knows it.
    pub mobile: Option<String>,
    /// Only for `Purchased`.
    pub purchase: Option<Purchase>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HappeningKind {
    /// A retailer account was connected, for the first time or after it had been disconnected.
    Connected,
    /// A connection that needed a new login has one.
    Reauthenticated,
    /// A connection needs a new login.
    Unauthenticated,
    /// A connection was ended.
    Disconnected,
    /// A purchase was made at a retailer.
    Purchased,
}

/// A purchase with its basket.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Purchase {
    /// A ULID.
    pub purchase_id: String,
    /// ISO 8601, as Subtotal wrote it.
    pub date: String,
    /// How many items it has.
    pub item_count: i64,
    /// Before tax.
    pub subtotal: Option<f64>,
    /// Sales tax.
    pub tax: Option<f64>,
    /// What was paid.
    pub total: Option<f64>,
    /// The brands' slugs, each once, in the order of the basket.
    pub brands: Vec<String>,
    /// The UPCs in the order of the basket; one for each item that `item_count` counts.
    pub upcs: Vec<String>,
    /// What was bought, for Flow's "product purchased": name and, where known, brand, UPC, price and quantity.
    pub items: Vec<PurchaseItem>,
}

/// A line of a basket.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PurchaseItem {
    /// What it is called.
    pub name: String,
    /// The brand's slug.
    pub brand: Option<String>,
    /// Its UPC.
    pub upc: Option<String>,
    /// For one.
    pub price: Option<f64>,
    /// How many.
    pub quantity: Option<f64>,
}
