//! The Subtotal API's JSON, as seeds 000 and 001 and the storefront API describe it. Unknown fields are ignored.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest e-mail address Subtotal takes, in characters (seed 000).
const MAX_EMAIL: usize = 64;
/// Longest phone number Subtotal takes, in characters (seed 000).
const MAX_MOBILE: usize = 16;

/// One retailer configured for a merchant's project, as `GET /retailers` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retailer {
    /// Lower-case slug, e.g. `walmart`. Opaque to this service.
    pub retailer_id: String,
    /// Name shown to shoppers.
    pub name: String,
    /// Where Subtotal Link opens for this retailer; its last path segment is the `linkId`.
    pub link_url: String,
    /// Logos and icons for light and dark pages; any part may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
}

/// Logos and icons, as the text Subtotal sent: they are passed on and never looked into, so nothing is made of them for each
/// answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Images(Box<RawValue>);

impl Images {
    /// Whether it is a JSON object, as documented.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.get().starts_with('{')
    }
}

impl PartialEq for Images {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl From<&serde_json::Value> for Images {
    fn from(value: &serde_json::Value) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("a value is JSON"))
    }
}

impl Retailer {
    /// The last path segment of `link_url`, decoded, or `None` when it is not a URL or ends in none.
    #[must_use]
    pub fn link_id(&self) -> Option<String> {
        let url = url::Url::parse(&self.link_url).ok()?;
        let last = url.path_segments()?.next_back().filter(|segment| !segment.is_empty())?;
        Some(percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned())
    }
}

/// The answer of `GET /retailers`. A missing list does not parse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetailerList {
    /// In the order Subtotal gives, which pages keep.
    pub retailers: Vec<Retailer>,
}

/// One shopper's link to one retailer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// A ULID.
    pub connection_id: String,
    /// The merchant's own id of the shopper: Shopify's numeric customer id.
    pub customer_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// `active`, `initialized`, `unauthenticated`, `disconnected`, `revoked`, or one not known yet.
    pub status: String,
}

/// The answer of `GET /connections?customer_id=`. A missing list does not parse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionList {
    /// In no promised order.
    pub connections: Vec<Connection>,
}

/// The body of `POST /connections`. <https://docs.subtotal.com> "Create Connection".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewConnection {
    /// At most 64 characters.
    pub customer_id: String,
    /// At most 26 characters.
    pub retailer_id: String,
    /// At most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// At most 16 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
}

impl NewConnection {
    /// With what fits of an e-mail address and a phone number.
    #[must_use]
    pub fn new(customer_id: String, retailer_id: String, email: Option<String>, mobile: Option<String>) -> Self {
        let (email, mobile) = (fitting(email, MAX_EMAIL), fitting(mobile, MAX_MOBILE));
        Self { customer_id, retailer_id, email, mobile }
    }
}

/// How a shopper can be reached, as `PATCH /connections/{connection_id}` takes it (seed 001). What is absent stays as it
/// is. Its `Debug` form shows nothing.
#[derive(Clone, PartialEq, Serialize)]
pub struct ContactUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<String>,
}

impl ContactUpdate {
    /// What fits of an e-mail address and a phone number; nothing when neither does.
    #[must_use]
    pub fn fitting(email: Option<String>, mobile: Option<String>) -> Option<Self> {
        let update = Self { email: fitting(email, MAX_EMAIL), mobile: fitting(mobile, MAX_MOBILE) };
        (update.email.is_some() || update.mobile.is_some()).then_some(update)
    }
}

impl std::fmt::Debug for ContactUpdate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ContactUpdate(…)")
    }
}

/// Leaves out what is empty or longer than Subtotal takes.
fn fitting(text: Option<String>, limit: usize) -> Option<String> {
    text.filter(|text| !text.is_empty() && text.chars().count() <= limit)
}

/// The part of the answer to `POST /connections` this service uses. Seed 000's sample leaves the status out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatedConnection {
    /// A ULID.
    pub connection_id: String,
}

/// The answer of `POST /connections/{connection_id}/token`.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionToken {
    /// A short-lived JWT, opaque to this service.
    pub connection_token: secrecy::SecretString,
}
