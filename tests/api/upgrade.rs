//! Two versions on one database, as there are while an upgrade rolls: the one before must work on a schema that the new
//! one extended, and must not touch one that it can not work with.

use std::collections::HashMap;

use reqwest::Method;

use crate::support::app::{ALICE, TestApp};
use crate::support::command::CommandLine;
use crate::support::process::Process;

/// What the database is told that a newer version did.
async fn applied(app: &TestApp, migration: &str) {
    app.database.execute(&format!("INSERT INTO seaql_migrations VALUES ('{migration}', 1800000000)")).await;
}

#[actix_web::test]
async fn a_version_works_on_a_schema_that_the_next_one_extended() {
    let app = TestApp::start().await;
    applied(&app, "m9998_something_more").await;
    app.database.execute("ALTER TABLE shops ADD COLUMN something_more TEXT").await;
    // Restarted, or started anew because the upgrade is taken back.
    let server = Process::start(&app.settings, &[]).await;
    assert_eq!(server.plain(&app, "/readyz").await.status, 200);
    let answer = app.send(server.request(&app, Method::GET, "/retailers", ALICE), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let said = CommandLine::new(app.settings.clone()).run(&["migrate"]).done();
    assert!(said.contains("a newer version"), "{said}");
}

#[actix_web::test]
async fn a_version_does_not_start_on_a_schema_that_lacks_what_it_needs() {
    let app = TestApp::start().await;
    applied(&app, "m9998_something_more").await;
    let lacking = "DELETE FROM seaql_migrations WHERE version LIKE 'm0020%'";
    assert_eq!(app.database.execute(lacking).await, 1);
    refused(&app.settings, "m9998_something_more");
}

#[actix_web::test]
async fn a_version_does_not_start_on_a_schema_that_a_newer_one_took_something_from() {
    let app = TestApp::start().await;
    applied(&app, "m9998_something_more").await;
    applied(&app, "m9999_shops_contract").await;
    refused(&app.settings, "m9999_shops_contract");
    let waiting = Process::start(&app.settings, &[("MIGRATE_ON_START", "false")]).await;
    let answer = waiting.plain(&app, "/readyz").await;
    assert_eq!((answer.status, answer.body.contains("newer version")), (503, true), "{answer:?}");
}

fn refused(settings: &HashMap<String, String>, migration: &str) {
    for command in ["migrate", "serve"] {
        let said = CommandLine::new(settings.clone()).run(&[command]).failed(1);
        assert!(said.contains("newer version") && said.contains(migration), "{said}");
    }
}
