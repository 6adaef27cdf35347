//! Calls as a shop's staff makes them in the embedded admin, and the trail they leave.

use reqwest::{Method, RequestBuilder};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::Value;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::AuditLine;

use super::app::{Answer, TestApp};
use super::session::session_token;

pub(crate) const CLIENT_ID: &str = "client-id";

impl TestApp {
    /// A fresh session token of a shop's staff, which may never be shown.
    pub(crate) fn token(&self, shop: &str) -> String {
        let token = session_token(&self.client_secret, CLIENT_ID, shop, self.clock.unix_seconds());
        self.never_show(&token);
        token
    }

    /// A call of the admin's script, finished by `finish`.
    pub(crate) async fn staff(
        &self,
        method: Method,
        shop: &str,
        path: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let request = self.http().request(method, format!("{}{path}", self.address)).bearer_auth(self.token(shop));
        self.send(finish(request), "").await
    }

    pub(crate) async fn staff_get(&self, shop: &str, path: &str) -> Answer {
        self.staff(Method::GET, shop, path, |request| request).await
    }

    pub(crate) async fn staff_put(&self, shop: &str, path: &str, body: &Value) -> Answer {
        self.staff(Method::PUT, shop, path, |request| request.json(body)).await
    }

    /// A page of the admin, loaded with a fresh token.
    pub(crate) async fn page(&self, shop: &str, path: &str) -> Answer {
        let url = format!("{}{path}?embedded=1&shop={shop}&id_token={}", self.address, self.token(shop));
        self.send(self.http().get(url), "").await
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
