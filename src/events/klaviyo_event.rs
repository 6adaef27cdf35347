//! What happened, as Klaviyo is told of it: exactly the events and properties that Subtotal's documentation gives for its
//! own Klaviyo integration (<https://docs.subtotal.com>, "Klaviyo"), so that a merchant's flows work with either.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::happening::{Happening, HappeningKind, Purchase};
use crate::store::Identifier;

/// The name of the metric.
#[must_use]
pub fn metric(kind: HappeningKind) -> &'static str {
    match kind {
        HappeningKind::Connected => "Connected an Account",
        HappeningKind::Reauthenticated => "Reauthenticated Connection",
        HappeningKind::Unauthenticated => "Unauthenticated Connection",
        HappeningKind::Disconnected => "Disconnected an Account",
        HappeningKind::Purchased => "Purchased at Retailer",
    }
}

/// Whether the event says how the account can be connected again.
#[must_use]
pub fn has_link_url(kind: HappeningKind) -> bool {
    matches!(kind, HappeningKind::Unauthenticated | HappeningKind::Disconnected)
}

/// The body for `POST /api/events`, or `None` when Subtotal does not know what is to identify the profile. `id` becomes
/// `unique_id`.
#[must_use]
pub fn event(happening: &Happening, id: &str, identifier: Identifier, link_url: Option<&str>) -> Option<Value> {
    let (attribute, value) = match identifier {
        Identifier::Email => ("email", &happening.email),
        Identifier::CustomerId => ("external_id", &happening.customer_id),
        Identifier::Mobile => ("phone_number", &happening.mobile),
    };
    let value = value.as_deref().filter(|value| !value.trim().is_empty())?;
    let profile = Map::from_iter([(attribute.to_owned(), Value::from(value))]);
    let properties = match &happening.purchase {
        Some(purchase) if happening.kind == HappeningKind::Purchased => purchased(happening, purchase),
        _ => of_connection(happening, link_url),
    };
    Some(json!({
        "data": {
            "type": "event",
            "attributes": {
                "properties": properties,
                "time": iso_8601(happening.at),
                "unique_id": id,
                "metric": { "data": { "type": "metric", "attributes": { "name": metric(happening.kind) } } },
                "profile": { "data": { "type": "profile", "attributes": profile } },
            },
        },
    }))
}

fn of_connection(happening: &Happening, link_url: Option<&str>) -> Value {
    let mut properties = json!({ "connection_id": happening.connection_id, "retailer": happening.retailer_id });
    if let Some(link_url) = link_url.filter(|_| has_link_url(happening.kind)) {
        properties["link_url"] = link_url.into();
    }
    properties
}

/// An amount Subtotal does not know is left out.
fn purchased(happening: &Happening, purchase: &Purchase) -> Value {
    let mut properties = json!({
        "purchase_id": purchase.purchase_id,
        "retailer": happening.retailer_id,
        "date": purchase.date,
        "item_count": purchase.item_count,
        "brands": purchase.brands,
        "upcs": purchase.upcs,
    });
    for (name, amount) in [("subtotal", purchase.subtotal), ("tax", purchase.tax), ("total", purchase.total)] {
        if let Some(amount) = amount {
            properties[name] = amount.into();
        }
    }
    properties
}

/// Unix milliseconds as ISO 8601, in UTC.
fn iso_8601(unix_ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
