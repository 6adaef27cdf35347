//! A service with traffic of every kind, so that it has something to show.

use reqwest::Method;
use serde_json::json;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{Destination, SecretKind};

use super::app::{ALICE, NOBODY, SHOP, TestApp};
use super::collector::Collector;
use super::event::{SECRET, Sent, connection_event, id_from};
use super::exposition::Exposition;
use super::fake_klaviyo::KlaviyoFault;
use super::happenings::happened;
use super::linking::{linked, linking};
use super::process::{PATIENCE, Process};
use super::wait::until;
use super::webhook::Hook;

pub(crate) const METRICS_ADDR: (&str, &str) = ("METRICS_ADDR", "127.0.0.1:0");
pub(crate) const EMAIL: &str = "alice.liddell@wonderland.example";
const PHONE: &str = "+12125550199";
const FORMER: &str = "whsec-of-the-demo-shop-the-former";

/// The process, and its world.
pub(crate) struct Busy {
    pub(crate) app: TestApp,
    pub(crate) process: Process,
    pub(crate) collector: Collector,
}

impl Busy {
    /// Starts the process and has it do a bit of everything. It alone: the application of the world is stopped.
    pub(crate) async fn start() -> Self {
        let app = TestApp::start().await;
        app.stop().await;
        let collector = Collector::start().await;
        app.set_contact(ALICE, Some(EMAIL), Some(PHONE));
        app.set_list(None, true, &[EMAIL]).await;
        for secret in [FORMER, SECRET] {
            app.store_secret(SHOP, SecretKind::SubtotalWebhook, secret).await;
        }
        let secrets = format!("a-newer-client-secret,{}", app.client_secret);
        let settings = [
            METRICS_ADDR,
            ("SHOPIFY_API_SECRET", &secrets),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
            ("SHOP_CACHE_SECONDS", "60"),
        ];
        let process = Process::start(&app.settings, &settings).await;
        let busy = Self { app, process, collector };
        busy.serve_shoppers().await;
        busy.refuse().await;
        busy.work().await;
        busy
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        customer: &str,
        body: Option<serde_json::Value>,
    ) -> super::app::Answer {
        let request = self.process.request(&self.app, method, path, customer);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        self.app.send(request, "").await
    }

    async fn serve_shoppers(&self) {
        let get = async |path: &str, customer: &str| self.call(Method::GET, path, customer, None).await.status;
        assert_eq!(get("/configuration", NOBODY).await, 200);
        assert_eq!(get("/visibility", ALICE).await, 200);
        for _ in 0..3 {
            assert_eq!(get("/retailers", ALICE).await, 200);
        }
        assert_eq!(get("/link/zklQOnlG?redirect_url=%2Faccount", ALICE).await, 302);
        let connection = linked(&self.call(Method::POST, "/connections", ALICE, Some(linking("walmart"))).await);
        self.app.subtotal.set_status(&connection, "active");
        let body = json!({ "connectionId": connection });
        assert_eq!(self.call(Method::POST, "/disconnect-connection", ALICE, Some(body)).await.status, 200);
    }

    /// One refusal of each kind.
    async fn refuse(&self) {
        let app = &self.app;
        let at = |path: &str| format!("{}{path}", self.process.address);
        assert_eq!(self.process.plain(app, "/apps/subtotal/retailers?shop=x").await.status, 401);
        let hook = Hook { hmac: Some("AAAA".to_owned()), ..Hook::new("shop/update", &json!({ "id": 1 })) };
        assert_eq!(app.send(hook.request(app, &self.process.address), "").await.status, 401);
        let event = Sent { signature: Some(String::new()), ..Sent::new(&json!({})) };
        assert_eq!(app.send(event.request(app, &self.process.address), "").await.status, 401);
        assert_eq!(app.send(app.http().get(at("/admin/api/settings")), "").await.status, 401);
    }

    /// A job of each kind.
    async fn work(&self) {
        let app = &self.app;
        app.turn_on(SHOP, Destination::Klaviyo).await;
        app.turn_on(SHOP, Destination::Flow).await;
        app.admin.set_shop(json!({
            "primaryDomain": { "host": "shop.example.com" },
            "domains": [{ "host": SHOP }],
            "customerAccountsV2": { "customerAccountsVersion": "NEW_CUSTOMER_ACCOUNTS" },
        }));
        let hook = Hook::new("shop/update", &json!({ "id": 1, "myshopify_domain": SHOP }));
        assert_eq!(app.send(hook.request(app, &self.process.address), "").await.status, 200);
        app.klaviyo.set_fault(KlaviyoFault::None);
        let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
        for (nth, secret) in [FORMER, SECRET].into_iter().enumerate() {
            let id = id_from(app, i64::try_from(nth).unwrap());
            let event = Sent {
                secret: secret.to_owned(),
                ..Sent::new(&connection_event(&id, ["activated", "unauthenticated"][nth], &connection))
            };
            assert_eq!(app.send(event.request(app, &self.process.address), "").await.status, 200);
        }
        super::event::settled(app).await;
        super::webhook::settled(app).await;
        let waits = async || {
            let rows = app.database.table("deliveries").await;
            !rows.is_empty() && rows.iter().all(|row| row["state"] == "delivered")
        };
        app.deliver(SHOP, &happened("evt_1", HappeningKind::Disconnected)).await;
        until(PATIENCE, "everything is delivered", waits).await;
    }

    /// What it shows, once its spans are sent and the database is read.
    pub(crate) async fn shown(&self) -> Exposition {
        Exposition::until(&self.process, "spans are sent", |shown| {
            let sent = shown.sum("trace_spans_total", &[("outcome", "sent")]);
            sent >= 10.0 && shown.kinds.contains_key("queue_jobs")
        })
        .await
    }
}
