//! The refresh of expiring tokens: once, whoever asks, and never so that the shop is left without a pair that works.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use secrecy::{ExposeSecret, SecretString};
use subtotal_connect::clock::Clock;
use subtotal_connect::config::Config;
use subtotal_connect::install::{AccessError, Tokens};
use subtotal_connect::shopify::oauth::{AppCredentials, TokenError, TokenPair};
use subtotal_connect::shopify::{AdminApi, ShopDomain};
use subtotal_connect::store::Store;

use crate::support::app::{SHOP, TestApp, open_store};
use crate::support::database::TestDatabase;
use crate::support::fake_tokens::TokenFault;

fn shop() -> ShopDomain {
    ShopDomain::parse(SHOP).unwrap()
}

/// Another process's way to the tokens, on the same database.
async fn process(settings: &HashMap<String, String>) -> (Store, Tokens) {
    let config = Config::read(&|name| settings.get(name).cloned()).unwrap();
    let store = open_store(settings).await;
    let app = AppCredentials {
        client_id: config.shopify.client_id.clone(),
        client_secret: config.shopify.client_secrets[0].clone(),
    };
    (store.clone(), Tokens::new(store, AdminApi::build(config.shopify.admin_api).unwrap(), app))
}

/// Installs the shop with a pair of Shopify's whose access token lives so many seconds. Answers its id and the token.
async fn installed(app: &TestApp, access_lives: i64) -> (i64, String) {
    let (access, refresh) = app.admin.tokens(|tokens| tokens.grant(SHOP));
    let pair = TokenPair {
        access: access.clone().into(),
        refresh: refresh.into(),
        access_lives,
        refresh_lives: 7_776_000,
        scopes: String::new(),
    };
    (app.store.install(&shop(), &pair, app.clock.unix_ms()).await.unwrap(), access)
}

fn open(access: Option<SecretString>) -> String {
    access.unwrap().expose_secret().to_owned()
}

fn grants(app: &TestApp) -> usize {
    app.admin.tokens(|tokens| tokens.grants.len())
}

/// The stored pair is Shopify's newest, whole.
async fn assert_newest_is_stored(app: &TestApp, id: i64) {
    let stored = app.store.tokens(id).await.unwrap().unwrap();
    let stored = (stored.access.expose_secret().to_owned(), stored.refresh.expose_secret().to_owned());
    assert_eq!(stored, app.admin.tokens(|tokens| tokens.newest(SHOP)));
}

#[actix_web::test]
async fn fifty_requests_in_two_processes_refresh_once() {
    for (access_lives, dead) in [(60, false), (-1, true)] {
        let app = TestApp::start().await;
        let (id, old) = installed(&app, access_lives).await;
        app.admin.tokens(|tokens| tokens.fault = TokenFault::Slow(150));
        let processes = [process(&app.settings).await, process(&app.settings).await];
        let asks = (0..50).map(|nth| {
            let tokens = processes[nth % 2].1.clone();
            tokio::spawn(async move { tokens.access(id, &shop()).await })
        });
        let asks: Vec<_> = asks.collect();
        let new = async |answer: String| answer != old || !dead;
        for ask in asks {
            let access = open(ask.await.unwrap().unwrap());
            assert!(new(access.clone()).await, "a dead token was used: {access}");
            assert!(access == old || access == app.admin.tokens(|tokens| tokens.newest(SHOP)).0);
        }
        assert_eq!(app.admin.tokens(|tokens| tokens.grants.clone()), ["refresh_token"]);
        assert_newest_is_stored(&app, id).await;
    }
}

#[actix_web::test]
async fn a_process_killed_before_the_call_leaves_a_pair_that_works() {
    let app = TestApp::start().await;
    let (id, old) = installed(&app, 60).await;
    let (store, tokens) = process(&app.settings).await;
    let version = store.tokens(id).await.unwrap().unwrap().version;
    assert!(store.take_refresh(id, version, 10_000).await.unwrap());
    // Whoever held the lease is dead. While it lasts, the old access token does; then somebody else refreshes.
    assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_eq!(grants(&app), 0);
    app.database.execute("UPDATE shopify_tokens SET refresh_until = {clock} - 1").await;
    assert_ne!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_newest_is_stored(&app, id).await;
}

#[actix_web::test]
async fn a_process_killed_between_the_call_and_the_commit_leaves_a_pair_that_works() {
    let app = TestApp::start().await;
    let (id, old) = installed(&app, 60).await;
    let (_, tokens) = process(&app.settings).await;
    for lost in 1..=3 {
        app.admin.tokens(|tokens| tokens.fault = TokenFault::GrantThenHang);
        killed_in_the_call(&app, id, lost).await;
        assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), old, "the lease lasts");
        let stored = app.store.tokens(id).await.unwrap().unwrap();
        assert_eq!(stored.access.expose_secret(), old);
        let works = |refresh: &str| app.admin.tokens(|tokens| tokens.works(SHOP, refresh));
        assert!(works(stored.refresh.expose_secret()), "Shopify still takes it");
        app.database.execute("UPDATE shopify_tokens SET refresh_until = {clock} - 1").await;
    }
    app.admin.tokens(|tokens| tokens.fault = TokenFault::None);
    assert_ne!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_newest_is_stored(&app, id).await;
}

/// A process of its own asks for the token, and dies when Shopify has granted a new pair and before it hears of it.
async fn killed_in_the_call(app: &TestApp, id: i64, grants_then: usize) {
    let settings = app.settings.clone();
    let (kill, killed) = tokio::sync::oneshot::channel::<()>();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ((_, tokens), shop) = (process(&settings).await, shop());
            tokio::select! {
                access = tokens.access(id, &shop) => panic!("it was not killed: {access:?}"),
                _ = killed => {}
            }
        });
        runtime.shutdown_background();
    });
    for _ in 0..200 {
        if grants(app) == grants_then {
            kill.send(()).unwrap();
            process.join().unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never asked");
}

#[actix_web::test]
async fn a_request_that_goes_away_does_not_take_the_refresh_with_it() {
    let app = TestApp::start().await;
    let (id, _) = installed(&app, -1).await;
    let (_, tokens) = process(&app.settings).await;
    app.admin.tokens(|tokens| tokens.fault = TokenFault::Slow(100));
    let gone = tokio::time::timeout(Duration::from_millis(50), tokens.access(id, &shop())).await;
    assert!(gone.is_err());
    assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), app.admin.tokens(|tokens| tokens.newest(SHOP)).0);
    assert_eq!(grants(&app), 1);
    assert_newest_is_stored(&app, id).await;
}

#[actix_web::test]
async fn a_dead_refresh_token_is_recorded_and_the_access_token_used_while_it_lives() {
    let app = TestApp::start().await;
    let (id, old) = installed(&app, 60).await;
    let (store, tokens) = process(&app.settings).await;
    app.admin.tokens(|tokens| tokens.revoke(SHOP));
    for _ in 0..5 {
        assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), old);
    }
    assert_eq!(grants(&app), 1, "it is not tried over and over");
    let problem = store.tokens(id).await.unwrap().unwrap().problem.unwrap();
    assert!(problem.contains("the merchant opens the app"), "{problem}");
    app.database.execute("UPDATE shopify_tokens SET access_expires_at = {clock} - 1").await;
    let dead = tokens.access(id, &shop()).await;
    assert!(matches!(dead, Err(AccessError::Token(TokenError::Rejected))), "{dead:?}");
    let (again, new) = installed(&app, 3600).await;
    assert_eq!((again, open(tokens.access(id, &shop()).await.unwrap())), (id, new));
    assert_eq!(store.tokens(id).await.unwrap().unwrap().problem, None);
}

#[actix_web::test]
async fn an_endpoint_that_is_down_costs_nothing_while_the_access_token_lives() {
    let app = TestApp::start().await;
    let (id, old) = installed(&app, 60).await;
    let (store, tokens) = process(&app.settings).await;
    app.admin.tokens(|tokens| tokens.fault = TokenFault::Status(503));
    assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_eq!(store.tokens(id).await.unwrap().unwrap().problem, None);
    app.admin.tokens(|tokens| tokens.fault = TokenFault::None);
    assert_ne!(open(tokens.access(id, &shop()).await.unwrap()), old);
}

#[actix_web::test]
async fn a_database_that_takes_no_writes_costs_nothing_while_the_access_token_lives() {
    let app = TestApp::start_on(TestDatabase::sqlite(), &[], Clock::system()).await;
    let (id, old) = installed(&app, 60).await;
    let (_, tokens) = process(&app.settings).await;
    let mut options = ConnectOptions::new(app.database.url.clone());
    let writer = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    writer.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    assert_eq!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_eq!(grants(&app), 0, "what could not be stored is not asked for");
    writer.execute_unprepared("ROLLBACK").await.unwrap();
    assert_ne!(open(tokens.access(id, &shop()).await.unwrap()), old);
    assert_newest_is_stored(&app, id).await;
}

#[actix_web::test]
async fn an_uninstallation_during_a_refresh_is_not_undone() {
    for reinstalled in [false, true] {
        let app = TestApp::start().await;
        let (id, _) = installed(&app, 60).await;
        let (_, tokens) = process(&app.settings).await;
        app.admin.tokens(|tokens| tokens.fault = TokenFault::Slow(300));
        let refresh = tokio::spawn(async move { tokens.access(id, &shop()).await });
        while grants(&app) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let now = app.clock.unix_ms();
        assert!(app.store.uninstall(&shop(), now, now).await.unwrap());
        let new = if reinstalled { Some(installed(&app, 3600).await) } else { None };
        let _ = refresh.await.unwrap();
        let stored = app.store.tokens(id).await.unwrap().map(|tokens| tokens.access.expose_secret().to_owned());
        assert_eq!(stored, new.map(|(_, access)| access));
    }
}
