//! Subtotal and Shopify's Admin API, which answer at once or after as long as they are told to take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;
use serde_json::json;

use crate::stock::EMAIL;

/// Retailers of each shop.
const RETAILERS: usize = 10;

/// Everybody else's server.
pub(crate) struct Upstream {
    pub(crate) url: String,
    /// Milliseconds that Subtotal takes to list connections.
    latency: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct OfCustomer {
    customer_id: String,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let latency: Arc<AtomicU64> = Arc::default();
        let takes = latency.clone();
        let server = HttpServer::new(move || {
            let takes = takes.clone();
            let connections = move |of: web::Query<OfCustomer>| {
                let wait = takes.load(Ordering::Relaxed);
                async move {
                    if wait > 0 {
                        tokio::time::sleep(Duration::from_millis(wait)).await;
                    }
                    HttpResponse::Ok().content_type("application/json").body(connections_of(&of.customer_id))
                }
            };
            App::new()
                .route("/retailers", web::get().to(retailers))
                .route("/connections", web::get().to(connections))
                .route("/admin/api/{version}/graphql.json", web::post().to(contact))
        });
        let server = server.workers(1).backlog(4096).disable_signals().listen(listener).unwrap().run();
        actix_web::rt::spawn(server);
        Self { url, latency }
    }

    pub(crate) fn answer_after(&self, latency: Duration) {
        self.latency.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

/// One connection, as most customers who linked anything have.
fn connections_of(customer: &str) -> String {
    format!(
        "{{\"connections\":[{{\"connection_id\":\"01KAJ0000000000000000000ZZ\",\"customer_id\":\"{customer}\",\
         \"retailer_id\":\"retailer-1\",\"status\":\"active\",\"created_at\":\"2026-01-01T00:00:00Z\"}}]}}"
    )
}

async fn retailers() -> HttpResponse {
    let image = |kind, nth| {
        json!({
            "light": format!("https://images.example/{kind}/{nth}-light.svg"),
            "dark": format!("https://images.example/{kind}/{nth}-dark.svg"),
        })
    };
    let retailer = |nth| {
        json!({
            "retailer_id": format!("retailer-{nth}"), "name": format!("Retailer {nth}"),
            "link_url": format!("https://link.subtotal.example/zklQOn{nth}"),
            "images": { "logo": image("logo", nth), "icon": image("icon", nth) },
        })
    };
    HttpResponse::Ok().json(json!({ "retailers": (0..RETAILERS).map(retailer).collect::<Vec<_>>() }))
}

async fn contact() -> HttpResponse {
    let customer = json!({ "defaultEmailAddress": { "emailAddress": EMAIL }, "defaultPhoneNumber": null });
    HttpResponse::Ok().json(json!({ "data": { "customer": customer } }))
}
