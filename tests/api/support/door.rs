//! The two doors to the six operations, so that one test runs through both.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::app::{Answer, SHOP, TestApp};
use super::session::token;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::ShopChanges;

/// Which way a shopper's call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Signed by Shopify's app proxy.
    Proxy,
    /// With the session token of the customer-account extension.
    CustomerAccount,
}

impl Door {
    /// The path the endpoints stand below.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Proxy => "/apps/subtotal",
            Self::CustomerAccount => "/customer-account",
        }
    }

    /// The storefront that completes a path, form-encoded.
    pub(crate) fn home(self) -> &'static str {
        match self {
            Self::Proxy => "https%3A%2F%2Fshop.example.com%2F",
            Self::CustomerAccount => "https%3A%2F%2Fdemo.myshopify.com%2F",
        }
    }

    /// The same as a URL.
    pub(crate) fn home_url(self) -> String {
        url::form_urlencoded::parse(self.home().as_bytes()).map(|(url, _)| url.into_owned()).collect()
    }

    /// The status of `/link` where it leads on: a person is redirected, a script is told.
    pub(crate) fn leads_on(self) -> u16 {
        match self {
            Self::Proxy => 302,
            Self::CustomerAccount => 200,
        }
    }

    /// Whether this is a problem of `/link` as the door tells it: a page for a person, the code for a script.
    pub(crate) fn tells(self, answer: &Answer, status: u16, code: &str) -> bool {
        let told = match self {
            Self::Proxy => answer.header("content-type").starts_with("text/html"),
            Self::CustomerAccount => answer.code() == code,
        };
        answer.status == status && told
    }

    /// The code of a call that is not proven.
    pub(crate) fn unproven(self) -> &'static str {
        match self {
            Self::Proxy => "invalid_signature",
            Self::CustomerAccount => "invalid_session_token",
        }
    }
}

/// The claims of a customer's token, good for five minutes from `now` on; an empty id is nobody's.
pub(crate) fn customer_claims(shop: &str, customer: &str, now: i64) -> Value {
    let mut claims = json!({
        "dest": shop,
        "aud": "client-id",
        "exp": now + 300,
        "nbf": now,
        "iat": now,
        "jti": "6c992878-dbaf-48d1-bb9d-6d9b59814fd1",
    });
    if !customer.is_empty() {
        claims["sub"] = json!(format!("gid://shopify/Customer/{customer}"));
    }
    claims
}

impl TestApp {
    /// The application with [`SHOP`], whose storefront is `shop.example.com`; calls go through this door.
    pub(crate) async fn start_at(door: Door) -> Self {
        Self::start_at_with(door, &[], Clock::system()).await
    }

    pub(crate) async fn start_at_with(door: Door, more: &[(&str, &str)], clock: Clock) -> Self {
        let mut app = Self::start_with(more, clock).await;
        app.door = door;
        if door == Door::CustomerAccount {
            let hosts = Some(vec!["shop.example.com".to_owned()]);
            app.change(SHOP, ShopChanges { storefront_hosts: hosts, ..ShopChanges::default() }).await;
        }
        app
    }

    /// A fresh token of a customer, or of nobody, which no answer may repeat.
    pub(crate) fn customer_token(&self, shop: &str, customer: &str) -> String {
        let token = token(&self.client_secret, &customer_claims(shop, customer, self.clock.unix_seconds()));
        self.never_show(&token);
        token
    }

    /// A call of the customer-account extension, finished by `finish`.
    pub(crate) async fn customer_call(
        &self,
        method: Method,
        shop: &str,
        path: &str,
        customer: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let request = self.http().request(method, format!("{}/customer-account{path}", self.address));
        // What a caller says of hosts must not count here.
        let request =
            request.header("X-Forwarded-Host", "evil.example").bearer_auth(self.customer_token(shop, customer));
        self.send(finish(request), "").await
    }
}
