//! Exactly one creation for one shopper and retailer, whatever arrives at once and whatever dies meanwhile.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use subtotal_connect::clock::Clock;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{ClaimKey, ClaimState, Store};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::app::{ALICE, Answer, BOB, SHOP, TestApp, open_store};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::linking::{linked, linking};
use crate::support::process::{PATIENCE, Process};
use crate::support::wait::until;

/// Two hundred requests on a busy machine: how fast it answers is not what these tests are about.
const UNHURRIED: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "15000"), ("STOREFRONT_DEADLINE_MS", "20000")];
/// For requests that have to wait in vain.
const IMPATIENT: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "400"), ("STOREFRONT_DEADLINE_MS", "800")];
/// A dead process's claim is taken over within this time, in milliseconds: its lease has run out, and whoever waits for it
/// has looked again.
const TAKEOVER: i64 = 10_000 - 150;

/// The retailer `walmart`, by the other door.
const WALMART_LINK: &str = "/link/zklQOnlG";

async fn link(app: &TestApp, customer: &str) -> Answer {
    app.post("/connections", customer, &linking("walmart")).await
}

/// Sends a request to one of these servers, by either door in turn.
async fn either_door(app: &TestApp, servers: &[&Process], nth: usize) -> Answer {
    let server = servers[nth % servers.len()];
    let request = if (nth / servers.len()).is_multiple_of(2) {
        server.request(app, Method::POST, "/connections", ALICE).json(&linking("walmart"))
    } else {
        server.request(app, Method::GET, WALMART_LINK, ALICE)
    };
    app.send(request, "").await
}

/// Repeats what an impatient shopper does until there is a connection.
async fn insist(app: &TestApp, server: &Process) -> String {
    let mut id = None;
    until(PATIENCE, "a repeated request succeeds", async || {
        let request = server.request(app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
        let answer = app.send(request, "").await;
        assert!(matches!(answer.status, 200 | 502..=504), "{answer:?}");
        if answer.status == 200 {
            id = Some(linked(&answer));
        }
        id.is_some()
    })
    .await;
    id.unwrap()
}

fn only_connection(app: &TestApp) -> String {
    let connections = app.subtotal.connections();
    assert_eq!(connections.len(), 1, "{connections:?}");
    connections[0]["connection_id"].as_str().unwrap().to_owned()
}

async fn key(app: &TestApp, customer: &str) -> ClaimKey {
    let shop_id = app.store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    ClaimKey { shop_id, customer_id: customer.into(), retailer_id: "walmart".into() }
}

async fn claim_state(app: &TestApp) -> Option<ClaimState> {
    app.store.claim(&key(app, ALICE).await).await.unwrap().map(|claim| claim.state)
}

#[actix_web::test]
async fn two_hundred_requests_at_once_make_one_connection() {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    app.subtotal.set_latency(Duration::from_millis(100));
    let answers =
        join_all((0..200).map(
            async |nth| {
                if nth % 2 == 0 { link(&app, ALICE).await } else { app.get(WALMART_LINK, ALICE).await }
            },
        ));
    let ids: HashSet<String> = answers.await.iter().map(linked).collect();
    assert_eq!(ids, HashSet::from([only_connection(&app)]));
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

#[actix_web::test]
async fn two_hundred_requests_to_two_processes_make_one_connection() {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    let (one, other) =
        (Process::start(&app.settings, &UNHURRIED).await, Process::start(&app.settings, &UNHURRIED).await);
    app.subtotal.set_latency(Duration::from_millis(100));
    let servers = [&one, &other];
    let answers = join_all((0..200).map(|nth| either_door(&app, &servers, nth))).await;
    let ids: HashSet<String> = answers.iter().map(linked).collect();
    assert_eq!(ids, HashSet::from([only_connection(&app)]));
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

/// A process that was killed while its creation was under way, and the next one, with these settings. What the dead one
/// left keeps others away for no longer than it may.
async fn killed_while_creating(fault: Fault, settings: &[(&str, &str)]) -> (TestApp, Process) {
    let app = TestApp::start().await;
    let mut server = Process::start(&app.settings, &[]).await;
    app.subtotal.break_call(Call::Create, fault);
    let request = server.request(&app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
    let asking = tokio::spawn(request.send());
    until(PATIENCE, "the creation reaches Subtotal", async || app.subtotal.count(Call::Create) == 1).await;
    let lease = app.database.count("SELECT lease_until - {clock} FROM connection_claims").await;
    assert!((1..TAKEOVER).contains(&lease), "{lease} ms");
    server.kill();
    assert!(asking.await.unwrap().is_err(), "the shopper was answered");
    let server = Process::start(&app.settings, settings).await;
    app.subtotal.mend();
    (app, server)
}

#[actix_web::test]
async fn a_process_killed_after_subtotal_created_leaves_one_connection() {
    let (app, server) = killed_while_creating(Fault::WorkThenHang, &UNHURRIED).await;
    assert_eq!(linked(&either_door(&app, &[&server], 0).await), only_connection(&app));
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

#[actix_web::test]
async fn a_process_killed_before_subtotal_created_is_taken_over_in_ten_seconds() {
    let (app, server) = killed_while_creating(Fault::Hang, &UNHURRIED).await;
    let id = linked(&either_door(&app, &[&server], 0).await);
    assert_eq!(id, only_connection(&app));
    assert_eq!(app.subtotal.count(Call::Create), 2, "the lost one and the one that took its place");
    assert_eq!(claim_state(&app).await, Some(ClaimState::Created(id)));
}

#[actix_web::test]
async fn a_creation_that_subtotal_finishes_after_the_kill_is_found() {
    let (app, server) = killed_while_creating(Fault::Hang, &IMPATIENT).await;
    let request = server.request(&app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
    let meanwhile = app.send(request, "").await;
    assert_eq!((meanwhile.status, meanwhile.code().as_str()), (504, "subtotal_timeout"));
    let late = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "initialized");
    assert_eq!(insist(&app, &server).await, late);
    assert_eq!((only_connection(&app), app.subtotal.count(Call::Create)), (late, 1));
}

#[actix_web::test]
async fn a_creation_whose_answer_is_lost_is_found_by_the_next_request() {
    for (fault, status) in [(Fault::WorkThenReset, 502), (Fault::WorkThenHang, 504)] {
        let app = TestApp::start_with(&IMPATIENT, Clock::system()).await;
        app.subtotal.break_call(Call::Create, fault);
        assert_eq!(link(&app, ALICE).await.status, status);
        assert_eq!(linked(&link(&app, ALICE).await), only_connection(&app));
        assert_eq!(linked(&app.get(WALMART_LINK, ALICE).await), only_connection(&app));
        assert_eq!(app.subtotal.count(Call::Create), 1, "{fault:?}");
    }
}

#[rstest::rstest]
#[case::reset(Fault::Reset, 502)]
#[case::hang(Fault::Hang, 504)]
#[case::gateway_gave_up(Fault::Status(504), 502)]
#[actix_web::test]
async fn while_subtotal_may_still_be_creating_nobody_else_creates(#[case] fault: Fault, #[case] status: u16) {
    let app = TestApp::start_with(&IMPATIENT, Clock::system()).await;
    app.subtotal.break_call(Call::Create, fault);
    assert_eq!(link(&app, ALICE).await.status, status);
    app.subtotal.mend();
    assert_eq!(link(&app, ALICE).await.code(), "subtotal_timeout");
    assert_eq!(app.subtotal.count(Call::Create), 1);
    assert_eq!(link(&app, BOB).await.status, 200, "another shopper waits for nobody");
}

#[rstest::rstest]
#[case::server_error(Fault::Status(500), "subtotal_unavailable")]
#[case::invalid(Fault::Status(422), "subtotal_rejected_request")]
#[case::too_many(Fault::Status(429), "subtotal_busy")]
#[case::forbidden(Fault::Status(403), "subtotal_api_key_rejected")]
#[actix_web::test]
async fn a_creation_that_failed_fails_for_all_who_waited_and_the_next_one_creates(
    #[case] fault: Fault,
    #[case] code: &str,
) {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    app.get("/retailers", ALICE).await;
    app.subtotal.set_latency(Duration::from_millis(1000));
    app.subtotal.break_call_times(Call::Create, fault, 1);
    let answers = join_all((0..20).map(|_| link(&app, ALICE))).await;
    assert!(answers.iter().all(|answer| answer.code() == code), "{answers:?}");
    assert_eq!((app.subtotal.count(Call::Create), app.subtotal.connections().len()), (1, 0));
    assert_eq!(linked(&link(&app, ALICE).await), only_connection(&app));
    assert_eq!(app.subtotal.count(Call::Create), 2);
}

/// A request to link whose connection the test holds, to end it as it likes.
async fn asking_by_hand(app: &TestApp, customer: &str) -> TcpStream {
    let mut shopper = TcpStream::connect(app.address.trim_start_matches("http://")).await.unwrap();
    let (query, body) = (app.query(customer, ""), linking("walmart").to_string());
    app.never_show(&query);
    let request = format!(
        "POST /apps/subtotal/connections?{query} HTTP/1.1\r\nHost: app\r\nX-Forwarded-Host: shop.example.com\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    shopper.write_all(request.as_bytes()).await.unwrap();
    shopper
}

#[rstest::rstest]
#[actix_web::test]
async fn a_shopper_who_leaves_while_it_is_created_leaves_one_connection(#[values(false, true)] abruptly: bool) {
    let app = TestApp::start().await;
    app.get("/retailers", ALICE).await;
    app.subtotal.set_latency(Duration::from_millis(400));
    let shopper = asking_by_hand(&app, ALICE).await;
    until(PATIENCE, "the claim is taken", async || claim_state(&app).await == Some(ClaimState::Pending)).await;
    if abruptly {
        // A reset makes the server drop the request at once.
        shopper.set_zero_linger().unwrap();
    }
    drop(shopper);
    let created = async || matches!(claim_state(&app).await, Some(ClaimState::Created(_)));
    until(PATIENCE, "the outcome is written down", created).await;
    assert_eq!(linked(&link(&app, ALICE).await), only_connection(&app));
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

#[actix_web::test]
async fn shoppers_who_leave_at_any_moment_keep_nobody_waiting() {
    let app = TestApp::start().await;
    app.get("/retailers", ALICE).await;
    let shoppers: Vec<String> = (1..=30).map(|nth| nth.to_string()).collect();
    for (nth, shopper) in shoppers.iter().enumerate() {
        let asking = asking_by_hand(&app, shopper).await;
        until(PATIENCE, "Subtotal is asked", async || app.subtotal.count(Call::Connections) == nth + 2).await;
        asking.set_zero_linger().unwrap();
    }
    for shopper in &shoppers {
        assert_eq!(link(&app, shopper).await.status, 200, "shopper {shopper}");
    }
    assert_eq!((app.subtotal.count(Call::Create), app.subtotal.connections().len()), (30, 30));
}

#[actix_web::test]
async fn another_shopper_retailer_or_shop_is_not_kept_waiting() {
    let app = TestApp::start().await;
    app.install("other.myshopify.com").await;
    app.subtotal.break_call_times(Call::Create, Fault::Hang, 1);
    let others = async {
        until(PATIENCE, "a creation hangs", async || app.subtotal.count(Call::Create) == 1).await;
        let started = Instant::now();
        assert_eq!(link(&app, BOB).await.status, 200);
        assert_eq!(app.post("/connections", ALICE, &linking("amazon")).await.status, 200);
        let body = linking("walmart");
        let elsewhere =
            app.call(Method::POST, "other.myshopify.com", "/connections", ALICE, |request| request.json(&body)).await;
        assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
        started.elapsed()
    };
    let (hung, others) = tokio::join!(link(&app, ALICE), others);
    assert_eq!(hung.code(), "subtotal_timeout");
    assert!(others < Duration::from_millis(1500), "{others:?}");
    assert_eq!((app.subtotal.count(Call::Create), app.subtotal.connections().len()), (4, 3));
}

#[rstest::rstest]
#[case::the_first(false)]
#[case::a_replacement(true)]
#[actix_web::test]
async fn a_request_that_asked_subtotal_before_somebody_elses_creation_uses_it(#[case] replaces: bool) {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    app.get("/retailers", ALICE).await;
    if replaces {
        app.subtotal.set_status(&linked(&link(&app, ALICE).await), "revoked");
    }
    app.subtotal.forget_calls();
    app.subtotal.break_call_times(Call::Connections, Fault::WorkThenWait(1500), 1);
    let fast = async {
        until(PATIENCE, "the slow one has asked", async || app.subtotal.count(Call::Connections) == 1).await;
        link(&app, ALICE).await
    };
    let (slow, fast) = tokio::join!(link(&app, ALICE), fast);
    assert_eq!(linked(&slow), linked(&fast));
    assert_eq!(app.subtotal.count(Call::Create), 1);
    assert_eq!(app.subtotal.seen().len(), 3, "the slow one does not ask again");
}

#[actix_web::test]
async fn a_revoked_connection_is_replaced_once_by_many_requests_at_once() {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    let first = linked(&link(&app, ALICE).await);
    app.subtotal.set_status(&first, "revoked");
    app.subtotal.set_latency(Duration::from_millis(100));
    let ids: HashSet<String> = join_all((0..50).map(|_| link(&app, ALICE))).await.iter().map(linked).collect();
    assert_eq!(ids.len(), 1);
    assert!(!ids.contains(&first));
    assert_eq!(app.subtotal.count(Call::Create), 2);
}

#[actix_web::test]
async fn of_many_who_take_a_claim_as_it_stands_one_gets_it() {
    let app = TestApp::start().await;
    let stores: [Store; 2] = [open_store(&app.settings).await, open_store(&app.settings).await];
    let key = key(&app, ALICE).await;
    for round in 0..40 {
        let seen = stores[0].claim(&key).await.unwrap();
        let takers = (0..8).map(|nth| stores[nth % 2].take_claim(&key, seen.as_ref(), 60_000));
        let taken: Vec<i64> = join_all(takers).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(taken, [round + 1], "round {round}");
        let pending = stores[1].claim(&key).await.unwrap();
        assert_eq!(stores[1].take_claim(&key, pending.as_ref(), 60_000).await.unwrap(), None, "it is held");
        assert_eq!(stores[0].take_claim(&key, seen.as_ref(), 60_000).await.unwrap(), None, "it moved on");
        let outcome = ClaimState::Created(format!("c{round}"));
        assert!(!stores[0].settle_claim(&key, round, &outcome).await.unwrap(), "an older attempt");
        assert!(stores[0].settle_claim(&key, round + 1, &outcome).await.unwrap());
        assert!(!stores[1].settle_claim(&key, round + 1, &outcome).await.unwrap(), "it is settled");
        assert_eq!(stores[1].claim(&key).await.unwrap().unwrap().state, outcome);
        assert_eq!(stores[1].take_claim(&key, seen.as_ref(), 60_000).await.unwrap(), None, "as it was, not as it is");
    }
}

#[actix_web::test]
async fn a_holder_that_was_taken_over_can_not_write_its_outcome() {
    let app = TestApp::start().await;
    let key = key(&app, ALICE).await;
    let other = open_store(&app.settings).await;
    assert_eq!(app.store.take_claim(&key, None, -1000).await.unwrap(), Some(1));
    let lapsed = other.claim(&key).await.unwrap().unwrap();
    assert_eq!(lapsed.state, ClaimState::Abandoned);
    let takers = (0..8).map(|_| other.take_claim(&key, Some(&lapsed), 60_000));
    let taken: Vec<i64> = join_all(takers).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [2]);
    let late = ClaimState::Created("late".into());
    assert!(!app.store.settle_claim(&key, 1, &late).await.unwrap());
    assert_eq!(app.store.claim(&key).await.unwrap().unwrap().state, ClaimState::Pending);
    let outcome = ClaimState::Failed("subtotal_busy".into());
    assert!(other.settle_claim(&key, 2, &outcome).await.unwrap());
    assert_eq!(app.store.claim(&key).await.unwrap().unwrap().state, outcome);
}
