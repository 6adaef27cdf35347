//! Webhooks as Shopify sends them, signed by the tests' own hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use ulid::Ulid;

use super::app::{Answer, SHOP, TestApp};

/// One delivery. Clones are the same delivery once more.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) topic: String,
    pub(crate) shop: String,
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
    /// Unix milliseconds.
    pub(crate) triggered_at: Option<i64>,
    /// `x-shopify` or `shopify`.
    pub(crate) family: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Instead of the right signature.
    pub(crate) hmac: Option<String>,
}

impl Hook {
    /// A delivery about [`SHOP`].
    pub(crate) fn new(topic: &str, body: &Value) -> Self {
        Self {
            topic: topic.to_owned(),
            shop: SHOP.to_owned(),
            id: Ulid::generate().to_string(),
            body: body.to_string().into_bytes(),
            triggered_at: None,
            family: "x-shopify",
            method: Method::POST,
            path: "/webhooks/shopify",
            hmac: None,
        }
    }

    pub(crate) fn of(self, shop: &str) -> Self {
        Self { shop: shop.to_owned(), ..self }
    }

    pub(crate) fn at(self, unix_ms: i64) -> Self {
        Self { triggered_at: Some(unix_ms), ..self }
    }

    /// The same body in another delivery.
    pub(crate) fn again(&self) -> Self {
        Self { id: Ulid::generate().to_string(), ..self.clone() }
    }

    /// The request to the application at `address`.
    pub(crate) fn request(&self, app: &TestApp, address: &str) -> RequestBuilder {
        let hmac = self.hmac.clone().unwrap_or_else(|| hmac_of(&app.client_secret, &self.body));
        let mut request = app.http().request(self.method.clone(), format!("{address}{}", self.path));
        let mut header = |name: &str, value: &str| {
            let named = request.try_clone().unwrap().header(format!("{}-{name}", self.family), value);
            request = named;
        };
        if !hmac.is_empty() {
            header("hmac-sha256", &hmac);
        }
        header("topic", &self.topic);
        header("shop-domain", &self.shop);
        header("webhook-id", &self.id);
        header("api-version", "2026-10");
        if let Some(at) = self.triggered_at {
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).unwrap();
            header("triggered-at", &at.format(&Rfc3339).unwrap());
        }
        request.header("Content-Type", "application/json").body(self.body.clone())
    }

    pub(crate) async fn send(&self, app: &TestApp) -> Answer {
        app.send(self.request(app, &app.address), "").await
    }

    /// Sends it, and waits until everything that was received is worked on.
    pub(crate) async fn done(&self, app: &TestApp) {
        let answer = self.send(app).await;
        assert_eq!(answer.status, 200, "{} {answer:?}", self.topic);
        settled(app).await;
    }
}

/// Waits until no delivery waits.
pub(crate) async fn settled(app: &TestApp) {
    for _ in 0..500 {
        if states(app).await.iter().all(|state| state != "waiting") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let rows = app.database.table("webhook_deliveries").await;
    panic!("the inbox does not settle: {:?}", rows.iter().find(|row| row["state"] == "waiting"));
}

/// Waits until every delivery that waits has failed at least once.
pub(crate) async fn tried(app: &TestApp) {
    for _ in 0..500 {
        let rows = app.database.table("webhook_deliveries").await;
        let tried = |row: &Value| row["state"] != "waiting" || !row["problem"].is_null();
        if rows.iter().all(tried) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing was tried: {:?}", app.database.table("webhook_deliveries").await);
}

/// Makes every delivery that waits due now, as if its gap were over.
pub(crate) async fn due_now(app: &TestApp) {
    app.database.execute("UPDATE webhook_deliveries SET next_attempt_at = 0 WHERE state = 'waiting'").await;
}

pub(crate) async fn states(app: &TestApp) -> Vec<String> {
    let rows = app.database.table("webhook_deliveries").await;
    rows.iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn hmac_of(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}
