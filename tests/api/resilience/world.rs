//! A shop that has everything the table asks about: a list that is on, a webhook secret, both tools turned on, and tokens
//! of Shopify's; and a second one whose token ends soon.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use subtotal_connect::clock::Clock;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{Destination, Identifier, SecretKind};

use super::columns::{ASKED, Column};
use super::jobs::Jobs;
use super::table::Row;
use crate::support::app::{SHOP, TestApp};
use crate::support::database::TestDatabase;
use crate::support::event::{SECRET, id_from};
use crate::support::wait::until;

/// The shop whose token ends soon.
pub(super) const RENEWING: &str = "renewing.myshopify.com";
/// How long such a token lives, in seconds.
const SOON: i64 = 60;
/// Whom the list names.
const LISTED: &str = "wonderland.example";
/// How long it may take until all is well again.
const RECOVERY: Duration = Duration::from_secs(20);

/// What was observed of each column.
pub(super) type Observed = BTreeMap<Column, String>;

/// Who signs what is sent, and by which clock.
#[derive(Debug)]
pub(super) struct Signing {
    pub(super) client_secret: String,
    pub(super) webhook_secret: String,
    /// How far its clock is ahead of the service's, in seconds.
    pub(super) ahead: Cell<i64>,
}

/// The shop, the service and everybody around it.
pub(super) struct World {
    pub(super) app: TestApp,
    /// Where the service is that is asked.
    pub(super) address: String,
    pub(super) signing: Signing,
    /// The version of the settings that staff loaded last.
    pub(super) version: Cell<i64>,
    shoppers: Cell<u32>,
}

/// Somebody who was never there before, whom nothing in memory knows.
#[derive(Debug, Clone)]
pub(super) struct Shopper {
    pub(super) id: String,
    pub(super) email: String,
}

impl World {
    /// On the database of the suite, and on the machine's clock.
    pub(super) async fn start() -> Self {
        Self::start_on(TestDatabase::create().await, Clock::system()).await
    }

    /// Failed deliveries come back within a second, so that what waits is seen to be done.
    pub(super) async fn start_on(database: TestDatabase, clock: Clock) -> Self {
        let app = TestApp::start_on(database, &[("DELIVERY_RETRY_BASE_MS", "200")], clock).await;
        app.install(RENEWING).await;
        // Tokens that Shopify gives and takes, instead of one that the operator stored.
        app.database.execute("DELETE FROM shop_secrets WHERE kind = 'shopify_admin_token'").await;
        app.store_secret(SHOP, SecretKind::SubtotalWebhook, SECRET).await;
        for shop in [SHOP, RENEWING] {
            app.turn_on(shop, Destination::Flow).await;
        }
        // By the customer's id, which a connection always has.
        app.turn_on_with(SHOP, Destination::Klaviyo, Identifier::CustomerId, false).await;
        app.set_list(None, true, &[LISTED]).await;
        let client_secret = app.client_secret.clone();
        let world = Self {
            address: app.address.clone(),
            signing: Signing { client_secret, webhook_secret: SECRET.to_owned(), ahead: Cell::new(0) },
            version: Cell::default(),
            shoppers: Cell::new(8000),
            app,
        };
        world.grant(SHOP, 24 * 3600).await;
        world
    }

    /// Has Shopify grant a shop a pair whose access token lives so many seconds. Answers that token.
    pub(super) async fn grant(&self, shop: &str, access_lives: i64) -> String {
        let (access, refresh) = self.app.admin.tokens(|tokens| tokens.grant(shop));
        let pair = TokenPair {
            access: access.clone().into(),
            refresh: refresh.into(),
            access_lives,
            refresh_lives: 7_776_000,
            scopes: String::new(),
        };
        self.app.store.install(&ShopDomain::parse(shop).unwrap(), &pair, self.app.clock.unix_ms()).await.unwrap();
        access
    }

    /// Has Shopify grant a token that ends so soon that it is to be renewed. Answers it.
    pub(super) async fn expiring(&self) -> String {
        self.grant(RENEWING, SOON).await
    }

    /// An id as Subtotal makes it now.
    pub(super) fn event_id(&self) -> String {
        id_from(&self.app, -1000 * self.signing.ahead.get())
    }

    /// The next shopper, whom the list names.
    pub(super) fn shopper(&self) -> Shopper {
        let id = self.shoppers.replace(self.shoppers.get() + 1).to_string();
        let email = format!("shopper-{id}@{LISTED}");
        self.app.set_contact(&id, Some(&email), None);
        Shopper { id, email }
    }

    /// Seconds on the clock of who signs.
    pub(super) fn signs_at(&self) -> i64 {
        self.app.clock.unix_seconds() + self.signing.ahead.get()
    }

    /// Waits until everything that is asked comes out as it does when nothing fails.
    pub(super) async fn is_well(&self, when: &str) {
        let wrong = |seen: &Observed| -> Vec<String> {
            let differs = |column: &Column| seen[column] != column.well().observed;
            ASKED.into_iter().filter(differs).map(|column| format!("{column:?}: {}", seen[&column])).collect()
        };
        let mut last = Vec::new();
        let waited = tokio::time::timeout(RECOVERY, async {
            loop {
                self.load_version().await;
                last = wrong(&self.ask().await);
                if last.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let outcome = waited.await;
        assert!(outcome.is_ok(), "all is not well {when}: {last:?}");
    }

    /// Loads the settings, as staff do before they change them.
    pub(super) async fn load_version(&self) {
        let answer = self.staff(reqwest::Method::GET, "/settings", None).await;
        if let Some(answer) = answer.filter(|answer| answer.status == 200) {
            self.version.set(answer.json()["version"].as_i64().unwrap());
        }
    }

    /// Asks and gives everything while `begin` has made something fail, holds that against the row, and sees that all is
    /// well and done once `end` is over.
    pub(super) async fn endures(&self, row: &Row, begin: impl AsyncFnOnce(&World), end: impl AsyncFnOnce(&World)) {
        self.is_well("before").await;
        let access = self.expiring().await;
        begin(self).await;
        let jobs = Jobs::give(self, access).await;
        // On a machine that is busy a call may take too long once.
        let mut seen = self.look(&jobs).await;
        if !row.differences(&seen).is_empty() {
            seen = self.look(&jobs).await;
        }
        row.assert_holds(&seen);
        end(self).await;
        jobs.are_done(self).await;
        self.is_well("afterwards").await;
    }

    /// Asks for everything, and sees how the jobs stand once each was tried.
    async fn look(&self, jobs: &Jobs) -> Observed {
        let mut seen = self.ask().await;
        seen.extend(jobs.tried(self).await);
        seen
    }

    /// The rows of a table, where the database can be read.
    pub(super) async fn rows(&self, table: &str) -> Vec<Value> {
        self.app.database.table(table).await
    }

    /// Waits for a condition as long as recovery may take.
    pub(super) async fn until(&self, what: &str, condition: impl AsyncFnMut() -> bool) {
        until(RECOVERY, what, condition).await;
    }
}
