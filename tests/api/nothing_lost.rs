//! Nothing acknowledged is lost and nothing is told twice: signed events go in at the webhook, Klaviyo is unreliable, and
//! the processes between them are killed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Destination, Identifier, SecretKind};
use ulid::Ulid;

use crate::support::app::TestApp;
use crate::support::event::{EMAIL, SECRET, Sent, id_from};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::happenings::MOBILE;
use crate::support::process::Process;
use crate::support::wait::until;

/// Every so many events one is about a purchase, which has to be read from Subtotal.
const PURCHASE_EVERY: usize = 5;

/// How much is sent, and how badly it goes.
struct Trial {
    events: usize,
    shops: usize,
    /// How many of them Subtotal sends at once.
    at_once: usize,
    kill_every: Duration,
    patience: Duration,
}

/// A shop, and a connection of it on which purchases are made.
struct Sender {
    shop: String,
    connection: String,
}

/// What an event is about: the connection, or the purchase. No two events of a trial are about the same.
fn about(app: &TestApp, sender: &Sender, nth: usize) -> (String, Sent) {
    let of = |connection: &str, status: &str| {
        json!({
            "connection_id": connection, "customer_id": "7001", "retailer_id": "walmart", "status": status,
            "email": EMAIL, "mobile": MOBILE,
        })
    };
    let id = id_from(app, i64::try_from(nth).unwrap());
    let (subject, kind, payload) = if nth.is_multiple_of(PURCHASE_EVERY) {
        let purchase = app.subtotal.add_purchase(&sender.connection);
        let payload =
            json!({ "connection": of(&sender.connection, "active"), "purchase": { "purchase_id": purchase } });
        (purchase, "purchase.created".to_owned(), payload)
    } else {
        let connection = Ulid::generate().to_string();
        let status = if nth.is_multiple_of(2) { "disconnected" } else { "unauthenticated" };
        (connection.clone(), format!("connection.{status}"), json!({ "connection": of(&connection, status) }))
    };
    let sent = Sent::new(&json!({ "type": kind, "id": id, "payload": payload }));
    (subject, Sent { path: format!("/webhooks/subtotal/{}", sender.shop), ..sent })
}

/// Sends an event to one process after another until one of them says that it has it.
async fn acknowledged(addresses: &Mutex<Vec<String>>, nth: usize, request: impl Fn(&str) -> RequestBuilder) {
    let mut attempt = nth;
    until(Duration::from_secs(60), "an event is acknowledged", async || {
        attempt += 1;
        let address = {
            let addresses = addresses.lock().unwrap();
            addresses[attempt % addresses.len()].clone()
        };
        let answer = request(&address).timeout(Duration::from_secs(10)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

/// What Klaviyo was told of: connections and purchases, each with the id of its event.
fn told(app: &TestApp) -> Vec<String> {
    let subject = |event: &Value| {
        let properties = &event["properties"];
        let subject = properties["purchase_id"].as_str().or(properties["connection_id"].as_str());
        subject.unwrap_or_else(|| panic!("{event}")).to_owned()
    };
    app.klaviyo.events().values().map(subject).collect()
}

/// Two processes share the work, and every so often one of them is killed and another one started.
async fn each_arrives_once(Trial { events, shops, at_once, kill_every, patience }: Trial) {
    let settings = [("DELIVERY_RETRY_BASE_MS", "20"), ("DELIVERY_ATTEMPT_TIMEOUT_MS", "400")];
    let app = TestApp::start_with(&settings, Clock::system()).await;
    app.klaviyo.set_fault(KlaviyoFault::Unreliable);
    let mut senders = Vec::new();
    // Klaviyo's limits are for an account, so there are several.
    for nth in 0..shops {
        let shop = format!("shop-{nth}.myshopify.com");
        let api_key = app.install(&shop).await;
        app.store_secret(&shop, SecretKind::SubtotalWebhook, SECRET).await;
        app.turn_on_with(&shop, Destination::Klaviyo, Identifier::CustomerId, false).await;
        let connection = app.subtotal.add_connection(&api_key, "7001", "walmart", "active");
        senders.push(Sender { shop, connection });
    }
    app.stop().await;
    let mut processes = vec![Process::start(&app.settings, &[]).await, Process::start(&app.settings, &[]).await];
    let addresses = Arc::new(Mutex::new(processes.iter().map(|process| process.address.clone()).collect::<Vec<_>>()));

    let (subjects, all): (BTreeSet<String>, Vec<Sent>) =
        (0..events).map(|nth| about(&app, &senders[nth % shops], nth)).unzip();
    assert_eq!(subjects.len(), events);
    let started = Instant::now();
    let sending = async {
        for (batch, sends) in all.chunks(at_once).enumerate() {
            let requests = sends
                .iter()
                .enumerate()
                .map(|(nth, sent)| acknowledged(&addresses, batch + nth, |address| sent.request(&app, address)));
            join_all(requests).await;
        }
        println!("{events} events were acknowledged after {:?}", started.elapsed());
    };
    let (mut killed_at, mut kills) = (Instant::now(), 0);
    let killing = until(patience, "everything acknowledged was told", async || {
        if killed_at.elapsed() > kill_every {
            let mut killed = processes.remove(0);
            killed.kill();
            processes.push(Process::start(&app.settings, &[]).await);
            *addresses.lock().unwrap() = processes.iter().map(|process| process.address.clone()).collect();
            (killed_at, kills) = (Instant::now(), kills + 1);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.klaviyo.event_count() >= events
    });
    tokio::join!(sending, killing);
    println!("… and told after {:?}: {} calls, {kills} kills", started.elapsed(), app.klaviyo.call_count());
    assert!(kills > 0, "no process was killed");
    let told = told(&app);
    assert_eq!(told.len(), events, "one event for each, by unique_id");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), subjects);
    until(Duration::from_secs(60), "every delivery has ended", async || {
        let mut open = 0;
        for sender in &senders {
            let states = app.store.delivery_states(app.shop_id(&sender.shop).await).await.unwrap();
            open += states.iter().filter(|(state, _)| state != "delivered").map(|(_, count)| count).sum::<i64>();
        }
        open == 0
    })
    .await;
    assert_eq!(app.database.table("deliveries").await.len(), events);
}

#[actix_web::test]
async fn every_acknowledged_event_is_told_once_though_processes_are_killed() {
    let (kill_every, patience) = (Duration::from_millis(1500), Duration::from_secs(180));
    each_arrives_once(Trial { events: 300, shops: 4, at_once: 2, kill_every, patience }).await;
}

/// `cargo test --test api -- --ignored --nocapture ten_thousand`, with `TEST_DATABASE_URL` for PostgreSQL.
#[actix_web::test]
#[ignore = "takes minutes"]
async fn ten_thousand_acknowledged_events_are_told_once_though_processes_are_killed() {
    let (kill_every, patience) = (Duration::from_secs(4), Duration::from_secs(900));
    each_arrives_once(Trial { events: 10_000, shops: 20, at_once: 16, kill_every, patience }).await;
}
