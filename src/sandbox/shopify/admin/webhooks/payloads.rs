//! The bodies, shaped like the resources of Shopify's REST API.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::sandbox::shopify::world::World;
use crate::sandbox::shoppers::{self, MAYA};

/// The shop's numeric id.
const SHOP_ID: u64 = 90_210_001;

/// The body of a delivery of `topic`, about the customer `customer_id` where the topic is about one.
pub(in super::super) fn body(
    topic: &str,
    customer_id: Option<&str>,
    previous_scopes: &str,
    world: &World,
    now: i64,
) -> String {
    let at = OffsetDateTime::from_unix_timestamp(now).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    let id = customer_id.unwrap_or(MAYA.id);
    let body = match topic {
        "customers/update" => customer(id, world, &at),
        "customers/delete" => json!({ "id": number(id), "phone": null, "addresses": [], "tax_exemptions": [] }),
        "customers/data_request" => json!({
            "shop_id": SHOP_ID,
            "shop_domain": world.shop.myshopify_domain,
            "orders_requested": [299_938, 280_263],
            "customer": contact(id, world),
            "data_request": { "id": 9999 },
        }),
        "customers/redact" => json!({
            "shop_id": SHOP_ID,
            "shop_domain": world.shop.myshopify_domain,
            "customer": contact(id, world),
            "orders_to_redact": [299_938, 280_263],
        }),
        "shop/redact" => json!({ "shop_id": SHOP_ID, "shop_domain": world.shop.myshopify_domain }),
        "app/scopes_update" => json!({
            "id": 9_021_000_017_u64,
            "previous": scopes(previous_scopes),
            "current": scopes(&world.scopes),
            "updated_at": at,
            "shop_id": format!("gid://shopify/Shop/{SHOP_ID}"),
        }),
        _ => shop(world, &at),
    };
    body.to_string()
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn scopes(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).collect()
}

fn contact(id: &str, world: &World) -> Value {
    let known = shoppers::by_id(id).map(|shopper| world.contact(shopper));
    let (email, phone) = known.map_or((None, None), |contact| (contact.email, contact.phone));
    json!({ "id": number(id), "email": email, "phone": phone })
}

fn customer(id: &str, world: &World, at: &str) -> Value {
    let mut customer = contact(id, world);
    let email = customer["email"].clone();
    let rest = json!({
        "first_name": shoppers::by_id(id).map(|shopper| shopper.first_name),
        "last_name": "Larkin",
        "created_at": "2026-03-02T09:30:00Z",
        "updated_at": at,
        "orders_count": 2,
        "state": "enabled",
        "total_spent": "61.50",
        "last_order_id": 299_938,
        "note": null,
        "verified_email": !email.is_null(),
        "multipass_identifier": null,
        "tax_exempt": false,
        "tags": "",
        "last_order_name": "#1042",
        "currency": "USD",
        "addresses": [],
        "tax_exemptions": [],
        "email_marketing_consent": null,
        "sms_marketing_consent": null,
        "admin_graphql_api_id": format!("gid://shopify/Customer/{id}"),
    });
    if let (Some(customer), Value::Object(rest)) = (customer.as_object_mut(), rest) {
        customer.extend(rest);
    }
    customer
}

fn shop(world: &World, at: &str) -> Value {
    json!({
        "id": SHOP_ID,
        "name": world.shop.name,
        "email": "hello@larkmeadow.example",
        "domain": world.shop.primary_domain(),
        "province": "Vermont",
        "country": "US",
        "zip": "05401",
        "city": "Burlington",
        "source": null,
        "phone": null,
        "latitude": null,
        "longitude": null,
        "primary_locale": "en",
        "created_at": "2026-01-12T14:05:00Z",
        "updated_at": at,
        "country_code": "US",
        "country_name": "United States",
        "currency": "USD",
        "customer_email": "care@larkmeadow.example",
        "timezone": "(GMT-05:00) America/New_York",
        "iana_timezone": "America/New_York",
        "shop_owner": "Priya Raman",
        "money_format": "${{amount}}",
        "weight_unit": "lb",
        "plan_display_name": "Grow",
        "plan_name": "professional",
        "has_storefront": true,
        "myshopify_domain": world.shop.myshopify_domain,
    })
}
