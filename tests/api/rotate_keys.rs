//! `rotate-keys`: everything that is sealed comes under the newest key while the service runs, whatever happens to the run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{Actor, Destination, EventFate, NewEvent, ResealPlace, SecretKind, ShopChanges, Store};
use tokio::task::spawn_blocking;

use crate::support::app::{ENCRYPTION_KEYS as OLD, SHOP, TestApp, open_store};
use crate::support::command::{CommandLine, Outcome};
use crate::support::event::{SECRET, Sent, connection_event, id_from};
use crate::support::happenings::happened;
use crate::support::process::Process;
use crate::support::wait::until;

/// A key called k2.
const NEW: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";
/// A key called k0, which gets lost.
const LOST: &str = "k0:enl4d3Z1dHNycXBvbm1sa2ppaGdmZWRjYmE2NTQzMjE=";
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of a world with other keys.
fn with_keys(app: &TestApp, keys: &str) -> HashMap<String, String> {
    let mut settings = app.settings.clone();
    settings.insert("ENCRYPTION_KEYS".to_owned(), keys.to_owned());
    settings
}

fn both() -> String {
    format!("{NEW},{OLD}")
}

/// Runs a command beside the application, which goes on meanwhile.
async fn run(settings: &HashMap<String, String>, arguments: &'static [&'static str]) -> Outcome {
    let settings = settings.clone();
    spawn_blocking(move || CommandLine::new(settings).run(arguments)).await.unwrap()
}

/// A run that can be killed.
fn start(settings: &HashMap<String, String>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_subtotal-connect"));
    command.arg("rotate-keys").env_clear().envs(settings).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

async fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until(Duration::from_secs(600), "the run ends", async || {
        status = child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    status.unwrap()
}

/// How many values stand under a key.
async fn under(store: &Store, key: &str) -> i64 {
    let counts = store.sealed_counts().await.unwrap();
    counts.iter().filter(|count| count.key == key).map(|count| count.rows).sum()
}

/// Everything opens under these keys; answers how much there is.
async fn all_opens(app: &TestApp, keys: &str) -> usize {
    let (total, shut) = open_store(&with_keys(app, keys)).await.unopened().await.unwrap();
    assert!(shut.is_empty(), "{} of {total} do not open, such as {:?}", shut.len(), shut[0]);
    total
}

fn domain(shop: &str) -> ShopDomain {
    ShopDomain::parse(shop).unwrap()
}

/// Events that could not be read: their bodies stay, and nobody works on them.
async fn unreadable(app: &TestApp, store: &Store, ids: impl Iterator<Item = usize>) {
    let (shop_id, now) = (app.shop_id(SHOP).await, app.clock.unix_ms());
    let event = |nth| NewEvent {
        shop_id,
        id: format!("unreadable-{nth}"),
        kind: "unknown".to_owned(),
        connection_id: None,
        customer_id: None,
        retailer_id: None,
        purchase_id: None,
        is_simulated: false,
        body: format!("{{\"secret body\":{nth}}}").into(),
        sent_at: now,
        received_at: now,
        fate: EventFate::Unreadable("not what was expected"),
    };
    let events: Vec<NewEvent> = ids.map(event).collect();
    for lot in events.chunks(1000) {
        assert!(store.receive_events(lot).await.unwrap().iter().all(|kept| *kept));
    }
}

async fn save(store: &Store, app: &TestApp, shop: &str, kind: SecretKind, secret: String) {
    app.never_show(&secret);
    let changes = ShopChanges { secret: Some((kind, secret.into())), ..ShopChanges::default() };
    store.save_shop(&domain(shop), changes, Actor::CommandLine, app.clock.unix_ms()).await.unwrap();
}

async fn api_key(store: &Store, shop: &str) -> String {
    let shop = store.load_shop(&domain(shop)).await.unwrap().unwrap();
    shop.api_key.unwrap().0.expose_secret().to_owned()
}

/// Deliveries that wait, because Klaviyo is paused, one for each of these.
async fn waiting(app: &TestApp, ids: impl Iterator<Item = usize>) {
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.database.execute("UPDATE integrations SET is_paused = true").await;
    for nth in ids {
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
    }
}

/// Shops with secrets and token pairs.
async fn shops(app: &TestApp, count: usize) {
    for nth in 0..count {
        let shop = format!("shop-{nth}.myshopify.com");
        let pair = TokenPair {
            access: format!("shpat_{nth}").into(),
            refresh: format!("shprt_{nth}").into(),
            access_lives: 3600,
            refresh_lives: 7_776_000,
            scopes: String::new(),
        };
        app.store.install(&domain(&shop), &pair, app.clock.unix_ms()).await.unwrap();
        save(&app.store, app, &shop, SecretKind::SubtotalApiKey, format!("subtotal-api-key-of-shop-{nth}")).await;
    }
}

/// How much there is, how much is put in place of it meanwhile, and how long all of it may take.
struct Trial {
    events: usize,
    deliveries: usize,
    shops: usize,
    kills: usize,
}

/// While a service runs on both keys, takes events and has secrets replaced, the run is killed as soon as it did
/// something, again and again, and then two of them run to their end at once.
async fn rotated_though_killed(Trial { events, deliveries, shops: of_shops, kills }: Trial) {
    let app = TestApp::start().await;
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, SECRET).await;
    unreadable(&app, &app.store, 0..events).await;
    waiting(&app, 0..deliveries).await;
    shops(&app, of_shops).await;
    app.stop().await;
    let seeded = under(&app.store, "k1").await;
    assert!(seeded >= i64::try_from(events + deliveries + 2 * of_shops).unwrap());
    let settings = with_keys(&app, &both());
    let (service, store) = (Process::start(&settings, &[]).await, open_store(&settings).await);
    // What an older version wrote does not say its key.
    app.database.execute("UPDATE subtotal_events SET key_id = NULL WHERE event_id LIKE '%7'").await;

    let done = AtomicBool::new(false);
    let load = async {
        let mut taken = 0;
        let mut replaced = BTreeMap::new();
        while !done.load(Ordering::Relaxed) {
            let connection = format!("01LIVE{taken:020}");
            let event = connection_event(&id_from(&app, 0), "disconnected", &connection);
            let answer = Sent::new(&event).request(&app, &service.address).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            taken += 1;
            let (shop, key) =
                (format!("shop-{}.myshopify.com", taken % of_shops), format!("subtotal-api-key-replaced-{taken}"));
            save(&store, &app, &shop, SecretKind::SubtotalApiKey, key.clone()).await;
            replaced.insert(shop, key);
            assert_eq!(service.plain(&app, "/readyz").await.status, 200);
        }
        (taken, replaced)
    };
    let rotating = async {
        let began = Instant::now();
        let mut left = seeded;
        for _ in 0..kills {
            let mut run = start(&settings);
            until(PATIENCE, "the run does something", async || under(&store, "k1").await < left).await;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
            run.kill().unwrap();
            run.wait().unwrap();
            left = under(&store, "k1").await;
        }
        assert!(left > 0, "all was done before the last kill; the trial is too small");
        let mut runs = [start(&settings), start(&settings)];
        for run in &mut runs {
            assert!(ended(run).await.success(), "a run beside another one failed");
        }
        println!("{seeded} values, {kills} kills: {:?}", began.elapsed());
        done.store(true, Ordering::Relaxed);
    };
    let ((taken, replaced), ()) = tokio::join!(load, rotating);
    assert_eq!(under(&store, "k1").await, 0);
    assert_eq!(run(&settings, &["rotate-keys", "--check", "--json"]).await.json()["left"], 0);
    drop(service);

    // The old key is taken away, and everything that waited is told.
    let settings = with_keys(&app, NEW);
    assert!(all_opens(&app, NEW).await >= events + deliveries + 2 * of_shops);
    let alone = open_store(&settings).await;
    for (shop, key) in replaced {
        assert_eq!(api_key(&alone, &shop).await, key, "{shop}");
    }
    let _service = Process::start(&settings, &[]).await;
    app.database.execute("UPDATE integrations SET is_paused = false").await;
    until(Duration::from_secs(600), "everything that waited was told", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.klaviyo.event_count() >= deliveries + taken
    })
    .await;
    assert_eq!(app.klaviyo.events().len(), deliveries + taken);
}

#[actix_web::test]
async fn everything_opens_under_the_new_key_alone_though_runs_are_killed() {
    rotated_though_killed(Trial { events: 1600, deliveries: 200, shops: 100, kills: 4 }).await;
}

/// `cargo test --test api -- --ignored --nocapture hundred_thousand`, with `TEST_DATABASE_URL` for PostgreSQL.
#[actix_web::test]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_values_open_under_the_new_key_alone_though_runs_are_killed() {
    rotated_though_killed(Trial { events: 97_000, deliveries: 2000, shops: 500, kills: 40 }).await;
}

#[actix_web::test]
async fn a_secret_that_is_replaced_while_it_is_sealed_anew_is_the_one_that_stays() {
    let app = TestApp::start().await;
    let store = open_store(&with_keys(&app, &both())).await;
    for nth in 0..40 {
        let (before, after) = (format!("subtotal-api-key-before-{nth}"), format!("subtotal-api-key-after-{nth}"));
        save(&app.store, &app, SHOP, SecretKind::SubtotalApiKey, before).await;
        let sealing = store.reseal(ResealPlace::default(), 10);
        let replacing = save(&store, &app, SHOP, SecretKind::SubtotalApiKey, after.clone());
        let (sealed, ()) = tokio::join!(sealing, replacing);
        assert!(sealed.unwrap().unopened.is_empty());
        assert_eq!(api_key(&store, SHOP).await, after);
    }
}

#[actix_web::test]
async fn what_does_not_open_is_named_by_table_and_shop_and_the_rest_is_done() {
    const LOSER: &str = "loser.myshopify.com";
    let app = TestApp::start().await;
    waiting(&app, 0..3).await;
    unreadable(&app, &app.store, 0..2).await;
    let lost = open_store(&with_keys(&app, LOST)).await;
    save(&lost, &app, LOSER, SecretKind::SubtotalApiKey, "subtotal-api-key-under-a-lost-key".to_owned()).await;
    let victim = app.database.table("deliveries").await[0]["id"].as_str().unwrap().to_owned();
    let other = format!("SELECT d.content FROM deliveries d WHERE d.id <> '{victim}' LIMIT 1");
    app.database.execute(&format!("UPDATE deliveries SET content = ({other}) WHERE id = '{victim}'")).await;

    let settings = with_keys(&app, &both());
    let before = app.database.rows().await;
    assert_eq!(run(&settings, &["rotate-keys", "--check"]).await.code, 1);
    assert_eq!(app.database.rows().await, before, "a check changes nothing");
    let outcome = run(&settings, &["rotate-keys"]).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let delivery = format!("deliveries of {SHOP}, 1 values: a stored secret does not open: it is damaged");
    assert!(outcome.stderr.contains(&delivery), "{outcome:?}");
    let secret =
        format!("shop_secrets of {LOSER}, 1 values: a stored secret was sealed under the encryption key \"k0\"");
    assert!(outcome.stderr.contains(&secret), "{outcome:?}");
    assert!(outcome.stderr.contains("2 values stand under other keys"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("subtotal-api-key"), "{outcome:?}");
    assert_eq!((under(&app.store, "k0").await, under(&app.store, "k1").await), (1, 1), "the rest is done");

    // `doctor` sees the same, once the old key is gone.
    let outcome = run(&with_keys(&app, NEW), &["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let secrets = report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "secrets").unwrap();
    let message = secrets["message"].as_str().unwrap();
    assert!(message.starts_with("2 of ") && message.contains(&format!("a delivery of {SHOP}")), "{message}");

    // Stored again and deleted, nothing needs another key.
    let store = open_store(&settings).await;
    save(&store, &app, LOSER, SecretKind::SubtotalApiKey, "subtotal-api-key-stored-again".to_owned()).await;
    app.database.execute(&format!("DELETE FROM deliveries WHERE id = '{victim}'")).await;
    run(&settings, &["rotate-keys"]).await.done();
    assert_eq!(all_opens(&app, NEW).await, 4 + 2 + 2);
}

#[actix_web::test]
async fn a_check_counts_by_table_and_key_and_fails_while_an_older_key_is_needed() {
    let app = TestApp::start().await;
    waiting(&app, 0..3).await;
    unreadable(&app, &app.store, 0..4).await;
    shops(&app, 1).await;
    app.database.execute("UPDATE subtotal_events SET key_id = NULL").await;
    let settings = with_keys(&app, &both());
    unreadable(&app, &open_store(&settings).await, 4..6).await;
    // What was struck out needs no key.
    app.database.execute("UPDATE subtotal_events SET sealed = NULL WHERE event_id IN ('unreadable-0')").await;
    let row = |table: &str, key: &str, rows: i64| json!({ "table": table, "key": key, "rows": rows });
    let outcome = run(&settings, &["rotate-keys", "--check", "--json"]).await;
    assert_eq!(outcome.code, 1);
    let expected = json!({
        "newest": "k2", "resealed": 0, "left": 11, "unopened": [], "counts": [
            row("shop_secrets", "k1", 4), row("shopify_tokens", "k1", 1), row("deliveries", "k1", 3),
            row("subtotal_events", "k1", 3), row("subtotal_events", "k2", 2),
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&outcome.stdout).unwrap(), expected);
    let rotated = run(&settings, &["rotate-keys", "--json"]).await.json();
    assert_eq!((&rotated["resealed"], &rotated["left"]), (&json!(11), &json!(0)));
    let again = run(&settings, &["rotate-keys", "--json"]).await.json();
    assert_eq!(again["resealed"], 0, "nothing is done twice");
    let said = run(&settings, &["rotate-keys", "--check"]).await.done();
    assert!(said.ends_with("Nothing needs another key than k2; older ones can go from ENCRYPTION_KEYS.\n"), "{said}");
    let keys: BTreeSet<String> =
        app.database.table("subtotal_events").await.iter().map(|row| row["key_id"].to_string()).collect();
    assert_eq!(keys, BTreeSet::from(["null", "\"k2\""].map(str::to_owned)), "only the struck out one says none");
    let mut none = settings.clone();
    none.remove("ENCRYPTION_KEYS");
    assert!(run(&none, &["rotate-keys"]).await.failed(1).contains("ENCRYPTION_KEYS"));
}
