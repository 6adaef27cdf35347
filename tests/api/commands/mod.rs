//! The one-shot commands, as a person or a script calls them.

mod backup;
mod erase;
mod rules;
mod scenario;
mod shops;
mod signing;

use crate::support::app::ENCRYPTION_KEYS;
use crate::support::command::CommandLine;
use crate::support::database::TestDatabase;

/// A command line over a database of its own.
async fn with_database() -> (CommandLine, TestDatabase) {
    let database = TestDatabase::empty().await;
    let line = CommandLine::new([("DATABASE_URL", database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    (line, database)
}

#[test]
fn help_and_version_are_answered_without_any_setting() {
    let line = CommandLine::new::<String, String>([]);
    let help = line.run(&["--help"]).done();
    for command in [
        "demo",
        "serve",
        "migrate",
        "shop",
        "rules",
        "rotate-keys",
        "scenario",
        "sign",
        "explain-proxy",
        "backup",
        "restore",
        "export",
        "erase",
        "healthcheck",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in {help}");
        assert!(line.run(&[command, "--help"]).done().contains("Usage: subtotal-connect"), "{command}");
    }
    assert!(line.run(&["--version"]).done().starts_with("subtotal-connect "));
    assert!(line.files().is_empty());
}

#[test]
fn wrong_usage_is_exit_code_2_and_touches_nothing() {
    let line = CommandLine::new([("ENCRYPTION_KEYS", ENCRYPTION_KEYS), ("SHOPIFY_API_SECRET", "secret")]);
    let wrong: [&[&str]; 39] = [
        &[],
        &["unknown"],
        &["serve", "--port", "1"],
        &["migrate", "now"],
        &["shop"],
        &["shop", "set"],
        &["shop", "show"],
        &["shop", "set", "demo.myshopify.com", "--api-key", "sk_live"],
        &["shop", "set", "demo.myshopify.com", "--enforce-visibility", "yes"],
        &["shop", "set", "demo.myshopify.com", "--no-email", "on"],
        &["shop", "set", "demo.myshopify.com", "--link-style", "jwt"],
        &["shop", "set", "demo.myshopify.com", "--accounts", "old"],
        &["shop", "set", "demo.myshopify.com", "--domain", "https://shop.example.com"],
        &["shop", "set", "demo.myshopify.com", "--redirect-host", "shop.example.com/path"],
        &["shop", "set", "demo.myshopify.com", "--rate-limit-shop", "fast"],
        &["shop", "set", "demo.myshopify.com", "--rate-limit-shop", "0:5"],
        &["shop", "set", "demo.myshopify.com", "--rate-limit-customer", "50"],
        &["rules", "set", "demo.myshopify.com"],
        &["rules", "set", "demo.myshopify.com", "--on", "--off"],
        &["rules", "set", "demo.myshopify.com", "--on", "--retailer", ""],
        &["rules", "explain", "demo.myshopify.com"],
        &["sign", "/apps/subtotal/retailers", "--shop", "demo.myshopify.com"],
        &["sign", "http://127.0.0.1/", "--shop", "demo.myshopify.com", "--customer", "maya"],
        &["explain-proxy"],
        &["rotate-keys", "k2"],
        &["backup"],
        &["restore"],
        &["export"],
        &["erase"],
        &["healthcheck", "http://127.0.0.1:3000"],
        &["scenario", "unknown"],
        &["scenario", "link", "--list"],
        &["scenario", "link", "--port", "0"],
        &["scenario", "link", "--customer", "theo"],
        &["scenario", "link", "--not-simulated"],
        &["scenario", "link", "--url", "https://app.example.com"],
        &["scenario", "link", "--url", "https://app.example.com", "--shop", "demo.myshopify.com"],
        &["scenario", "link", "--url", "app.example.com", "--shop", "demo.myshopify.com", "--webhook-secret-stdin"],
        &["scenario", "--url", "https://app.example.com", "--shop", "demo.myshopify.com", "--webhook-secret-stdin"],
    ];
    for arguments in wrong {
        line.run(arguments).failed(2);
    }
    assert!(line.files().is_empty(), "{:?}", line.files());
}

#[test]
fn a_domain_that_is_not_a_shops_is_refused_in_words() {
    let line = CommandLine::new([("ENCRYPTION_KEYS", ENCRYPTION_KEYS), ("SHOPIFY_API_SECRET", "secret")]);
    for domain in ["shop.example.com", "Demo.myshopify.com", "https://demo.myshopify.com", "-a.myshopify.com", ""] {
        let commands: [&[&str]; 9] = [
            &["shop", "set", domain],
            &["shop", "show", domain],
            &["shop", "remove", domain],
            &["export", domain],
            &["erase", domain, "--yes"],
            &["rules", "set", domain, "--on"],
            &["rules", "show", domain],
            &["rules", "explain", domain, "--email", "maya@example.com"],
            &["sign", "http://127.0.0.1/apps/subtotal/retailers", "--shop", domain],
        ];
        for arguments in commands {
            let stderr = line.run(arguments).failed(2);
            let clear = "lower-case {name}.myshopify.com";
            assert!(stderr.contains(clear) || (domain.starts_with('-') && stderr.contains("--")), "{stderr}");
        }
    }
    assert!(line.files().is_empty(), "{:?}", line.files());
}

#[actix_web::test]
async fn migrate_brings_a_new_database_to_the_schema_and_repeats_harmlessly() {
    let (mut line, _database) = with_database().await;
    line.set("ENCRYPTION_KEYS", None);
    for _ in 0..2 {
        assert_eq!(line.run(&["migrate"]).done(), "The database is at the current schema.\n");
    }
    assert_eq!(line.run(&["shop", "list", "--json"]).json(), serde_json::json!([]));
}

#[actix_web::test]
async fn a_database_that_is_not_there_fails_with_a_reason() {
    let line = CommandLine::new([("DATABASE_URL", "sqlite://no/such/folder/test.db?mode=rwc")]);
    for arguments in [&["migrate"][..], &["shop", "list"], &["rules", "show", "demo.myshopify.com"]] {
        assert!(line.run(arguments).failed(1).starts_with("error: "));
    }
}

#[actix_web::test]
async fn what_concerns_a_shop_that_is_not_installed_fails() {
    let (line, _database) = with_database().await;
    for arguments in [
        &["shop", "show", "demo.myshopify.com"][..],
        &["shop", "remove", "demo.myshopify.com"],
        &["rules", "set", "demo.myshopify.com", "--on"],
        &["rules", "show", "demo.myshopify.com"],
        &["rules", "explain", "demo.myshopify.com", "--email", "maya@example.com"],
    ] {
        assert!(line.run(arguments).failed(1).contains("demo.myshopify.com is not installed"));
    }
    assert_eq!(line.run(&["shop", "list", "--json"]).json(), serde_json::json!([]));
}
