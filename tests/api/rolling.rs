//! Two replicas behind a load balancer, under load over every endpoint, that are restarted, or killed, one after the other.
//! On PostgreSQL, which is what replicas share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use crate::fleet::Fleet;
use crate::fleet::proxy::Proxy;
use crate::fleet::site::Site;
use crate::fleet::traffic::{Ended, send};
use crate::support::app::TestApp;
use crate::support::database::TestDatabase;
use crate::support::wait::until;

/// How long after the last kill everything must be settled.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// How much is asked, and how often each replica is restarted.
struct Trial {
    rate: u32,
    shops: usize,
    restarts: usize,
}

/// What a trial left.
struct Outcome {
    app: TestApp,
    sites: Vec<Site>,
    ended: Vec<Ended>,
    /// When replicas were killed; empty where they were told to stop.
    kills: Vec<Instant>,
    /// When the last request had ended.
    at: Instant,
    fleet: Fleet,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Terminate,
    Kill,
}

async fn replaced(Trial { rate, shops, restarts }: Trial, ending: Ending) -> Outcome {
    let app = TestApp::start().await;
    let sites = Site::several(&app, shops).await;
    let mut fleet = Fleet::start(&app, &[("RUST_LOG", "warn,subtotal_connect::commands=info")]).await;
    let (address, stop, begun) = (fleet.proxy.address.clone(), Arc::new(AtomicBool::new(false)), Instant::now());
    let mut kills = Vec::new();
    let replacing = async {
        // The first requests fill what is cached.
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..restarts {
            for nth in 0..fleet.len() {
                match ending {
                    Ending::Terminate => fleet.restart(nth).await,
                    Ending::Kill => kills.push(fleet.kill(nth).await),
                }
                // Kills are further apart than a claim of a dead process lasts, so that each has its own consequences.
                if ending == Ending::Kill {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        // However quick that was.
        until(SETTLED_WITHIN, "every shop's token is renewed time and again", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            renewals(&app) >= sites.len() * 2
        })
        .await;
        stop.store(true, Ordering::Relaxed);
    };
    let (ended, ()) = tokio::join!(send(&app, &address, &sites, rate, stop.clone()), replacing);
    let (took, count) = (begun.elapsed(), ended.len());
    let mut times: Vec<Duration> = ended.iter().map(|one| one.took).collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{count} requests in {took:.1?} ({:.0}/s), p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        count as f64 / took.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
    Outcome { app, sites, ended, kills, at: Instant::now(), fleet }
}

/// Nobody was linked twice.
fn assert_one_connection_each(app: &TestApp) {
    let mut connections = BTreeMap::new();
    for connection in app.subtotal.connections() {
        let whose = (connection["customer_id"].to_string(), connection["retailer_id"].to_string());
        *connections.entry(whose).or_insert(0) += 1;
    }
    assert!(connections.len() > 10, "{connections:?}");
    connections.retain(|_, count| *count > 1);
    assert!(connections.is_empty(), "linked twice: {connections:?}");
}

/// Everything acknowledged was told, once, and nothing waits.
async fn assert_events_are_told(Outcome { app, sites, ended, at, .. }: &Outcome) {
    let events = || ended.iter().filter(|one| one.what == "POST /webhooks/subtotal");
    let acknowledged: BTreeSet<&str> =
        events().filter(|one| one.failure.is_none()).map(|one| one.subject.as_str()).collect();
    let sent: BTreeSet<&str> = events().map(|one| one.subject.as_str()).collect();
    assert!(acknowledged.len() > 20);
    let mut left = (usize::MAX, [0; 4]);
    while left != (0, [0; 4]) {
        left = (acknowledged.len().saturating_sub(app.klaviyo.event_count()), waiting(app).await);
        assert!(
            at.elapsed() < SETTLED_WITHIN,
            "not told, and webhooks, events, histories, deliveries waiting: {left:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{} events told {:.1?} after the last request", acknowledged.len(), at.elapsed());
    let mut told: Vec<String> = Vec::new();
    for event in app.klaviyo.events().values() {
        let properties = &event["properties"];
        told.push(properties["purchase_id"].as_str().or(properties["connection_id"].as_str()).unwrap().to_owned());
    }
    let once: BTreeSet<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(once.len(), told.len(), "told twice");
    assert_eq!(acknowledged.difference(&once).collect::<Vec<_>>(), Vec::<&&str>::new(), "lost");
    // One whose answer was lost may have been kept.
    assert_eq!(once.difference(&sent).collect::<Vec<_>>(), Vec::<&&str>::new());
    for site in sites {
        let states = app.store.delivery_states(app.shop_id(&site.shop).await).await.unwrap();
        assert!(states.iter().all(|(state, _)| state == "delivered"), "{states:?}");
    }
}

/// Webhooks, events, histories and deliveries that are not done.
async fn waiting(app: &TestApp) -> [i64; 4] {
    let mut waiting = [0; 4];
    for (nth, open) in [
        "webhook_deliveries WHERE state = 'waiting'",
        "subtotal_events WHERE state = 'waiting'",
        "followed_connections WHERE history = 'waiting'",
        "deliveries WHERE ended_at IS NULL",
    ]
    .into_iter()
    .enumerate()
    {
        waiting[nth] = app.database.count(&format!("SELECT count(*) FROM {open}")).await;
    }
    waiting
}

/// Nobody renews a token any more, and what is stored works at Shopify.
async fn assert_tokens_are_settled(Outcome { app, sites, at, .. }: &Outcome) {
    until(SETTLED_WITHIN, "nobody renews a token", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = app.clock.unix_ms();
        app.database.count(&format!("SELECT count(*) FROM shopify_tokens WHERE refresh_until > {now}")).await == 0
    })
    .await;
    for site in sites {
        let stored = app.store.tokens(app.shop_id(&site.shop).await).await.unwrap().unwrap();
        assert_eq!(stored.problem, None, "{}", site.shop);
        let works = app.admin.tokens(|tokens| tokens.works(&site.shop, stored.refresh.expose_secret()));
        assert!(works, "{}: Shopify does not take the pair that is stored", site.shop);
    }
    println!("{} renewals of tokens, settled {:.1?} after the last request", renewals(app), at.elapsed());
}

/// How often Shopify gave a new pair for an old one.
fn renewals(app: &TestApp) -> usize {
    app.admin.tokens(|tokens| tokens.grants.iter().filter(|kind| *kind == "refresh_token").count())
}

async fn nothing_fails_while_replicas_are_restarted(trial: Trial) {
    let outcome = replaced(trial, Ending::Terminate).await;
    let failed: Vec<&Ended> = outcome.ended.iter().filter(|one| one.failure.is_some()).collect();
    assert!(failed.is_empty(), "{} of {}: {:?}", failed.len(), outcome.ended.len(), &failed[..failed.len().min(5)]);
    assert_one_connection_each(&outcome.app);
    assert_events_are_told(&outcome).await;
    assert_tokens_are_settled(&outcome).await;
}

async fn only_what_was_in_flight_fails_while_replicas_are_killed(trial: Trial) {
    let outcome = replaced(trial, Ending::Kill).await;
    let Outcome { app, ended, kills, fleet, .. } = &outcome;
    let failed: Vec<&Ended> = ended.iter().filter(|one| one.failure.is_some()).collect();
    // Sent before the kill, or in the instant in which the proxy's connections broke.
    let in_flight = |one: &Ended| {
        kills.iter().any(|kill| one.started <= *kill + Duration::from_millis(100) && one.started + one.took >= *kill)
    };
    let (cut, others): (Vec<&Ended>, Vec<&Ended>) = failed.iter().partition(|one| in_flight(one));
    println!("{} requests were cut off by {} kills, {} failed otherwise", cut.len(), kills.len(), others.len());
    // Where a replica died while it created a shopper's connection, who else asks for it waits until that is settled.
    let creating: BTreeSet<&str> = cut.iter().map(|one| one.subject.as_str()).filter(|of| !of.is_empty()).collect();
    let unexplained: Vec<_> = others.iter().filter(|one| !creating.contains(one.subject.as_str())).collect();
    assert!(unexplained.is_empty(), "{} {:?}", unexplained.len(), &unexplained[..unexplained.len().min(5)]);
    // They get their connection, and only one.
    let subjects: BTreeSet<&str> = failed
        .iter()
        .filter(|one| one.what.contains("connections") || one.what.contains("link"))
        .map(|one| one.subject.as_str())
        .collect();
    for subject in subjects.into_iter().filter(|subject| !subject.is_empty()) {
        let (shop, shopper) = subject.split_once(' ').unwrap();
        until(SETTLED_WITHIN, "a creation that was cut off is settled", async || {
            let request = fleet.linking(app, shop, shopper);
            request.send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }
    assert_one_connection_each(app);
    assert_events_are_told(&outcome).await;
    assert_tokens_are_settled(&outcome).await;
}

#[actix_web::test]
async fn nothing_fails_while_two_replicas_are_restarted_one_after_the_other() {
    if Proxy::is_installed() && TestDatabase::is_postgres() {
        nothing_fails_while_replicas_are_restarted(Trial { rate: 40, shops: 3, restarts: 2 }).await;
    }
}

#[actix_web::test]
async fn only_what_was_in_flight_fails_while_two_replicas_are_killed() {
    if Proxy::is_installed() && TestDatabase::is_postgres() {
        only_what_was_in_flight_fails_while_replicas_are_killed(Trial { rate: 40, shops: 3, restarts: 3 }).await;
    }
}

/// `cargo test --profile perf --test api -- --ignored --nocapture ten_restarts`, with `TEST_DATABASE_URL` for PostgreSQL.
#[actix_web::test]
#[ignore = "takes minutes"]
async fn nothing_fails_in_ten_restarts_of_each_replica_at_500_requests_a_second() {
    nothing_fails_while_replicas_are_restarted(Trial { rate: 500, shops: 6, restarts: 10 }).await;
}

/// `cargo test --profile perf --test api -- --ignored --nocapture ten_kills`, with `TEST_DATABASE_URL` for PostgreSQL.
#[actix_web::test]
#[ignore = "takes minutes"]
async fn only_what_was_in_flight_fails_in_ten_kills_of_each_replica_at_500_requests_a_second() {
    only_what_was_in_flight_fails_while_replicas_are_killed(Trial { rate: 500, shops: 6, restarts: 10 }).await;
}
