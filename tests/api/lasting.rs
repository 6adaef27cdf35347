//! A database on a disk that will not last is told of, and `healthcheck` tells how the service is.

use crate::support::app::ENCRYPTION_KEYS;
use crate::support::command::CommandLine;
use crate::support::port::free_port;

fn line(database: &str, port: u16) -> CommandLine {
    CommandLine::new([
        ("DATABASE_URL", database),
        ("ENCRYPTION_KEYS", ENCRYPTION_KEYS),
        ("SHOPIFY_API_KEY", "client-id"),
        ("SHOPIFY_API_SECRET", "client-secret"),
        ("SHOPIFY_APP_URL", "https://app.example.com"),
        ("PORT", &port.to_string()),
    ])
}

#[actix_web::test]
async fn a_database_in_memory_is_warned_of_and_served() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let line = line(&format!("sqlite://{}/test.db?mode=rwc", folder.path().display()), 0);
    let serve = line.start(&["serve"]);
    let warned = serve.line(|line| line.contains("will not last").then(|| line.to_owned()));
    assert!(warned.contains("WARN") && warned.contains("tmpfs") && warned.contains("DATABASE_URL"), "{warned}");
    serve.url_after("listening on ");
    assert_eq!(serve.terminate(), Some(0));
    let found = line.run(&["doctor", "--json"]).stdout;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let disk = found["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "disk").unwrap();
    assert_eq!(disk["status"], "warning", "{disk}");
    assert!(disk["message"].as_str().unwrap().contains("tmpfs"), "{disk}");
}

#[actix_web::test]
async fn a_healthcheck_needs_nothing_but_the_service() {
    let port = free_port();
    let mut line = line("sqlite://test.db?mode=rwc", port);
    assert!(line.run(&["healthcheck"]).failed(1).contains("nothing answers"));
    line.set("BIND_ADDR", Some("0.0.0.0"));
    let serve = line.start(&["serve"]);
    serve.url_after("listening on ");
    for arguments in [&["healthcheck"][..], &["healthcheck", "--live"]] {
        assert_eq!(line.run(arguments).done(), "");
    }
    // It is up, and can not do its work.
    let database = line.folder().join("test.db");
    let db = sea_orm::Database::connect(format!("sqlite://{}?mode=rw", database.display())).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&db, "DELETE FROM seaql_migrations WHERE version LIKE 'm0002%'")
        .await
        .unwrap();
    db.close().await.unwrap();
    assert_eq!(serve.terminate(), Some(0));
    line.set("MIGRATE_ON_START", Some("false"));
    let serve = line.start(&["serve"]);
    serve.url_after("listening on ");
    assert_eq!(line.run(&["healthcheck", "--live"]).done(), "");
    assert!(line.run(&["healthcheck"]).failed(1).contains("answers 503"));
    assert_eq!(serve.terminate(), Some(0));
}
