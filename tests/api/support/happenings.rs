//! Things that happened, and the deliveries they become.

use std::time::Duration;

use serde_json::Value;
use subtotal_connect::events::happening::{Happening, HappeningKind, Purchase, PurchaseItem};
use subtotal_connect::store::{Actor, Destination, Identifier, Integration};

use super::app::{ALICE, TestApp};
use super::wait::until;

pub(crate) const EMAIL: &str = "alice@private.example";
pub(crate) const MOBILE: &str = "+15550001111";
pub(crate) const CONNECTION: &str = "01KFRSK9J11G807TAY0GCYSW67";
/// How long deliveries may take to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// 2026-05-31T14:48:23Z, of Alice at Walmart.
pub(crate) fn happened(id: &str, kind: HappeningKind) -> Happening {
    Happening {
        id: id.to_owned(),
        kind,
        at: 1_780_238_903_000,
        is_simulated: false,
        connection_id: CONNECTION.to_owned(),
        retailer_id: "walmart".to_owned(),
        customer_id: Some(ALICE.to_owned()),
        email: Some(EMAIL.to_owned()),
        mobile: Some(MOBILE.to_owned()),
        purchase: (kind == HappeningKind::Purchased).then(purchase),
    }
}

/// The purchase of seed 003's example, with two items.
pub(crate) fn purchase() -> Purchase {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Purchase {
        purchase_id: "01KEVN1ZPM9H19JSHGN5NF0M69".to_owned(),
        date: "2025-05-31T14:48:23Z".to_owned(),
        item_count: 15,
        subtotal: Some(43.04),
        tax: Some(1.6),
        total: Some(44.64),
        brands: texts(&["frenchs", "heinz", "spam", "jif", "yogi-tea", "cheerios", "m&ms", "goya", "coca-cola"]),
        upcs: texts(&["040000476528", "016000124790", "041331027878"]),
        items: vec![
            PurchaseItem {
                name: "Secret Mustard".to_owned(),
                brand: Some("frenchs".to_owned()),
                upc: Some("040000476528".to_owned()),
                price: Some(2.5),
                quantity: Some(2.0),
            },
            PurchaseItem { name: "Secret Bananas".to_owned(), brand: None, upc: None, price: None, quantity: None },
        ],
    }
}

impl TestApp {
    /// Turns a destination of the shop on, with a key of its own for Klaviyo, which is answered.
    pub(crate) async fn turn_on(&self, shop: &str, destination: Destination) -> String {
        self.turn_on_with(shop, destination, Identifier::Email, false).await
    }

    pub(crate) async fn turn_on_with(
        &self,
        shop: &str,
        destination: Destination,
        identifier: Identifier,
        allow_simulated: bool,
    ) -> String {
        for private in [EMAIL, MOBILE, "Secret Mustard", "Secret Bananas"] {
            self.never_show(private);
        }
        let key = format!("pk_{shop}_0123456789abcdef");
        self.never_show(&key);
        let integration = Integration { is_on: true, identifier, allow_simulated, is_paused: false };
        let secret = (destination == Destination::Klaviyo).then(|| key.clone().into());
        let (id, now) = (self.shop_id(shop).await, self.clock.unix_ms());
        let by = Actor::CommandLine;
        self.store.save_integration(id, destination, &integration, secret.as_ref(), by, now).await.unwrap();
        key
    }

    pub(crate) async fn deliver(&self, shop: &str, happening: &Happening) {
        let id = self.shop_id(shop).await;
        self.store.deliver(id, happening, self.clock.unix_ms()).await.unwrap();
    }

    /// How many of the shop's deliveries stand in a state.
    pub(crate) async fn in_state(&self, shop: &str, state: &str) -> i64 {
        let states = self.store.delivery_states(self.shop_id(shop).await).await.unwrap();
        states.into_iter().find(|(found, _)| found == state).map_or(0, |(_, count)| count)
    }

    /// Waits until so many of the shop's deliveries stand in a state.
    pub(crate) async fn until_state(&self, shop: &str, state: &str, deliveries: i64) {
        until(PATIENCE, &format!("{deliveries} {state}"), async || self.in_state(shop, state).await == deliveries)
            .await;
    }

    /// The shop's deliveries as its staff see them.
    pub(crate) async fn shown_deliveries(&self, shop: &str) -> Vec<Value> {
        self.staff_get(shop, "/deliveries").await.json()["deliveries"].as_array().unwrap().clone()
    }
}
