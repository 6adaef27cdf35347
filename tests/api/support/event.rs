//! Events as Subtotal sends them, signed by the tests' own hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use subtotal_connect::store::SecretKind;
use ulid::Ulid;

use super::app::{ALICE, Answer, SHOP, TestApp};

pub(crate) const SECRET: &str = "whsec-of-the-demo-shop-00000001";
pub(crate) const EMAIL: &str = "alice@private.example";
pub(crate) const PHONE: &str = "+15550001111";

/// One attempt at a delivery. Clones are the same event once more.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) body: Vec<u8>,
    pub(crate) secret: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Seconds or milliseconds, as text; now where there is none.
    pub(crate) timestamp: Option<String>,
    /// Instead of the right signature; none where it is empty.
    pub(crate) signature: Option<String>,
    pub(crate) in_base64: bool,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Sent {
    /// An event about [`SHOP`].
    pub(crate) fn new(event: &Value) -> Self {
        Self {
            body: event.to_string().into_bytes(),
            secret: SECRET.to_owned(),
            method: Method::POST,
            path: format!("/webhooks/subtotal/{SHOP}"),
            timestamp: None,
            signature: None,
            in_base64: false,
            headers: Vec::new(),
        }
    }

    pub(crate) fn request(&self, app: &TestApp, address: &str) -> RequestBuilder {
        let timestamp = self.timestamp.clone().unwrap_or_else(|| app.clock.unix_seconds().to_string());
        let digest = digest(&self.secret, &timestamp, &self.body);
        let right = if self.in_base64 { STANDARD.encode(digest) } else { hex::encode(digest) };
        let signature = self.signature.clone().unwrap_or(right);
        let mut request = app.http().request(self.method.clone(), format!("{address}{}", self.path));
        if !signature.is_empty() {
            request = request.header("X-Subtotal-Signature", signature);
        }
        if !timestamp.is_empty() {
            request = request.header("X-Subtotal-Timestamp", timestamp);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.header("Content-Type", "application/json").body(self.body.clone())
    }

    pub(crate) async fn send(&self, app: &TestApp) -> Answer {
        app.send(self.request(app, &app.address), "").await
    }

    /// Sends it, and waits until every event and history is worked off.
    pub(crate) async fn done(&self, app: &TestApp) {
        let answer = self.send(app).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
        settled(app).await;
    }
}

pub(crate) fn digest(secret: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// The application with a webhook secret, on the machine's clock.
pub(crate) async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, SECRET).await;
    for private in [EMAIL, PHONE, "Secret Oats", "Secret Milk", "secret-brand", "041331027878"] {
        app.never_show(private);
    }
    app
}

/// An id as Subtotal makes it, of an event `ago` milliseconds ago.
pub(crate) fn id_from(app: &TestApp, ago: i64) -> String {
    let at = u64::try_from(app.clock.unix_ms() - ago).unwrap();
    Ulid::from_parts(at, rand::random::<u128>() >> 48).to_string()
}

/// An event about a connection of Alice's at Walmart, with an id of its own.
pub(crate) fn connection_event(id: &str, what: &str, connection: &str) -> Value {
    json!({ "type": format!("connection.{what}"), "id": id, "payload": { "connection": about(connection, what) } })
}

/// An event about a purchase.
pub(crate) fn purchase_event(id: &str, connection: &str, purchase: &str) -> Value {
    json!({ "type": "purchase.created", "id": id, "payload": {
        "connection": about(connection, "active"), "purchase": { "purchase_id": purchase },
    } })
}

fn about(connection: &str, what: &str) -> Value {
    let status = if what == "activated" { "active" } else { what };
    json!({
        "connection_id": connection, "customer_id": ALICE, "retailer_id": "walmart", "status": status,
        "email": EMAIL, "mobile": PHONE,
    })
}

/// Waits until no event and no history waits.
pub(crate) async fn settled(app: &TestApp) {
    for _ in 0..1000 {
        let waits = |rows: &[Value], column: &str| rows.iter().any(|row| row[column] == "waiting");
        let events = app.database.table("subtotal_events").await;
        if !waits(&events, "state") && !waits(&app.database.table("followed_connections").await, "history") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let rows = app.database.table("subtotal_events").await;
    panic!("it does not settle: {rows:?} {:?}", app.database.table("followed_connections").await);
}

/// Kind and id of everything that was told, in the order in which it happened.
pub(crate) async fn told(app: &TestApp) -> Vec<(String, String)> {
    let mut rows = app.database.table("happenings").await;
    rows.sort_by_key(|row| (row["at"].as_i64(), row["id"].to_string()));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["kind"]), text(&row["id"]))).collect()
}

/// The kinds only.
pub(crate) async fn kinds(app: &TestApp) -> Vec<String> {
    told(app).await.into_iter().map(|(kind, _)| kind).collect()
}

/// Makes everything that waits due now, as if its gap were over.
pub(crate) async fn due_now(app: &TestApp) {
    app.database.execute("UPDATE subtotal_events SET due_at = 0 WHERE state = 'waiting'").await;
    app.database.execute("UPDATE followed_connections SET due_at = 0 WHERE history = 'waiting'").await;
}

/// Waits until everything that waits has failed at least once.
pub(crate) async fn tried(app: &TestApp) {
    for _ in 0..500 {
        let events = app.database.table("subtotal_events").await;
        let histories = app.database.table("followed_connections").await;
        let failed = |row: &Value, state: &str| row[state] != "waiting" || !row["problem"].is_null();
        if events.iter().all(|row| failed(row, "state")) && histories.iter().all(|row| failed(row, "history")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing was tried: {:?}", app.database.table("subtotal_events").await);
}
