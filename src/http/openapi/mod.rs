//! The OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.1.html>) of what others call: both doors, health and
//! webhooks. It is put together from what answers are made of: the doors' tables of endpoints, the table of problems,
//! and schemas derived from the types that are sent. The admin's calls are its own pages' and are left out.

mod answers;
mod machines;
mod operation;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::{Map, Value, json};
use utoipa::openapi::ComponentsBuilder;

pub(super) use operation::{Operation, REFUSALS_OF_BODIES, REFUSALS_OF_SUBTOTAL, Redirects, path, query};

use super::doors::{Door, endpoints};
use super::problem::{FieldError, INVALID_CUSTOMER_TOKEN, INVALID_SIGNATURE, PROBLEMS, Problem};
use super::storefront::{configuration, connections, disconnect_connection, retailers, visibility};
use crate::shopify::customer_token::VerifiedCustomer;
use crate::shopify::proxy::VerifiedProxy;
use operation::Entrance;

const ABOUT: &str = "What pages of a Shopify store, the customer-account extension, Shopify's webhooks and an operator's \
     monitoring call. Paths and fields that are not described may change; unknown fields of an answer are to be ignored.\n\n\
     The six operations stand behind two doors: `/apps/subtotal`, on the storefront's own domain by way of Shopify's app \
     proxy, and `/customer-account`, by session token on this service's host. The second answers scripts of every origin \
     (`Access-Control-Allow-Origin: *`, preflights included) and reads no cookie.";

const STOREFRONT: Entrance = Entrance {
    name: "storefront",
    security: "proxySignature",
    unproven: INVALID_SIGNATURE,
    is_cross_origin: VerifiedProxy::CROSS_ORIGIN,
};

const CUSTOMER_ACCOUNT: Entrance = Entrance {
    name: "customerAccount",
    security: "customerSessionToken",
    unproven: INVALID_CUSTOMER_TOKEN,
    is_cross_origin: VerifiedCustomer::CROSS_ORIGIN,
};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// `GET /openapi.json`.
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
        .content_type("application/json")
        .body(DOCUMENT.as_str())
}

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut paths = machines::paths();
    add_door::<VerifiedProxy>(&mut paths, &STOREFRONT);
    add_door::<VerifiedCustomer>(&mut paths, &CUSTOMER_ACCOUNT);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Subtotal Connect",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The storefront's domain, or this service's host" }],
        "tags": [
            { "name": "storefront", "description": "For pages of the storefront; Shopify's app proxy signs each request." },
            { "name": "customerAccount", "description": "The same for the customer-account extension, by session token." },
            { "name": "webhooks", "description": "For Shopify." },
            { "name": "operations", "description": "For whoever runs the service." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "headers": answers::headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn add_door<D: Door>(paths: &mut Map<String, Value>, entrance: &Entrance) {
    for endpoint in endpoints::<D>() {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let described = json!({ method: (endpoint.operation)().described(entrance) });
        paths.insert(format!("{}{}", D::PATH, endpoint.path), described);
    }
}

/// Of the types that are sent. Bodies that are received are read field by field; their schemas stand beside that.
fn schemas() -> Value {
    let components = ComponentsBuilder::new()
        .schema_from::<configuration::Configuration>()
        .schema_from::<visibility::Visibility>()
        .schema_from::<retailers::Retailers<'_>>()
        .schema_from::<retailers::ShownRetailer<'_>>()
        .schema_from::<retailers::ShownConnection<'_>>()
        .schema_from::<retailers::RetailerImages>()
        .schema_from::<retailers::ImageVariants>()
        .schema_from::<connections::Link>()
        .schema_from::<disconnect_connection::Disconnected>()
        .schema_from::<FieldError>()
        .schema_from::<Problem<'_>>()
        .build();
    let mut schemas = serde_json::to_value(components.schemas).expect("schemas are plain data");
    schemas["ConnectionsBody"] = connections::body();
    schemas["DisconnectConnectionBody"] = disconnect_connection::body();
    let mut codes: Vec<&str> = PROBLEMS.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    schemas["ProblemCode"] =
        json!({ "type": "string", "enum": codes, "description": "Stable, for programs; others may be added." });
    schemas["Problem"]["properties"]["code"] = json!({ "$ref": "#/components/schemas/ProblemCode" });
    schemas
}

fn security_schemes() -> Value {
    json!({
        "proxySignature": {
            "type": "apiKey", "in": "query", "name": "signature",
            "description": "Shopify's app proxy adds it, with `shop`, `logged_in_customer_id`, `path_prefix` and \
                `timestamp`. Pages send none of them. <https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies>",
        },
        "customerSessionToken": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "What `shopify.sessionToken.get()` gives a customer-account extension of this app.",
        },
        "webhookSignature": {
            "type": "apiKey", "in": "header", "name": "X-Shopify-Hmac-Sha256",
            "description": "HMAC-SHA256 of the raw body with the app's client secret, in base64.",
        },
        "eventSignature": {
            "type": "apiKey", "in": "header", "name": "X-Subtotal-Signature",
            "description": "HMAC-SHA256 of X-Subtotal-Timestamp, a full stop and the raw body with the shop's webhook \
                secret, in hex or base64.",
        },
    })
}
