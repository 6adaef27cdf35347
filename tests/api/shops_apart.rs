//! What is held in memory of one shop never reaches another: lists, keys, connections, rules and hosts, over random changes.

use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{SecretKind, ShopChanges};

use crate::support::app::{ALICE, Answer, BOB, TestApp, unix_now};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::random::cases;

const SHOPS: [&str; 3] = ["one.myshopify.com", "two.myshopify.com", "three.myshopify.com"];

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A shopper of this shop asks for everything there is.
    Ask(usize),
    /// Shoppers of all shops ask at once.
    AskAll,
    /// The shop stores a key of its own.
    NewKey(usize),
    /// The second shop stores the key that the first one has.
    ShareKey(usize, usize),
    /// The retailers of the shop's key change.
    NewList(usize),
    /// Subtotal accepts the shop's key no longer, or again.
    Revoke(usize),
    Accept(usize),
    /// The shop's own list is turned on or off, and whether it counts.
    Rule(usize, bool),
    /// Subtotal's list can not be had, or can again.
    Break,
    Mend,
    /// So many seconds pass.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let shop = || 0..SHOPS.len();
    let step = prop_oneof![
        8 => shop().prop_map(Step::Ask),
        6 => Just(Step::AskAll),
        2 => shop().prop_map(Step::NewKey),
        2 => (shop(), shop()).prop_map(|(from, to)| Step::ShareKey(from, to)),
        3 => shop().prop_map(Step::NewList),
        1 => shop().prop_map(Step::Revoke),
        2 => shop().prop_map(Step::Accept),
        2 => (shop(), any::<bool>()).prop_map(|(shop, on)| Step::Rule(shop, on)),
        1 => Just(Step::Break),
        2 => Just(Step::Mend),
        3 => (1..100_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 60)
}

/// A key, as Subtotal knows it.
struct Key {
    text: String,
    edition: usize,
    connection: String,
}

struct World {
    app: TestApp,
    keys: Vec<Key>,
    /// Of each shop: every key it had, the current one last.
    had: [Vec<usize>; 3],
    /// Whether a change is seen at once.
    is_strict: bool,
    answered: usize,
}

impl World {
    async fn new(shop_cache_seconds: &str) -> Self {
        let settings = [("SHOP_CACHE_SECONDS", shop_cache_seconds)];
        let app = TestApp::start_with(&settings, Clock::manual(unix_now() * 1000)).await;
        let is_strict = shop_cache_seconds == "0";
        let mut world = Self { app, keys: Vec::new(), had: Default::default(), is_strict, answered: 0 };
        for (shop, domain) in SHOPS.iter().enumerate() {
            world.new_key(shop).await;
            let hosts = Some(vec![host(shop)]);
            let changes =
                ShopChanges { storefront_hosts: hosts, enforce_visibility: Some(true), ..ShopChanges::default() };
            world.app.change(domain, changes).await;
        }
        world
    }

    async fn new_key(&mut self, shop: usize) {
        let text = self.app.install(SHOPS[shop]).await;
        let connection = self.app.subtotal.add_connection(&text, ALICE, "walmart", "active");
        self.keys.push(Key { text, edition: 0, connection });
        self.had[shop].push(self.keys.len() - 1);
        self.new_list(self.keys.len() - 1);
    }

    fn new_list(&mut self, key: usize) {
        self.keys[key].edition += 1;
        let Key { text, edition, .. } = &self.keys[key];
        let name = format!("{key} {edition}");
        let own = SHOPS.map(|shop| {
            json!({ "retailer_id": format!("only-{shop}"), "name": name, "link_url": "https://link.subtotal.com/only" })
        });
        let mut list =
            vec![json!({ "retailer_id": "walmart", "name": name, "link_url": "https://link.subtotal.com/w" })];
        list.extend(own);
        self.app.subtotal.set_retailers_of(text, Value::from(list));
    }

    fn key_of(&self, shop: usize) -> usize {
        *self.had[shop].last().unwrap()
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Ask(shop) => self.check(shop, &self.ask(shop).await),
            Step::AskAll => {
                let nths = || (0..SHOPS.len() * 3).map(|nth| nth % SHOPS.len());
                let answers = join_all(nths().map(|shop| self.ask(shop))).await;
                nths().zip(&answers).for_each(|(shop, answers)| self.check(shop, answers));
            }
            Step::NewKey(shop) => self.new_key(shop).await,
            Step::ShareKey(from, to) => {
                let key = self.key_of(from);
                self.app.store_secret(SHOPS[to], SecretKind::SubtotalApiKey, &self.keys[key].text).await;
                self.had[to].push(key);
            }
            Step::NewList(shop) => self.new_list(self.key_of(shop)),
            Step::Revoke(shop) => self.app.subtotal.revoke_key(&self.keys[self.key_of(shop)].text),
            Step::Accept(shop) => self.app.subtotal.add_key(&self.keys[self.key_of(shop)].text),
            Step::Rule(shop, is_on) => {
                self.app.set_list_of(SHOPS[shop], Some(&format!("only-{}", SHOPS[shop])), is_on, &[]).await;
            }
            Step::Break => self.app.subtotal.break_call(Call::Retailers, Fault::Status(500)),
            Step::Mend => self.app.subtotal.mend(),
            Step::Wait(seconds) => self.app.clock.advance(Duration::from_secs(seconds)),
        }
    }

    /// The answers to `/retailers`, `/visibility`, and to linking on the way to another shop's host and to the own one.
    async fn ask(&self, shop: usize) -> [Answer; 4] {
        let get = async |path| self.app.call(Method::GET, SHOPS[shop], path, ALICE, |request| request).await;
        let link = async |host: String| {
            let body = json!({
                "retailerId": "walmart", "retailerLinkUrl": "https://link.subtotal.com/w",
                "redirectUrl": format!("https://{host}/account"),
            });
            self.app.call(Method::POST, SHOPS[shop], "/connections", BOB, |request| request.json(&body)).await
        };
        let others = link(host((shop + 1) % SHOPS.len()));
        let (list, seen, elsewhere, home) =
            tokio::join!(get("/retailers"), get("/visibility"), others, link(host(shop)));
        [list, seen, elsewhere, home]
    }

    fn check(&mut self, shop: usize, [list, seen, elsewhere, home]: &[Answer; 4]) {
        let allowed =
            |key: usize| if self.is_strict { key == self.key_of(shop) } else { self.had[shop].contains(&key) };
        assert!(matches!(list.status, 200 | 502 | 503), "{list:?}");
        if list.status == 200 {
            for retailer in list.json()["retailers"].as_array().unwrap() {
                let name = retailer["name"].as_str().unwrap();
                let key: usize = name.split(' ').next().unwrap().parse().unwrap();
                assert!(allowed(key), "{} is answered the list of key {key}, not {:?}", SHOPS[shop], self.had[shop]);
                if let Some(id) = retailer["connection"]["connection_id"].as_str() {
                    let of = self.keys.iter().position(|key| key.connection == id).unwrap();
                    assert!(allowed(of), "{} is answered a connection of key {of}", SHOPS[shop]);
                }
            }
            self.answered += 1;
        }
        let restricted = &seen.json()["restrictedRetailerIds"];
        let own = format!("only-{}", SHOPS[shop]);
        assert!(*restricted == json!([]) || *restricted == json!([own]), "{} sees {restricted}", SHOPS[shop]);
        assert_eq!((elsewhere.status, elsewhere.code().as_str()), (400, "redirect_url_not_allowed"));
        assert!(matches!(home.status, 200 | 502 | 503), "{home:?}");
    }
}

/// A host of a shop's storefront.
fn host(shop: usize) -> String {
    format!("shop-{shop}.example")
}

#[rstest]
#[case::of_shops_read_anew("0")]
#[case::of_shops_held_in_memory("600")]
#[actix_web::test]
async fn nothing_held_of_one_shop_is_answered_to_another(#[case] shop_cache_seconds: &str) {
    let mut world = World::new(shop_cache_seconds).await;
    for step in cases(&steps(), 4).into_iter().flatten() {
        world.take(step).await;
    }
    assert!(world.answered > 100, "{} lists were answered", world.answered);
}
