//! The floor: the least that could answer the same. actix-web and nothing around it; the signature verified as Shopify
//! describes it, with none of the refusals; the service's own answer of a moment ago, byte for byte. For `/retailers` it asks
//! Subtotal for the customer's connections first, by a client that is set up like the service's, and reads the answer.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use url::form_urlencoded;

/// What a floor is told.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) secret: String,
    /// Where Subtotal is.
    pub(crate) upstream: String,
    /// By path.
    pub(crate) answers: HashMap<String, Answer>,
    /// The path that asks Subtotal.
    pub(crate) passes_through: String,
}

/// An answer as the service gave it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

struct Floor {
    keyed: Hmac<Sha256>,
    http: reqwest::Client,
    connections: url::Url,
}

/// An answer, ready to be sent.
struct Ready {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: web::Bytes,
}

/// Serves until it is killed.
pub(crate) async fn serve(plan: &Path) {
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan).unwrap()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(move || {
        let floor = web::Data::new(Floor {
            keyed: Hmac::new_from_slice(plan.secret.as_bytes()).unwrap(),
            http: client(),
            connections: url::Url::parse(&plan.upstream).unwrap().join("/connections").unwrap(),
        });
        plan.answers.iter().fold(App::new().app_data(floor), |app, (path, answer)| {
            let ready = web::Data::new(answer.ready());
            let get = if *path == plan.passes_through { web::get().to(passed_through) } else { web::get().to(bare) };
            app.service(web::resource(path.as_str()).app_data(ready).route(get))
        })
    });
    let server = server.workers(1).keep_alive(Duration::from_secs(30)).listen(listener).unwrap().run();
    eprintln!("listening on http://{address}");
    server.await.unwrap();
}

async fn bare(request: HttpRequest, floor: web::Data<Floor>, ready: web::Data<Ready>) -> HttpResponse {
    match floor.customer(request.query_string()) {
        Some(_) => ready.give(),
        None => HttpResponse::Unauthorized().finish(),
    }
}

async fn passed_through(request: HttpRequest, floor: web::Data<Floor>, ready: web::Data<Ready>) -> HttpResponse {
    let Some(customer) = floor.customer(request.query_string()) else { return HttpResponse::Unauthorized().finish() };
    let call = floor.http.get(floor.connections.clone()).query(&[("customer_id", customer)]);
    let answer = call.header("x-api-key", "a-secret-of-thirty-two-characters").send().await.unwrap();
    assert!(answer.status().is_success());
    let _connections = answer.bytes().await.unwrap();
    ready.give()
}

impl Floor {
    /// The customer of a query that is signed.
    fn customer(&self, query: &str) -> Option<String> {
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let at = pairs.iter().position(|(key, _)| key == "signature")?;
        let (_, signature) = pairs.swap_remove(at);
        pairs.sort_unstable();
        let mut mac = self.keyed.clone();
        for (key, value) in &pairs {
            mac.update(key.as_bytes());
            mac.update(b"=");
            mac.update(value.as_bytes());
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(signature.as_bytes(), &mut digest).ok()?;
        mac.verify_slice(&digest).ok()?;
        let (_, customer) = pairs.into_iter().find(|(key, _)| key == "logged_in_customer_id")?;
        Some(customer.into_owned())
    }
}

impl Answer {
    fn ready(&self) -> Ready {
        let header = |(name, value): &(String, String)| (name.parse().unwrap(), value.parse().unwrap());
        Ready { headers: self.headers.iter().map(header).collect(), body: self.body.clone().into() }
    }
}

impl Ready {
    fn give(&self) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        for header in &self.headers {
            answer.insert_header(header.clone());
        }
        answer.body(self.body.clone())
    }
}

/// As `src/subtotal/client.rs` sets it up.
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(1))
        .pool_idle_timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .user_agent("subtotal-connect/floor")
        .build()
        .unwrap()
}
