//! A database in trouble: every kind of request is answered in time and plainly, nothing that was acknowledged is lost, and
//! once the trouble is over everything works again without a restart.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::SecretKind;
use tokio::time::sleep;

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::cluster::Cluster;
use crate::support::database::TestDatabase;
use crate::support::event::{self, SECRET, Sent, connection_event, id_from};
use crate::support::process::Process;
use crate::support::wait::until;
use crate::support::webhook::Hook;

/// The storefront's deadline, and what the contract allows beyond it.
const IN_TIME: Duration = Duration::from_millis(4250);
/// How long a trouble lasts here.
const SOME_TIME: Duration = Duration::from_secs(6);
/// How long recovery may take.
const RECOVERY: Duration = Duration::from_secs(10);

/// What is asked, over and over.
const KINDS: [&str; 7] = ["configuration", "retailers", "connect", "webhook", "event", "admin", "ready"];
/// Those that write.
const WRITES: [&str; 4] = ["connect", "webhook", "event", "ready"];

/// A process in trouble, and what it answered.
struct Trouble<'a> {
    app: &'a TestApp,
    /// The process, where it is not the application's own.
    address: String,
    seen: RefCell<Vec<Seen>>,
    shoppers: Cell<u32>,
    over: Cell<bool>,
}

struct Seen {
    kind: &'static str,
    id: String,
    answer: Answer,
    took: Duration,
}

impl<'a> Trouble<'a> {
    fn of(app: &'a TestApp, address: &str) -> Self {
        let seen = RefCell::default();
        Self { app, address: address.to_owned(), seen, shoppers: Cell::new(8000), over: Cell::new(false) }
    }

    /// One request of each kind at once. Answers their statuses.
    async fn ask(&self) -> Vec<(&'static str, u16)> {
        let asked = KINDS.map(|kind| self.ask_for(kind));
        futures_util::future::join_all(asked).await
    }

    async fn ask_for(&self, kind: &'static str) -> (&'static str, u16) {
        let (request, id) = self.request(kind);
        let started = Instant::now();
        let answer = self.app.send(request.timeout(Duration::from_secs(20)), "").await;
        let status = answer.status;
        self.seen.borrow_mut().push(Seen { kind, id, answer, took: started.elapsed() });
        (kind, status)
    }

    fn request(&self, kind: &'static str) -> (RequestBuilder, String) {
        let app = self.app;
        match kind {
            "configuration" => (self.proxied(Method::GET, "/configuration", ALICE), String::new()),
            "retailers" => (self.proxied(Method::GET, "/retailers", ALICE), String::new()),
            "connect" => {
                // A shopper of their own, who is to get one connection.
                let shopper = self.shoppers.replace(self.shoppers.get() + 1).to_string();
                let body = json!({
                    "retailerId": "walmart", "retailerLinkUrl": "https://link.subtotal.com/zklQOnlG", "redirectUrl": "/",
                });
                (self.proxied(Method::POST, "/connections", &shopper).json(&body), shopper)
            }
            "webhook" => {
                let hook = Hook::new("app/scopes_update", &json!({ "previous": [], "current": ["read_customers"] }));
                (hook.request(app, &self.address), hook.id)
            }
            "event" => {
                let id = id_from(app, i64::try_from(self.seen.borrow().len()).unwrap());
                let connection = ulid::Ulid::generate().to_string();
                let sent = Sent::new(&connection_event(&id, "disconnected", &connection));
                (sent.request(app, &self.address), id)
            }
            "admin" => {
                let request = app.http().get(format!("{}/admin/api/settings", self.address));
                (request.bearer_auth(app.session_token(SHOP)), String::new())
            }
            _ => (app.http().get(format!("{}/readyz", self.address)), String::new()),
        }
    }

    fn proxied(&self, method: Method, path: &str, customer: &str) -> RequestBuilder {
        let query = self.app.query_of(SHOP, customer, "");
        self.app.never_show(query.rsplit_once("signature=").unwrap().1);
        let request = self.app.http().request(method, format!("{}/apps/subtotal{path}?{query}", self.address));
        request.header("X-Forwarded-Host", "shop.example.com")
    }

    /// Asks while `trouble` comes and goes, and until every kind of request is answered well again.
    async fn endured(&self, trouble: impl Future<Output = ()>) {
        let well = |answers: &[(&str, u16)]| answers.iter().all(|(_, status)| *status == 200);
        until(RECOVERY, "all is well before", async || well(&self.ask().await)).await;
        let asking = async {
            while !self.over.get() {
                self.ask().await;
                sleep(Duration::from_millis(100)).await;
            }
        };
        let troubling = async {
            trouble.await;
            self.over.set(true);
        };
        tokio::join!(asking, troubling);
        let over = Instant::now();
        until(RECOVERY, "all is well again", async || {
            let answers = self.ask().await;
            println!("{answers:?}");
            well(&answers)
        })
        .await;
        println!("well again after {:?}", over.elapsed());
    }

    /// Every answer came in time, and was good or said plainly what is wrong; of these kinds some were refused.
    fn assert_plain(&self, refused: &[&str]) {
        let seen = self.seen.borrow();
        for Seen { kind, answer, took, .. } in seen.iter() {
            assert!(*took <= IN_TIME, "{kind} took {took:?}: {answer:?}");
            match (answer.status, *kind) {
                (200, _) => {}
                (503, "ready") => assert_eq!(answer.json()["status"], "not ready"),
                (503, _) => {
                    assert_eq!(answer.code(), "database_unavailable");
                    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
                }
                _ => panic!("{kind}: {answer:?}"),
            }
        }
        for kind in KINDS {
            let of = || seen.iter().filter(|seen| seen.kind == kind);
            let count = of().filter(|seen| seen.answer.status == 503).count();
            let longest = of().map(|seen| seen.took).max().unwrap();
            println!("{kind}: {} asked, {count} refused, at most {longest:?}", of().count());
            assert!(count > 0 || !refused.contains(&kind), "{kind} was never refused");
        }
    }

    /// What was answered 200 is there, and done; and nobody got two connections.
    async fn assert_nothing_lost(&self) {
        let acknowledged = |kind: &str| {
            let seen = self.seen.borrow();
            let of = seen.iter().filter(|seen| seen.kind == kind && seen.answer.status == 200);
            of.map(|seen| seen.id.clone()).collect::<Vec<_>>()
        };
        let ids = async |table: &str, column: &str| {
            let rows = self.app.database.table(table).await;
            rows.iter().map(|row| row[column].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (hooks, kept) = (acknowledged("webhook"), ids("webhook_deliveries", "delivery_id").await);
        assert!(!hooks.is_empty() && hooks.iter().all(|id| kept.contains(id)), "{hooks:?} {kept:?}");
        let events = acknowledged("event");
        assert!(!events.is_empty());
        until(Duration::from_secs(60), "every acknowledged event is told", async || {
            let told = ids("happenings", "id").await;
            events.iter().all(|id| told.contains(id))
        })
        .await;
        let created = self.app.subtotal.connections();
        for shopper in acknowledged("connect") {
            let of = created.iter().filter(|connection| connection["customer_id"] == shopper.as_str());
            assert_eq!(of.count(), 1, "{shopper}");
        }
        for one in &created {
            let same = created.iter().filter(|other| other["customer_id"] == one["customer_id"]);
            assert_eq!(same.count(), 1, "{one}");
        }
    }
}

async fn app_on(database: TestDatabase) -> TestApp {
    let app = TestApp::start_on(database, &[], Clock::system()).await;
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, SECRET).await;
    app.never_show(event::EMAIL);
    app.never_show(event::PHONE);
    app
}

/// Runs the application on a server of its own, and what `trouble` makes of that.
async fn postgres_in_trouble(trouble: impl AsyncFnOnce(&Cluster)) {
    let Some(cluster) = Cluster::start().await else { return };
    let app = app_on(TestDatabase::in_cluster(cluster.url())).await;
    let asked = Trouble::of(&app, &app.address);
    asked.endured(trouble(&cluster)).await;
    asked.assert_plain(&KINDS);
    asked.assert_nothing_lost().await;
    app.stop().await;
}

async fn stopped(cluster: &Cluster, lasts: Duration) {
    cluster.down();
    sleep(lasts).await;
    cluster.up();
}

async fn paused(cluster: &Cluster, lasts: Duration) {
    cluster.pause();
    sleep(lasts).await;
    cluster.resume();
}

#[actix_web::test]
async fn a_postgres_that_is_stopped_is_endured() {
    postgres_in_trouble(async |cluster| stopped(cluster, SOME_TIME).await).await;
}

#[actix_web::test]
async fn a_postgres_that_is_paused_is_endured() {
    postgres_in_trouble(async |cluster| paused(cluster, SOME_TIME).await).await;
}

#[actix_web::test]
async fn a_postgres_that_has_no_connections_left_is_endured() {
    postgres_in_trouble(async |cluster| {
        cluster.allow_connections(0).await;
        let ends = Instant::now() + SOME_TIME;
        while Instant::now() < ends {
            cluster.drop_connections().await;
            sleep(Duration::from_millis(200)).await;
        }
        cluster.allow_connections(-1).await;
    })
    .await;
}

#[actix_web::test]
async fn a_postgres_that_restarts_and_drops_connections_is_endured() {
    let Some(cluster) = Cluster::start().await else { return };
    let app = app_on(TestDatabase::in_cluster(cluster.url())).await;
    let asked = Trouble::of(&app, &app.address);
    asked
        .endured(async {
            cluster.restart();
            let ends = Instant::now() + SOME_TIME;
            while Instant::now() < ends {
                cluster.drop_connections().await;
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    asked.assert_plain(&[]);
    asked.assert_nothing_lost().await;
    app.stop().await;
}

/// `cargo test --test api -- --ignored --nocapture twenty_seconds`, with `TEST_DATABASE_URL`.
#[actix_web::test]
#[ignore = "takes a minute"]
async fn a_postgres_that_is_stopped_or_paused_for_twenty_seconds_is_endured() {
    let lasts = Duration::from_secs(20);
    postgres_in_trouble(async |cluster| stopped(cluster, lasts).await).await;
    postgres_in_trouble(async |cluster| paused(cluster, lasts).await).await;
}

/// A process of its own on a file of SQLite.
async fn sqlite() -> (TestApp, Process, PathBuf) {
    let app = app_on(TestDatabase::sqlite()).await;
    let path = app.database.url.strip_prefix("sqlite://").unwrap().split('?').next().unwrap().into();
    app.stop().await;
    let process = Process::start(&app.settings, &[]).await;
    (app, process, path)
}

#[actix_web::test]
async fn a_full_disk_below_sqlite_is_endured() {
    let (app, process, _) = sqlite().await;
    let asked = Trouble::of(&app, &process.address);
    asked
        .endured(async {
            process.limit_files("0");
            asked.ask().await;
            sleep(SOME_TIME).await;
            process.limit_files("unlimited");
        })
        .await;
    asked.assert_plain(&WRITES);
    asked.assert_nothing_lost().await;
}

#[actix_web::test]
async fn another_writer_that_holds_sqlite_is_endured() {
    let (app, process, _) = sqlite().await;
    let mut options = ConnectOptions::new(app.database.url.clone());
    let other = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    let asked = Trouble::of(&app, &process.address);
    asked
        .endured(async {
            until(RECOVERY, "the file is held", async || other.execute_unprepared("BEGIN EXCLUSIVE").await.is_ok())
                .await;
            // Once all of it while the file is held, and then for some time more.
            asked.ask().await;
            sleep(SOME_TIME / 3).await;
            other.execute_unprepared("ROLLBACK").await.unwrap();
        })
        .await;
    asked.assert_plain(&WRITES);
    asked.assert_nothing_lost().await;
}

#[actix_web::test]
async fn a_file_of_sqlite_that_may_only_be_read_answers_what_needs_no_write() {
    let (app, mut process, path) = sqlite().await;
    process.kill();
    let url = format!("sqlite://{}?mode=ro", path.display());
    let process = Process::start(&app.settings, &[("DATABASE_URL", &url), ("MIGRATE_ON_START", "false")]).await;
    let asked = Trouble::of(&app, &process.address);
    for (kind, status) in asked.ask().await {
        assert_eq!(status, if WRITES.contains(&kind) { 503 } else { 200 }, "{kind}");
    }
    asked.assert_plain(&WRITES);
}
