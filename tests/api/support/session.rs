//! Session tokens as Shopify's admin makes them, written from its documentation and apart from `src`, and calls with
//! them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;

use super::app::{Answer, TestApp};

/// The claims of a member of staff's token, good for a minute from `now` on.
pub(crate) fn claims(shop: &str, now: i64) -> Value {
    json!({
        "iss": format!("https://{shop}/admin"),
        "dest": format!("https://{shop}"),
        "aud": "client-id",
        "sub": "42",
        "exp": now + 60,
        "nbf": now,
        "iat": now,
        "jti": "f8912129-1af6-4cad-9ca3-76b0f7621087",
        "sid": "aaea182f2732d44c23057c0fea584021a4485b2bd25d3eb7fd349313ad24c685",
    })
}

/// A token with these claims.
pub(crate) fn token(secret: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

impl TestApp {
    /// A fresh token of the shop's staff, which no answer may repeat.
    pub(crate) fn session_token(&self, shop: &str) -> String {
        let token = token(&self.client_secret, &claims(shop, self.clock.unix_seconds()));
        self.never_show(&token);
        token
    }

    /// A call of the admin's scripts in the name of the shop's staff, finished by `finish`.
    pub(crate) async fn staff_call(
        &self,
        method: Method,
        shop: &str,
        path: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let request = self.http().request(method, format!("{}/admin/api{path}", self.address));
        self.send(finish(request.bearer_auth(self.session_token(shop))), "").await
    }

    /// A page of the admin, loaded as Shopify's frame loads it.
    pub(crate) async fn admin_page(&self, shop: &str, path: &str) -> Answer {
        let query = format!("embedded=1&shop={shop}&id_token={}", self.session_token(shop));
        self.send(self.http().get(format!("{}/admin{path}?{query}", self.address)), "").await
    }
}
