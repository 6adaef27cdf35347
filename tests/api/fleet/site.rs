//! A shop that gets traffic, with what its requests name.

use serde_json::{Value, json};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{Destination, Identifier, SecretKind, ShopChanges};
use ulid::Ulid;

use crate::support::app::TestApp;
use crate::support::event::{SECRET, Sent, id_from};
use crate::support::fake_tokens::TokenFault;

/// One shop.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) shop: String,
    /// A customer with an active connection, on which purchases are made.
    pub(crate) buyer: String,
    connection: String,
}

impl Site {
    /// So many shops, each with a key, lists that are on, and Klaviyo.
    pub(crate) async fn several(app: &TestApp, count: usize) -> Vec<Self> {
        app.admin.set_shop(json!({
            "primaryDomain": { "host": "shop.example.com" }, "domains": [{ "host": "shop.example.com" }],
            "customerAccountsV2": { "customerAccountsVersion": "NEW_CUSTOMER_ACCOUNTS" },
        }));
        // Each access token is good for a few seconds before it is renewed, and the renewal takes a while.
        app.admin.tokens(|tokens| {
            tokens.access_lives = 305;
            tokens.fault = TokenFault::Slow(100);
        });
        let mut sites = Vec::new();
        for nth in 0..count {
            let shop = format!("site-{nth}.myshopify.com");
            let api_key = app.install(&shop).await;
            app.store_secret(&shop, SecretKind::SubtotalWebhook, SECRET).await;
            app.turn_on_with(&shop, Destination::Klaviyo, Identifier::CustomerId, false).await;
            app.set_list_of(&shop, Some("kroger"), true, &["example.com"]).await;
            let hosts = Some(vec!["shop.example.com".to_owned()]);
            app.change(&shop, ShopChanges { storefront_hosts: hosts, ..ShopChanges::default() }).await;
            let buyer = format!("{}", 900 + nth);
            let connection = app.subtotal.add_connection(&api_key, &buyer, "walmart", "active");
            let (access, refresh) = app.admin.tokens(|tokens| tokens.grant(&shop));
            let pair = TokenPair {
                access: access.into(),
                refresh: refresh.into(),
                access_lives: 305,
                refresh_lives: 7_776_000,
                scopes: String::new(),
            };
            app.store.install(&ShopDomain::parse(&shop).unwrap(), &pair, app.clock.unix_ms()).await.unwrap();
            sites.push(Self { shop, buyer, connection });
        }
        // An operator's token would be used instead.
        app.database.execute("DELETE FROM shop_secrets WHERE kind = 'shopify_admin_token'").await;
        sites
    }

    /// An event about a connection of its own, or every fifth about a new purchase, and what Klaviyo will be told it is
    /// about.
    pub(crate) fn event(&self, app: &TestApp, nth: u64) -> (String, Sent) {
        let of = |connection: &str, status: &str| {
            json!({
                "connection_id": connection, "customer_id": self.buyer, "retailer_id": "walmart", "status": status,
                "email": "shopper@private.example", "mobile": null,
            })
        };
        let (subject, kind, payload) = if nth.is_multiple_of(5) {
            let purchase = app.subtotal.add_purchase(&self.connection);
            let payload =
                json!({ "connection": of(&self.connection, "active"), "purchase": { "purchase_id": purchase } });
            (purchase, "purchase.created", payload)
        } else {
            let connection = Ulid::generate().to_string();
            let payload = json!({ "connection": of(&connection, "disconnected") });
            (connection, "connection.disconnected", payload)
        };
        let sent = Sent::new(&json!({ "type": kind, "id": id_from(app, 0), "payload": payload }));
        (subject, Sent { path: format!("/webhooks/subtotal/{}", self.shop), ..sent })
    }

    /// The body that disconnects the buyer, who stays so.
    pub(crate) fn disconnection(&self) -> Value {
        json!({ "connectionId": self.connection })
    }
}
