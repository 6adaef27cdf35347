//! What the sandbox's Admin GraphQL API answers: a customer's contact, what the shop is called, and a trigger of Flow.

use serde::Deserialize;
use serde_json::{Value, json};

use super::world::{Accounts, Trigger, World};
use crate::sandbox::shoppers;

/// Triggers kept at most; the oldest leave first.
const MAX_TRIGGERS: usize = 1000;
const GID: &str = "gid://shopify/Customer/";

#[derive(Debug, Deserialize)]
struct GraphQlRequest {
    query: String,
    #[serde(default)]
    variables: Value,
}

/// The data for a request, or the message of the GraphQL error it earns.
pub(super) fn answer(body: &[u8], world: &mut World) -> Result<Value, String> {
    let request: GraphQlRequest = serde_json::from_slice(body).map_err(|_| "No query was given".to_owned())?;
    if request.query.contains("flowTriggerReceive(") {
        return Ok(flow_trigger(&request, world));
    }
    if request.query.contains("customer(") {
        return customer_by_id(&request, world);
    }
    let names_shop = request.query.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "shop");
    if names_shop {
        return Ok(json!({ "data": { "shop": shop(world) }, "extensions": { "cost": cost(1) } }));
    }
    Err("The sandbox's QueryRoot has two fields: customer(id: ID!) and shop".to_owned())
}

/// Flow takes handles of extensions it knows, which the sandbox can not; those of this app all begin alike.
fn flow_trigger(request: &GraphQlRequest, world: &mut World) -> Value {
    let (handle, payload) = (request.variables["handle"].as_str().unwrap_or_default(), &request.variables["payload"]);
    let errors = if !handle.starts_with("subtotal-") {
        json!([{ "field": ["handle"], "message": "Invalid handle" }])
    } else if !payload["customer_id"].is_u64() {
        json!([{ "field": ["payload"], "message": "Properties customer_id is required" }])
    } else {
        if world.triggers.len() == MAX_TRIGGERS {
            world.triggers.remove(0);
        }
        world.triggers.push(Trigger { handle: handle.to_owned(), payload: payload.clone() });
        json!([])
    };
    json!({ "data": { "flowTriggerReceive": { "userErrors": errors } }, "extensions": { "cost": cost(10) } })
}

fn customer_by_id(request: &GraphQlRequest, world: &World) -> Result<Value, String> {
    let gid = request.variables["id"].as_str().ok_or("Variable $id of type ID! was provided invalid value")?;
    let id = gid.strip_prefix(GID).filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let id = id.ok_or_else(|| format!("Invalid global id '{gid}'"))?;
    let customer = shoppers::by_id(id).map(|shopper| {
        let mut customer = json!({ "id": gid });
        let contact = world.contact(shopper);
        if request.query.contains("defaultEmailAddress") {
            customer["defaultEmailAddress"] = json!(contact.email.map(|email| json!({ "emailAddress": email })));
        }
        if request.query.contains("defaultPhoneNumber") {
            customer["defaultPhoneNumber"] = json!(contact.phone.map(|phone| json!({ "phoneNumber": phone })));
        }
        customer
    });
    Ok(json!({ "data": { "customer": customer }, "extensions": { "cost": cost(1) } }))
}

/// Every field of the shop the service may ask for, asked for or not.
fn shop(world: &World) -> Value {
    let shop = &world.shop;
    let domain = |host: &String| json!({ "host": host, "url": format!("https://{host}"), "sslEnabled": true });
    json!({
        "id": "gid://shopify/Shop/90210001",
        "name": shop.name,
        "myshopifyDomain": shop.myshopify_domain,
        "primaryDomain": domain(&shop.primary_domain()),
        "domains": shop.domains.iter().chain(std::iter::once(&shop.myshopify_domain)).map(domain).collect::<Vec<_>>(),
        "customerAccountsV2": {
            "customerAccountsVersion": match shop.accounts {
                Accounts::New => "NEW_CUSTOMER_ACCOUNTS",
                Accounts::Classic => "CLASSIC",
            }
        },
    })
}

pub(super) fn failure(message: &str, code: Option<&str>) -> Value {
    let mut error = json!({ "message": message });
    if let Some(code) = code {
        error["extensions"] = json!({ "code": code });
    }
    json!({ "errors": [error], "extensions": { "cost": cost(0) } })
}

fn cost(actual: u32) -> Value {
    json!({
        "requestedQueryCost": 1,
        "actualQueryCost": actual,
        "throttleStatus": { "maximumAvailable": 2000.0, "currentlyAvailable": 2000 - actual, "restoreRate": 100.0 }
    })
}
