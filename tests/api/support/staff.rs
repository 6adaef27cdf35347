//! Calls as a shop's staff makes them in the embedded admin, and the trail they leave.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};
use sha2::Sha256;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::AuditLine;

use super::app::{Answer, TestApp};
use super::session::{claims, token};

pub(crate) const CLIENT_ID: &str = "client-id";
/// The staff member every token of [`claims`] is of.
pub(crate) const STAFF: &str = "42";

/// A token App Bridge would send at `now`, Unix seconds.
pub(crate) fn session_token(client_secret: &str, client_id: &str, shop: &str, now: i64) -> String {
    let mut claims = claims(shop, now);
    claims["aud"] = json!(client_id);
    token(client_secret, &claims)
}

/// A JSON web token of any header and claims, signed with HMAC-SHA256 whatever the header says.
pub(crate) fn jwt(client_secret: &str, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

impl TestApp {
    /// Paths of these start behind `/admin/api`.
    pub(crate) async fn staff_get(&self, shop: &str, path: &str) -> Answer {
        self.staff_call(Method::GET, shop, path, |request| request).await
    }

    pub(crate) async fn staff_put(&self, shop: &str, path: &str, body: &Value) -> Answer {
        self.staff_call(Method::PUT, shop, path, |request| request.json(body)).await
    }

    pub(crate) async fn shop_id(&self, shop: &str) -> i64 {
        self.store.shop_id(&ShopDomain::parse(shop).unwrap()).await.unwrap().unwrap()
    }

    /// The shop's audit trail, oldest first.
    pub(crate) async fn trail(&self, shop: &str) -> Vec<AuditLine> {
        let mut lines = self.store.audit_lines(self.shop_id(shop).await, "", None, 10_000).await.unwrap();
        lines.reverse();
        lines
    }

    /// The database itself, to look behind the store or to do damage.
    pub(crate) async fn sql(&self) -> DatabaseConnection {
        Database::connect(&self.database.url).await.unwrap()
    }
}

/// Runs one statement.
pub(crate) async fn execute(db: &DatabaseConnection, sql: &str) -> u64 {
    db.execute_unprepared(sql).await.unwrap().rows_affected()
}
