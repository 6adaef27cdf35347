//! More at once than the process takes on: the rest is turned away at once, and one shop can not take every place.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;
use tokio::task::JoinSet;

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::busy::METRICS_ADDR;
use crate::support::exposition::Exposition;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::process::{PATIENCE, Process};
use crate::support::stutter::Stutter;
use crate::support::wait::until;
use crate::support::webhook::Hook;

/// Much less than a call that hangs takes.
const AT_ONCE: Duration = Duration::from_millis(1500);
/// Who is turned away waits at least so long for the answer.
const HELD: Duration = Duration::from_millis(100);

fn shop(nth: usize) -> String {
    format!("shop-{nth}.myshopify.com")
}

async fn start(places: &str) -> TestApp {
    TestApp::start_with(&[("MAX_IN_FLIGHT", places)], Clock::system()).await
}

/// A request that asks Subtotal once.
async fn ask(app: &TestApp, shop: &str) -> Answer {
    let body = json!({ "connectionId": "not-there" });
    app.call(Method::POST, shop, "/disconnect-connection", ALICE, |request| request.json(&body)).await
}

fn assert_turned_away(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn as_many_as_there_are_places_are_worked_on_and_the_rest_is_turned_away_at_once() {
    let app = start("6").await;
    for nth in 0..6 {
        app.install(&shop(nth)).await;
    }
    let answers = app.subtotal.count(Call::Connections);
    app.subtotal.break_call(Call::Connections, Fault::Hang);
    let shops: Vec<String> = (0..6).map(shop).collect();
    let hanging = join_all(shops.iter().map(|shop| ask(&app, shop)));
    let others = async {
        until(PATIENCE, "every place is taken", async || app.subtotal.count(Call::Connections) == answers + 6).await;
        let started = Instant::now();
        assert_turned_away(&ask(&app, SHOP).await);
        assert!(
            started.elapsed() >= HELD,
            "who tries again at once is to leave time for others: {:?}",
            started.elapsed()
        );
        assert_turned_away(&app.staff_get(SHOP, "/settings").await);
        assert_turned_away(&app.plain("/openapi.json").await);
        assert_turned_away(&Hook::new("app/uninstalled", &json!({})).send(&app).await);
        let unverified = app.raw(Method::GET, "/apps/subtotal/retailers", "shop=x").await;
        assert_turned_away(&unverified);
        assert_eq!(unverified.header("access-control-allow-origin"), "");
        let account = app.customer_call(Method::GET, SHOP, "/retailers", ALICE, |request| request).await;
        assert_turned_away(&account);
        assert_eq!(account.header("access-control-allow-origin"), "*", "or a script could not read it");
        for health in ["/healthz", "/readyz"] {
            assert_eq!(app.plain(health).await.status, 200, "{health}");
        }
        assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    };
    let (hung, ()) = tokio::join!(hanging, others);
    assert!(hung.iter().all(|answer| answer.code() == "subtotal_timeout"), "{hung:?}");
    app.subtotal.mend();
    let again = join_all(shops.iter().map(|shop| ask(&app, shop))).await;
    assert!(again.iter().all(|answer| answer.code() == "connection_not_found"), "places come back: {again:?}");
}

#[actix_web::test]
async fn a_shop_whose_upstream_hangs_leaves_places_for_others() {
    let app = start("16").await;
    let (hanging, quiet) = (shop(1), shop(2));
    let key = app.install(&hanging).await;
    app.install(&quiet).await;
    // One after the other, so that nobody's passing by changes what is free.
    app.subtotal.break_call_times(Call::Connections, Fault::Hang, 8);
    let mut hung = Vec::new();
    for nth in 1..=8 {
        hung.push(Box::pin(ask(&app, &hanging)));
        let arrived = until(PATIENCE, "it hangs", async || app.subtotal.count(Call::Connections) == nth);
        tokio::select! {
            ended = join_all(hung.iter_mut()) => panic!("{ended:?}"),
            () = arrived => {}
        }
    }
    let started = Instant::now();
    for _ in 0..5 {
        assert_turned_away(&ask(&app, &hanging).await);
        assert_eq!(ask(&app, &quiet).await.code(), "connection_not_found");
    }
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    let seen = app.subtotal.seen();
    let of_hanging = seen.iter().filter(|seen| seen.headers["x-api-key"] == key).count();
    assert_eq!(of_hanging, 8, "what is turned away asks Subtotal nothing");
    let hung = join_all(hung).await;
    assert!(hung.iter().all(|answer| answer.code() == "subtotal_timeout"), "{hung:?}");
    assert_eq!(ask(&app, &hanging).await.code(), "connection_not_found", "its places came back");
}

/// The processor is with others most of the time, as if the service alone had more to do than it can.
#[actix_web::test]
async fn a_worker_that_stays_behind_takes_on_less_and_everything_again_once_it_keeps_up() {
    const HANGING: usize = 200;
    let app = TestApp::start().await;
    app.stop().await;
    let more = [
        METRICS_ADDR,
        ("MAX_EVENT_LOOP_LAG_MS", "5"),
        ("MAX_IN_FLIGHT", "4000"),
        ("RATE_LIMIT_CUSTOMER", "off"),
        ("UPSTREAM_ATTEMPT_TIMEOUT_MS", "15000"),
        ("STOREFRONT_DEADLINE_MS", "20000"),
    ];
    let process = Process::start(&app.settings, &more).await;
    app.subtotal.break_call(Call::Connections, Fault::Hang);
    let body = json!({ "connectionId": "not-there" });
    let hang = process.request(&app, Method::POST, "/disconnect-connection", ALICE).json(&body);
    let mut hanging: JoinSet<_> = (0..HANGING).map(|_| hang.try_clone().unwrap().send()).collect();
    until(PATIENCE, "all hang", async || app.subtotal.count(Call::Connections) == HANGING).await;
    let visibility = async || app.send(process.request(&app, Method::GET, "/visibility", ALICE), "").await;
    assert_eq!(visibility().await.status, 200, "as many cost a processor nothing");
    let stutter = Stutter::start(&process);
    let mut refused = visibility().await;
    until(PATIENCE, "somebody is turned away", async || {
        refused = visibility().await;
        refused.status == 503
    })
    .await;
    assert_turned_away(&refused);
    assert_eq!(process.plain(&app, "/readyz").await.status, 200);
    drop(stutter);
    let mut in_a_row = 0;
    until(PATIENCE, "nobody is turned away any more", async || {
        in_a_row = if visibility().await.status == 200 { in_a_row + 1 } else { 0 };
        in_a_row == 100
    })
    .await;
    let shown = Exposition::of(&process).await;
    assert!(shown.sum("requests_shed_total", &[("scope", "lag")]) >= 1.0, "{}", shown.text);
    assert_eq!(shown.sum("requests_shed_total", &[("scope", "process")]), 0.0);
    hanging.shutdown().await;
}

/// A person who navigates meets a page once the request is verified.
#[actix_web::test]
async fn a_link_that_finds_no_place_of_its_shop_is_a_page() {
    let app = start("4").await;
    app.subtotal.break_call(Call::Connections, Fault::Hang);
    let mut hung = Box::pin(join_all((0..2).map(|_| ask(&app, SHOP))));
    let arrived = until(PATIENCE, "both hang", async || app.subtotal.count(Call::Connections) == 2);
    tokio::select! {
        ended = &mut hung => panic!("{ended:?}"),
        () = arrived => {}
    }
    let page = app.get("/link/zklQOnlG", ALICE).await;
    assert_eq!((page.status, page.header("retry-after")), (503, "1"), "{page:?}");
    assert!(page.body.contains("One moment, please"), "{page:?}");
    hung.await;
}
