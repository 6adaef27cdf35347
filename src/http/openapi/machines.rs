//! What machines call: Shopify's webhooks, health, and the document itself.

use serde_json::{Map, Value, json};

use super::answers::{anything_else, common, named, refusals};
use crate::http::problem::{DATABASE_UNAVAILABLE, INTERNAL_ERROR, INVALID_SIGNATURE, OVERLOADED};

/// Their path items.
pub(super) fn paths() -> Map<String, Value> {
    let health = |id: &str, summary: &str, responses: Value| {
        json!({ "get": {
            "operationId": id, "tags": ["operations"], "summary": summary, "security": [], "responses": responses,
        } })
    };
    let mut paths = Map::new();
    let up = json!({ "200": status("The process is up; nothing else was asked.", json!({ "status": "ok" })) });
    paths.insert("/healthz".to_owned(), health("healthz", "Whether the process is up", up));
    let not_ready = json!({ "status": "not ready", "reason": "the database does not answer" });
    let ready = json!({
        "200": status("The database has a current schema and can be written to.", json!({ "status": "ready" })),
        "503": status("It does not, or can not, or the process is stopping.", not_ready),
    });
    paths.insert("/readyz".to_owned(), health("readyz", "Whether requests can be answered", ready));
    let document = json!({ "200": {
        "description": "The OpenAPI document.", "headers": named(&common(false)),
        "content": { "application/json": { "schema": { "type": "object" } } },
    } });
    paths.insert("/openapi.json".to_owned(), health("openapi", "This document", document));
    paths.insert("/webhooks/shopify".to_owned(), json!({ "post": shopify() }));
    paths.insert("/webhooks/subtotal/{shop}".to_owned(), json!({ "post": subtotal() }));
    paths
}

fn status(description: &str, example: Value) -> Value {
    let schema = json!({
        "type": "object", "required": ["status"],
        "properties": { "status": { "type": "string" }, "reason": { "type": "string" } },
    });
    json!({
        "description": description, "headers": named(&common(false)),
        "content": { "application/json": { "schema": schema, "example": example } },
    })
}

fn header(name: &str, required: bool, description: &str, example: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": required, "description": description, "example": example,
        "schema": { "type": "string", "maxLength": 255 },
    })
}

/// What every sender of webhooks is answered.
fn kept() -> Map<String, Value> {
    let mut responses: Map<String, Value> =
        refusals(&[INVALID_SIGNATURE, OVERLOADED, DATABASE_UNAVAILABLE, INTERNAL_ERROR], false).into_iter().collect();
    responses.insert("default".to_owned(), anything_else(false));
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "Kept, or known already. What it asks for is done later.", "headers": named(&common(false)),
            "content": { "application/json": { "schema": { "type": "object" }, "example": {} } },
        }),
    );
    responses
}

fn subtotal() -> Value {
    let mut shop = header("shop", true, "The shop's permanent domain.", "example.myshopify.com");
    shop["in"] = "path".into();
    json!({
        "operationId": "webhooksSubtotal",
        "tags": ["webhooks"],
        "summary": "What Subtotal sends",
        "description": "Connections, lost logins, disconnections and purchases. Whatever is not verified under a secret of \
            the shop is a 401, whatever its method, its shop or its size (at most 2 MiB). What is verified but not \
            understood is kept and answered 200.",
        "security": [{ "eventSignature": [] }],
        "parameters": [
            shop,
            header("X-Subtotal-Timestamp", true, "When it was sent: Unix seconds or milliseconds, at most 300 s ago.", "1793534400"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": {
                "schema": { "type": "object" },
                "example": { "type": "connection.disconnected", "id": "01KFRSK9J11G807TAY0GCYSW67", "payload": {} },
            } },
        },
        "responses": kept(),
    })
}

fn shopify() -> Value {
    json!({
        "operationId": "webhooksShopify",
        "tags": ["webhooks"],
        "summary": "What Shopify sends",
        "description": "Uninstallation, scopes, the shop, customers, and the three compliance topics. Whatever is not \
            verified is a 401, whatever its method, its path below `/webhooks` or its size (at most 2 MiB).",
        "security": [{ "webhookSignature": [] }],
        "parameters": [
            header("X-Shopify-Topic", true, "What happened.", "app/scopes_update"),
            header("X-Shopify-Shop-Domain", true, "The shop's permanent domain.", "example.myshopify.com"),
            header("X-Shopify-Webhook-Id", true, "The same for every attempt of a delivery.", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            header("X-Shopify-Triggered-At", false, "RFC 3339.", "2026-11-01T12:00:00Z"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": {
                "schema": { "type": "object" },
                "example": { "id": "gid://shopify/App/1", "previous": [], "current": ["read_customers"] },
            } },
        },
        "responses": kept(),
    })
}
