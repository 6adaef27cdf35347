//! Starting and stopping: processes that start at once, one that is told to stop, and what `/readyz` says meanwhile.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::Actor;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::support::app::{ALICE, SHOP, TestApp, open_store};
use crate::support::database::TestDatabase;
use crate::support::fake_subtotal::Call;
use crate::support::linking::{linked, linking};
use crate::support::process::{PATIENCE, Process};
use crate::support::wait::until;

const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// A world's settings on an empty database of its own.
async fn on_an_empty_database(app: &TestApp) -> (TestDatabase, std::collections::HashMap<String, String>) {
    let database = TestDatabase::empty().await;
    let mut settings = app.settings.clone();
    settings.insert("DATABASE_URL".into(), database.url.clone());
    (database, settings)
}

#[actix_web::test]
async fn a_process_told_to_stop_finishes_what_is_in_flight() {
    let app = TestApp::start().await;
    let mut server = Process::start(&app.settings, &[]).await;
    assert_eq!(server.plain(&app, "/readyz").await.status, 200);
    app.subtotal.set_latency(Duration::from_millis(500));
    let request = server.request(&app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
    let asking = app.send(request, "");
    let stopping = async {
        until(PATIENCE, "Subtotal is asked", async || app.subtotal.count(Call::Retailers) == 1).await;
        server.terminate();
        let stopped_at = Instant::now();
        let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
        let health = format!("{}/healthz", server.address);
        until(PATIENCE, "new connections are refused", async || {
            fresh.get(&health).send().await.is_err_and(|error| error.is_connect())
        })
        .await;
        stopped_at
    };
    let (answer, stopped_at) = tokio::join!(asking, stopping);
    assert_eq!(linked(&answer), app.subtotal.connections()[0]["connection_id"].as_str().unwrap());
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(stopped_at.elapsed() < STOPPED_WITHIN, "{:?}", stopped_at.elapsed());
    assert!(server.log().contains("\"stopped\""), "{}", server.log());
}

#[actix_web::test]
async fn a_process_told_to_stop_does_not_wait_for_connections_that_idle() {
    let app = TestApp::start().await;
    let mut server = Process::start(&app.settings, &[]).await;
    // The client keeps this connection open, as a proxy does.
    assert_eq!(server.plain(&app, "/healthz").await.status, 200);
    server.terminate();
    let stopped_at = Instant::now();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    assert!(stopped_at.elapsed() < STOPPED_WITHIN, "{:?}", stopped_at.elapsed());
}

#[actix_web::test]
async fn a_process_that_drains_says_so_and_goes_on_answering_until_it_is_told_again() {
    let app = TestApp::start().await;
    let mut server = Process::start(&app.settings, &[("SHUTDOWN_DRAIN_SECONDS", "600")]).await;
    assert_eq!(server.plain(&app, "/readyz").await.header("connection"), "", "connections are kept");
    server.terminate();
    until(PATIENCE, "it says that it stops", async || {
        let answer = server.plain(&app, "/readyz").await;
        answer.status == 503 && answer.body.contains("stopping")
    })
    .await;
    let answer = app.send(server.request(&app, Method::GET, "/retailers", ALICE), "").await;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"), "the next request goes elsewhere");
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}

#[actix_web::test]
async fn a_process_is_not_ready_before_its_schema_is_there() {
    let app = TestApp::start().await;
    let (_database, settings) = on_an_empty_database(&app).await;
    let waiting = Process::start(&settings, &[("MIGRATE_ON_START", "false")]).await;
    assert_eq!(waiting.plain(&app, "/healthz").await.status, 200);
    let answer = waiting.plain(&app, "/readyz").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let migrating = Process::start(&settings, &[]).await;
    assert_eq!(migrating.plain(&app, "/readyz").await.status, 200);
    assert_eq!(waiting.plain(&app, "/readyz").await.status, 200, "as soon as the schema is there");
}

#[actix_web::test]
async fn a_process_is_not_ready_while_its_database_is_gone() {
    let app = TestApp::start().await;
    let mut url = Url::parse(&app.database.url).unwrap();
    if url.scheme() == "sqlite" {
        return; // A file that is held open does not go.
    }
    let database = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = listener.local_addr().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(between.port())).unwrap();
    let forwarding = tokio::spawn(forward(listener, database.clone()));
    let server = Process::start(&app.settings, &[("DATABASE_URL", url.as_str())]).await;
    let ready = async || server.plain(&app, "/readyz").await.status;
    assert_eq!(ready().await, 200);

    forwarding.abort();
    until(PATIENCE, "it is not ready", async || ready().await == 503).await;
    assert_eq!(server.plain(&app, "/healthz").await.status, 200);
    let answer = app.send(server.request(&app, Method::GET, "/configuration", ALICE), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "database_unavailable"));
    assert!(!answer.body.contains("5432") && !answer.body.contains("sql"), "{answer:?}");

    let listener = TcpListener::bind(between).await.unwrap();
    let _forwarding = tokio::spawn(forward(listener, database));
    until(PATIENCE, "it is ready again", async || ready().await == 200).await;
}

/// Carries connections on to `address` until it is dropped, and then they break.
async fn forward(listener: TcpListener, address: String) {
    let mut connections = JoinSet::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let address = address.clone();
        connections.spawn(async move {
            let mut to = TcpStream::connect(address).await?;
            copy_bidirectional(&mut from, &mut to).await
        });
    }
}

#[actix_web::test]
async fn processes_that_start_at_once_on_an_empty_database_all_come_up() {
    let app = TestApp::start().await;
    let (_database, settings) = on_an_empty_database(&app).await;
    let mut servers: Vec<Process> = (0..3).map(|_| Process::spawn(&settings, &[])).collect();
    for server in &mut servers {
        server.listening().await;
        assert_eq!(server.plain(&app, "/readyz").await.status, 200);
        let answer = app.send(server.request(&app, Method::GET, "/retailers", ALICE), "").await;
        assert_eq!(answer.code(), "shop_not_configured", "the tables are there");
    }
}

#[actix_web::test]
async fn many_migrations_at_once_are_one() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let (_database, settings) = on_an_empty_database(&app).await;
        let stores = join_all((0..8).map(|_| open_store(&settings))).await;
        let migrated = join_all(stores.iter().cloned().map(|store| tokio::spawn(async move { store.migrate().await })));
        for outcome in migrated.await {
            outcome.unwrap().unwrap();
        }
        assert_eq!(stores[0].schema().await.unwrap().pending, 0);
    }
}

#[actix_web::test]
async fn a_shop_changed_in_one_process_is_seen_in_another() {
    let app = TestApp::start().await;
    let server = Process::start(&app.settings, &[("SHOP_CACHE_SECONDS", "1")]).await;
    let configuration = async || app.send(server.request(&app, Method::GET, "/configuration", ALICE), "").await.status;
    assert_eq!(configuration().await, 200);
    assert!(app.store.remove_shop(&ShopDomain::parse(SHOP).unwrap(), Actor::CommandLine, 0).await.unwrap());
    until(Duration::from_secs(3), "the change is seen", async || configuration().await == 404).await;
}

#[actix_web::test]
async fn a_file_that_another_process_is_making_is_waited_for() {
    let app = TestApp::start().await;
    for hold in ["BEGIN; SELECT count(*) FROM half_made", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let database = TestDatabase::sqlite();
        let mut settings = app.settings.clone();
        settings.insert("DATABASE_URL".into(), database.url.clone());
        let mut one = ConnectOptions::new(&database.url);
        one.max_connections(1);
        let making = Database::connect(one).await.unwrap();
        making.execute_unprepared("CREATE TABLE half_made (id INTEGER)").await.unwrap();
        making.execute_unprepared(hold).await.unwrap();
        let mut opening = Box::pin(open_store(&settings));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut opening).await;
        assert!(early.is_err(), "{hold}: it did not wait");
        making.execute_unprepared("COMMIT").await.unwrap();
        opening.await.ping().await.unwrap();
    }
}
