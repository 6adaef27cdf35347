//! A Subtotal that takes its time, or hangs for the shops that are asked to; and the shops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, SecretKind, ShopChanges};

use crate::service::{self, Setting};

/// The shop that has a limit of its own.
pub(crate) const NOISY: &str = "noisy.myshopify.com";
/// The shop whose Subtotal hangs while [`World::hang`] is set.
pub(crate) const HANGING: &str = "hanging.myshopify.com";
const HANGING_KEY: &str = "the-key-of-a-shop-that-hangs";

/// Subtotal.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) hang: Arc<AtomicBool>,
}

impl World {
    /// One that answers after `latency`.
    pub(crate) fn start(latency: Duration) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hang: Arc<AtomicBool> = Arc::default();
        let hangs = hang.clone();
        let server = HttpServer::new(move || {
            let hangs = hangs.clone();
            let connections = move |request: HttpRequest| {
                let is_hanging = request.headers().get("x-api-key").is_some_and(|key| key == HANGING_KEY);
                let wait = if is_hanging && hangs.load(Ordering::Relaxed) { Duration::from_secs(30) } else { latency };
                async move {
                    tokio::time::sleep(wait).await;
                    HttpResponse::Ok().json(json!({ "connections": [] }))
                }
            };
            App::new().route("/retailers", web::get().to(retailers)).route("/connections", web::get().to(connections))
        });
        let server = server.workers(1).backlog(4096).disable_signals().listen(listener).unwrap().run();
        actix_web::rt::spawn(server);
        Self { url, hang }
    }
}

async fn retailers() -> HttpResponse {
    let retailers: Vec<_> = ["walmart", "target", "kroger"]
        .iter()
        .map(|id| json!({ "retailer_id": id, "name": id, "link_url": format!("https://link.example/{id}"), "images": {} }))
        .collect();
    HttpResponse::Ok().json(json!({ "retailers": retailers }))
}

/// These shops, the noisy one with this limit, and the one that hangs.
pub(crate) async fn install(settings: &[Setting], shops: &[String], limit: &str) {
    let store = service::store(settings).await;
    for shop in shops.iter().map(String::as_str).chain([NOISY, HANGING]) {
        let key = if shop == HANGING { HANGING_KEY } else { "an-api-key" };
        let limit = (shop == NOISY).then_some(limit);
        let changes = ShopChanges {
            secret: Some((SecretKind::SubtotalApiKey, key.into())),
            rate_limit_shop: limit.map(|limit| Some(limit.parse().unwrap())),
            ..ShopChanges::default()
        };
        store.save_shop(&ShopDomain::parse(shop).unwrap(), changes, Actor::CommandLine, 0).await.unwrap();
    }
}
