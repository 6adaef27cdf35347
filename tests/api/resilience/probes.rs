//! Asking for every column that answers over HTTP, and what is observed of the answers: never more than a shopper, a
//! sender, a load balancer or a member of staff could see.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::columns::{ASKED, Column};
use super::world::{Observed, Shopper, World};
use crate::support::app::{Answer, SHOP};
use crate::support::door::customer_claims;
use crate::support::event::{Sent, connection_event};
use crate::support::linking::linking;
use crate::support::session::{claims, token};
use crate::support::signer;
use crate::support::webhook::{Hook, hmac_of};

/// What the contract allows a shopper's request, and Shopify a webhook; and what this service allows itself for a page of
/// the admin, which may ask Subtotal and Shopify one after the other.
const SHOPPERS: Duration = Duration::from_millis(4250);
const STAFF: Duration = Duration::from_millis(10_250);

impl World {
    /// Asks for each of them at once, in the name of a shopper who was never here.
    pub(super) async fn ask(&self) -> Observed {
        let (shopper, active) = self.newcomer();
        let asked = ASKED.map(async |column| (column, self.ask_as(column, &shopper, &active).await));
        join_all(asked).await.into_iter().collect()
    }

    /// The same for one column.
    pub(super) async fn ask_for(&self, column: Column) -> String {
        let (shopper, active) = self.newcomer();
        self.ask_as(column, &shopper, &active).await
    }

    /// Somebody, and a connection of theirs that is active.
    fn newcomer(&self) -> (Shopper, String) {
        let shopper = self.shopper();
        let active = self.app.subtotal.add_connection(&self.app.api_key, &shopper.id, "kroger", "active");
        (shopper, active)
    }

    async fn ask_as(&self, column: Column, shopper: &Shopper, active: &str) -> String {
        let started = Instant::now();
        let answer = self.send(self.request(column, shopper, active)).await;
        let took = started.elapsed();
        let of_staff = matches!(column, Column::AdminPage | Column::AdminSave | Column::AdminHome);
        assert!(took <= if of_staff { STAFF } else { SHOPPERS }, "{column:?} took {took:?}: {answer:?}");
        answer.map_or("no answer".to_owned(), |answer| self.seen(column, shopper, active, &answer))
    }

    fn request(&self, column: Column, shopper: &Shopper, active: &str) -> RequestBuilder {
        let at = |path: &str| format!("{}{path}", self.address);
        match column {
            Column::Configuration => self.proxied(Method::GET, "/configuration", shopper),
            Column::Visibility => self.proxied(Method::GET, "/visibility", shopper),
            Column::Retailers => self.proxied(Method::GET, "/retailers", shopper),
            Column::Connections => self.proxied(Method::POST, "/connections", shopper).json(&linking("walmart")),
            Column::Disconnect => {
                let body = json!({ "connectionId": active });
                self.proxied(Method::POST, "/disconnect-connection", shopper).json(&body)
            }
            Column::Link => self.proxied(Method::GET, "/link/tWGE4TJM", shopper),
            Column::CustomerAccount => {
                let token = self.token(&customer_claims(SHOP, &shopper.id, self.signs_at()));
                self.app.http().get(at("/customer-account/retailers")).bearer_auth(token)
            }
            Column::ShopifyDoor => {
                self.hook("app/scopes_update", &json!({ "previous": [], "current": ["read_customers"] })).1
            }
            Column::SubtotalDoor => {
                let connection = ulid::Ulid::generate().to_string();
                self.event(&connection_event(&self.event_id(), "unauthenticated", &connection))
            }
            Column::AdminPage => {
                let token = self.token(&claims(SHOP, self.signs_at()));
                self.app.http().get(at(&format!("/admin?embedded=1&shop={SHOP}&id_token={token}")))
            }
            Column::AdminSave => self.staff_request(
                Method::PUT,
                "/settings",
                Some(json!({ "accounts": "new", "version": self.version.get() })),
            ),
            Column::AdminHome => self.staff_request(Method::GET, "/status", None),
            Column::Ready => self.app.http().get(at("/readyz")),
            Column::Webhooks | Column::Events | Column::Klaviyo | Column::Flow | Column::Renewal => {
                unreachable!("a job is not asked for")
            }
        }
    }

    /// What is observed of an answer.
    fn seen(&self, column: Column, shopper: &Shopper, active: &str, answer: &Answer) -> String {
        let json = || answer.json();
        match (column, answer.status) {
            (Column::Ready, 503) => "503, not ready".to_owned(),
            (Column::AdminPage, 302) if answer.header("location").starts_with("/admin/session-token?") => {
                "302 for a new token".to_owned()
            }
            (Column::Link, 302) => format!("302 to the retailer{}", self.without_email(shopper, "amazon")),
            (_, 200) => {
                let got = match column {
                    Column::Configuration | Column::Ready => return "200".to_owned(),
                    Column::Visibility if json()["blockVisible"] == true => "block shown",
                    Column::Visibility => "block hidden",
                    Column::Retailers | Column::CustomerAccount => {
                        let retailers = json()["retailers"].as_array().unwrap().clone();
                        let linked = retailers.iter().filter(|retailer| !retailer["connection"].is_null());
                        if (retailers.len(), linked.count()) >= (3, 1) { "the list" } else { "not the whole list" }
                    }
                    Column::Connections => {
                        assert!(json()["link_url"].as_str().unwrap().contains("connection_id="), "{answer:?}");
                        return format!("200, a Link URL{}", self.without_email(shopper, "walmart"));
                    }
                    Column::Disconnect => {
                        let status = self.app.subtotal.status_of(active);
                        return format!("200, {status}");
                    }
                    Column::ShopifyDoor | Column::SubtotalDoor => "kept",
                    Column::AdminPage if answer.header("content-type").starts_with("text/html") => "the page",
                    Column::AdminSave => {
                        self.version.set(json()["version"].as_i64().unwrap());
                        "saved"
                    }
                    Column::AdminHome => return home(&json()),
                    _ => panic!("{column:?}: {answer:?}"),
                };
                format!("200, {got}")
            }
            _ => refused(answer),
        }
    }

    /// Says so where Subtotal was not told the shopper's e-mail address with a new connection.
    fn without_email(&self, shopper: &Shopper, retailer: &str) -> &'static str {
        let connections = self.app.subtotal.connections();
        let new = connections
            .iter()
            .find(|one| one["customer_id"] == shopper.id.as_str() && one["retailer_id"] == retailer)
            .unwrap();
        if new["email"] == shopper.email.as_str() { "" } else { ", without e-mail" }
    }

    fn proxied(&self, method: Method, path: &str, shopper: &Shopper) -> RequestBuilder {
        let query = format!(
            "shop={SHOP}&logged_in_customer_id={}&path_prefix=%2Fapps%2Fsubtotal&timestamp={}",
            shopper.id,
            self.signs_at()
        );
        let query = signer::signed(&self.signing.client_secret, &query);
        self.app.never_show(query.rsplit_once("signature=").unwrap().1);
        let request = self.app.http().request(method, format!("{}/apps/subtotal{path}?{query}", self.address));
        request.header("X-Forwarded-Host", "shop.example.com")
    }

    /// A token with these claims, which no answer may repeat.
    fn token(&self, claims: &Value) -> String {
        let token = token(&self.signing.client_secret, claims);
        self.app.never_show(&token);
        token
    }

    fn staff_request(&self, method: Method, path: &str, body: Option<Value>) -> RequestBuilder {
        let request = self.app.http().request(method, format!("{}/admin/api{path}", self.address));
        let request = request.bearer_auth(self.token(&claims(SHOP, self.signs_at())));
        if let Some(body) = body { request.json(&body) } else { request }
    }

    /// A call of the admin's scripts; `None` where nobody answers.
    pub(super) async fn staff(&self, method: Method, path: &str, body: Option<Value>) -> Option<Answer> {
        self.send(self.staff_request(method, path, body)).await
    }

    /// A page of the admin of any shop, opened.
    pub(super) async fn opens_admin(&self, shop: &str) -> Option<Answer> {
        let token = self.token(&claims(shop, self.signs_at()));
        let url = format!("{}/admin?embedded=1&shop={shop}&id_token={token}", self.address);
        self.send(self.app.http().get(url)).await
    }

    /// A webhook of Shopify's about [`SHOP`], and its id.
    pub(super) fn hook(&self, topic: &str, body: &Value) -> (String, RequestBuilder) {
        let mut hook = Hook::new(topic, body);
        hook.hmac = Some(hmac_of(&self.signing.client_secret, &hook.body));
        let request = hook.request(&self.app, &self.address);
        (hook.id, request)
    }

    /// An event of Subtotal's about [`SHOP`].
    pub(super) fn event(&self, event: &Value) -> RequestBuilder {
        let (secret, timestamp) = (self.signing.webhook_secret.clone(), Some(self.signs_at().to_string()));
        Sent { secret, timestamp, ..Sent::new(event) }.request(&self.app, &self.address)
    }

    /// Sends it, and searches the answer for what no answer may hold; `None` where nobody answers.
    pub(super) async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        match request.send().await {
            Ok(response) => Some(self.app.read(response).await),
            Err(error) => {
                assert!(!error.is_timeout(), "{error:?}");
                None
            }
        }
    }
}

/// A refusal: its status, and what says why.
fn refused(answer: &Answer) -> String {
    let why = match answer.header("content-type") {
        "application/problem+json" => format!(" `{}`", answer.code()),
        page if page.starts_with("text/html") => ", a page".to_owned(),
        other => panic!("neither a problem nor a page: {other} {answer:?}"),
    };
    let wait: u32 = answer.header("retry-after").parse().unwrap_or(0);
    format!("{}{why}{}", answer.status, if wait > 0 { ", `Retry-After`" } else { "" })
}

/// What *Home* says of Subtotal and of Shopify's access.
fn home(status: &Value) -> String {
    match (&status["subtotal"]["ok"], status["subtotal"]["problem"].as_str(), &status["tokens"]["ok"]) {
        (Value::Bool(true), None, Value::Bool(true)) => "200, all is well".to_owned(),
        (Value::Bool(true), None, _) => "200, no access to Shopify".to_owned(),
        (_, Some(problem), Value::Bool(true)) => format!("200, `{problem}`"),
        _ => panic!("{status}"),
    }
}
