//! Every order of installing, uninstalling, redacting and refreshing, up to six steps, against the real store and a
//! model of what must be.
//!
//! There are 8⁶ = 262,144 orders of six steps, but few states they lead to. What the store does next depends on the
//! shop's rows alone, and on its times only by their order: steps lie ten days apart, which is longer than every span
//! the store counts with. So the walk goes breadth first, replays the shortest way to each state it has not seen (rows
//! and model, times replaced by their rank), and takes all eight steps from there. Every order of six steps passes
//! through such states only, and its every step is checked against the model once. All orders of up to three steps
//! are walked without that shortcut too.

use std::collections::{BTreeMap, HashSet, VecDeque};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use secrecy::ExposeSecret;
use serde_json::Value;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{Delivery, ListedConnection, ListedConnections, NewDelivery, Outcome, Store};

use crate::support::app::{ENCRYPTION_KEYS, open_store};
use crate::support::database::TestDatabase;

const STEPS: usize = 6;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const CUSTOMER: &str = "7001";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// The merchant opens the app: a new pair. Shoppers link accounts.
    Install,
    /// The merchant uninstalls, and the notice arrives at once.
    Uninstall,
    /// The merchant uninstalls and installs again within a minute; the notice is late.
    Reinstall,
    /// The notice of the last uninstallation arrives, once more or at last.
    UninstallLate,
    Scopes,
    CustomerRedact,
    /// Shopify asks 48 hours after the last uninstallation.
    ShopRedact,
    /// One half of a refresh: the pair is read and leased, or the answer for it is stored.
    Refresh,
}

const ALL: [Step; 8] = [
    Step::Install,
    Step::Uninstall,
    Step::Reinstall,
    Step::UninstallLate,
    Step::Scopes,
    Step::CustomerRedact,
    Step::ShopRedact,
    Step::Refresh,
];

/// What must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Model {
    exists: bool,
    installed: bool,
    /// Which pair is stored, by its number.
    pair: Option<usize>,
    scopes: Option<&'static str>,
    customer: bool,
    last_install: Option<i64>,
    last_uninstall: Option<i64>,
    /// The pair whose refresh is under way.
    refreshing: Option<usize>,
}

impl Model {
    fn take(&mut self, step: Step, at: i64, number: usize) {
        match step {
            Step::Install | Step::Reinstall => {
                if step == Step::Reinstall && self.installed {
                    self.last_uninstall = Some(at - MINUTE);
                }
                (self.exists, self.installed, self.customer) = (true, true, true);
                (self.pair, self.scopes, self.last_install) = (Some(number), Some("granted"), Some(at));
            }
            Step::Uninstall if self.installed => {
                (self.installed, self.pair, self.last_uninstall) = (false, None, Some(at));
            }
            // The merchant installed again after the last uninstallation, or the notice came before.
            Step::Uninstall | Step::UninstallLate => {}
            Step::Scopes if self.installed => self.scopes = Some("changed"),
            Step::Scopes => {}
            Step::CustomerRedact => self.customer = false,
            Step::ShopRedact => {
                let reinstalled =
                    self.installed && self.last_uninstall.is_some() && self.last_install > self.last_uninstall;
                if !reinstalled {
                    let Self { last_uninstall, refreshing, .. } = self.clone();
                    *self = Self { last_uninstall, refreshing, ..Self::default() };
                }
            }
            Step::Refresh => match self.refreshing.take() {
                Some(read) if self.pair == Some(read) => self.pair = Some(number),
                Some(_) => {}
                None => self.refreshing = self.pair,
            },
        }
    }
}

/// One shop on its way, in the store and in the model.
struct Walk<'w> {
    world: &'w World,
    domain: ShopDomain,
    model: Model,
    steps: usize,
    /// Shop and version of the pair that is being refreshed.
    leased: Option<(i64, i64)>,
    /// Numbers given to pairs.
    pairs: usize,
}

struct World {
    store: Store,
    db: DatabaseConnection,
    _database: TestDatabase,
}

fn pair(number: usize) -> TokenPair {
    TokenPair {
        access: format!("access {number}").into(),
        refresh: format!("refresh {number}").into(),
        access_lives: 60,
        refresh_lives: 7_776_000,
        scopes: "granted".to_owned(),
    }
}

impl World {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        let settings = [("DATABASE_URL", database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let store = open_store(&settings).await;
        store.migrate().await.unwrap();
        Self { store, db: database.connect().await, _database: database }
    }

    fn walk(&self, serial: usize) -> Walk<'_> {
        let domain = ShopDomain::parse(&format!("s{serial}.myshopify.com")).unwrap();
        Walk { world: self, domain, model: Model::default(), steps: 0, leased: None, pairs: 0 }
    }

    async fn rows(&self, sql: &str) -> Vec<sea_orm::QueryResult> {
        self.db.query_all_raw(Statement::from_string(self.db.get_database_backend(), sql.to_owned())).await.unwrap()
    }

    async fn count(&self, sql: &str) -> i64 {
        self.rows(&format!("SELECT COUNT(*) AS many FROM {sql}")).await[0].try_get("", "many").unwrap()
    }
}

impl Walk<'_> {
    async fn take(&mut self, step: Step) {
        let store = &self.world.store;
        self.steps += 1;
        self.pairs += 1;
        let at = i64::try_from(self.steps).unwrap() * 10 * DAY;
        match step {
            Step::Install | Step::Reinstall => {
                let id = store.install(&self.domain, &pair(self.pairs), at).await.unwrap();
                self.link(id).await;
            }
            Step::Uninstall => {
                store.uninstall(&self.domain, at, at).await.unwrap();
            }
            Step::UninstallLate => {
                if let Some(triggered_at) = self.model.last_uninstall {
                    store.uninstall(&self.domain, triggered_at, at).await.unwrap();
                }
            }
            Step::Scopes => {
                if let Some(id) = store.shop_id(&self.domain).await.unwrap() {
                    store.note_scopes(id, &["changed".to_owned()], at, at).await.unwrap();
                }
            }
            Step::CustomerRedact => {
                let delivery = self.delivery("customers/redact", at).await;
                match store.shop_id(&self.domain).await.unwrap() {
                    Some(id) => {
                        let finish =
                            store.finish_customer_redact(&delivery, id, &self.domain, CUSTOMER, Outcome::Erased, at);
                        assert!(finish.await.unwrap());
                    }
                    None => {
                        let kind = "customers/redact";
                        let nothing = Outcome::NothingStored;
                        assert!(store.finish_with_receipt(&delivery, None, kind, nothing, at).await.unwrap());
                    }
                }
            }
            Step::ShopRedact => {
                let triggered_at = self.model.last_uninstall.map_or(at, |uninstalled| uninstalled + 2 * DAY);
                let delivery = self.delivery("shop/redact", triggered_at).await;
                store.redact_shop(&delivery, at).await.unwrap();
            }
            Step::Refresh => match self.leased.take() {
                Some((id, version)) => {
                    store.replace_tokens(id, version, &pair(self.pairs)).await.unwrap();
                }
                None => self.lease().await,
            },
        }
        self.model.take(step, at, self.pairs);
    }

    /// What a shopper who links an account leaves behind.
    async fn link(&self, id: i64) {
        let connection = ListedConnection {
            connection_id: "connection".to_owned(),
            retailer_id: "walmart".to_owned(),
            status: "active".to_owned(),
        };
        let listed = ListedConnections { shop_id: id, customer_id: CUSTOMER.to_owned(), connections: vec![connection] };
        self.world.store.note_connections(&[listed], 0).await.unwrap();
    }

    async fn lease(&mut self) {
        let store = &self.world.store;
        let Some(id) = store.shop_id(&self.domain).await.unwrap() else { return };
        if let Some(tokens) = store.tokens(id).await.unwrap() {
            // Whether somebody else holds a lease is for the tests of the refresh.
            store.take_refresh(id, tokens.version, 0).await.unwrap();
            self.leased = Some((id, tokens.version));
        }
    }

    async fn delivery(&self, topic: &str, happened_at: i64) -> Delivery {
        let id = format!("{}-{}", self.domain, self.steps);
        let new = NewDelivery {
            id: &id,
            topic,
            shop: &self.domain,
            work: Some("{}".to_owned()),
            triggered_at: Some(happened_at),
            strike: None,
        };
        assert!(self.world.store.receive(&new, i64::MAX / 2).await.unwrap());
        let delivery = self.world.store.lease_delivery(60_000).await.unwrap().unwrap();
        assert_eq!((delivery.id.as_str(), delivery.happened_at), (id.as_str(), happened_at));
        delivery
    }

    /// Holds the store against the model, and answers the state: rows and model, times by their rank.
    async fn check(&self, path: &[Step]) -> String {
        let world = self.world;
        let sql = format!(
            "SELECT id, installed_at, uninstalled_at, previous_uninstalled_at, scopes, scopes_at FROM shops \
             WHERE domain = '{}'",
            self.domain
        );
        let rows = world.rows(&sql).await;
        let model = &self.model;
        assert_eq!(!rows.is_empty(), model.exists, "the shop: {path:?}");
        let mut times: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        let mut stored = Value::Null;
        if let Some(row) = rows.first() {
            let id: i64 = row.try_get("", "id").unwrap();
            for name in ["installed_at", "uninstalled_at", "previous_uninstalled_at", "scopes_at"] {
                times.insert(name, row.try_get("", name).unwrap());
            }
            assert_eq!(times["uninstalled_at"].is_none(), model.installed, "installed: {path:?}");
            let scopes: Option<String> = row.try_get("", "scopes").unwrap();
            assert_eq!(scopes.as_deref(), model.scopes, "scopes: {path:?}");
            let tokens = world.store.tokens(id).await.unwrap();
            let access = tokens.as_ref().map(|tokens| tokens.access.expose_secret().to_owned());
            assert_eq!(access, model.pair.map(|number| format!("access {number}")), "tokens: {path:?}");
            let connections = world.count(&format!("connections WHERE shop_id = {id}")).await;
            assert_eq!(connections > 0, model.customer, "the customer: {path:?}");
            let current = self.leased.map(|(shop, version)| shop == id && tokens.is_some_and(|t| t.version == version));
            stored = serde_json::json!([scopes, access.is_some(), connections, current]);
        } else {
            let whole = world.count(&format!("webhook_deliveries WHERE shop_domain = '{}'", self.domain)).await;
            assert_eq!(whole, 0, "deliveries survive: {path:?}");
        }
        // The promises, in words of their own.
        if !model.installed {
            let sql = format!(
                "shopify_tokens t JOIN shops s ON s.id = t.shop_id WHERE s.domain = '{}' AND s.uninstalled_at IS NOT NULL",
                self.domain
            );
            assert_eq!(world.count(&sql).await, 0, "tokens survive an uninstallation: {path:?}");
        }
        times.insert("last install", model.last_install);
        times.insert("last uninstall", model.last_uninstall);
        let order: Vec<i64> = {
            let mut order: Vec<i64> = times.values().copied().flatten().collect();
            order.sort_unstable();
            order.dedup();
            order
        };
        let rank = |time: &Option<i64>| time.map(|time| order.binary_search(&time).unwrap());
        let ranks: Vec<_> = times.iter().map(|(name, time)| (name, rank(time))).collect();
        let refreshing = model.refreshing.map(|number| model.pair == Some(number));
        let Model { exists, installed, scopes, customer, .. } = model;
        format!("{exists} {installed} {scopes:?} {customer} {refreshing:?} {ranks:?} {stored}")
    }
}

#[actix_web::test]
async fn every_order_of_six_steps_keeps_the_promises() {
    let world = World::create().await;
    let mut seen = HashSet::new();
    let mut ways: VecDeque<Vec<Step>> = VecDeque::from([Vec::new()]);
    let (mut serial, mut orders) = (0, 0);
    while let Some(way) = ways.pop_front() {
        for step in ALL {
            serial += 1;
            let mut walk = world.walk(serial);
            let mut path = way.clone();
            path.push(step);
            for step in &path {
                walk.take(*step).await;
            }
            let state = walk.check(&path).await;
            orders += 1;
            if seen.insert(state) && path.len() < STEPS {
                ways.push_back(path);
            }
        }
    }
    println!("{} states, {orders} ways walked", seen.len());
    assert!(seen.len() > 50, "{}", seen.len());
    // A shop that is gone leaves no row anywhere: children without a shop would be the rows of such a shop.
    for table in ["connections", "shopify_tokens", "audit_lines", "audit_heads", "shop_secrets", "connection_claims"] {
        let orphans = world.count(&format!("{table} WHERE shop_id NOT IN (SELECT id FROM shops)")).await;
        assert_eq!(orphans, 0, "{table}");
    }
}

#[actix_web::test]
async fn every_order_of_three_steps_keeps_the_promises_step_by_step() {
    let world = World::create().await;
    let mut serial = 0;
    for first in ALL {
        for second in ALL {
            for third in ALL {
                serial += 1;
                let mut walk = world.walk(serial);
                let path = [first, second, third];
                for length in 1..=path.len() {
                    walk.take(path[length - 1]).await;
                    walk.check(&path[..length]).await;
                }
            }
        }
    }
    assert_eq!(serial, 512);
}
