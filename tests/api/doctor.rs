//! `doctor`, as an operator runs it.

use std::time::{Duration, Instant};

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::app::{SHOP, TestApp};
use crate::support::command::{CommandLine, Outcome};
use crate::support::staff::execute;

const OWN_FILE: &str = include_str!("../../shopify.app.toml");

/// A command line over the world of a running application, with a Shopify that knows the app.
async fn installation(app: &TestApp) -> (CommandLine, MockServer) {
    let shopify = MockServer::start().await;
    let answer = ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_subject_token"}"#);
    Mock::given(any()).respond_with(answer).mount(&shopify).await;
    let mut line = CommandLine::new(app.settings.clone());
    line.set("SHOPIFY_ADMIN_URL", Some(&shopify.uri()));
    // The fake of Subtotal stands still while a command is waited for; any answer will do here.
    line.set("SUBTOTAL_API_URL", Some(&shopify.uri()));
    line.set("SHOPIFY_APP_URL", Some("https://127.0.0.1:1"));
    (line, shopify)
}

fn report(outcome: Outcome) -> (i32, Value) {
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    (outcome.code, serde_json::from_str(&outcome.stdout).unwrap())
}

/// The findings of one check, as status and message.
fn found<'a>(report: &'a Value, check: &str) -> Vec<(&'a str, &'a str)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check);
    findings.map(|finding| (finding["status"].as_str().unwrap(), finding["message"].as_str().unwrap())).collect()
}

/// Whether one check has a finding of this status that says so.
fn says(report: &Value, check: &str, status: &str, text: &str) -> bool {
    found(report, check).iter().any(|(is, message)| *is == status && message.contains(text))
}

#[actix_web::test]
async fn an_installation_that_works_has_no_problem() {
    let app = TestApp::start().await;
    let (line, _shopify) = installation(&app).await;
    let file = OWN_FILE
        .replace("0123456789abcdef0123456789abcdef", "client-id")
        .replace("https://app.example.com", "https://127.0.0.1:1");
    line.write("shopify.app.toml", &file);
    let (code, report) = report(line.run(&["doctor", "--json"]));
    assert_eq!((code, &report["ok"]), (0, &Value::Bool(true)), "{report:#}");
    for check in [
        "settings",
        "app file",
        "scopes",
        "database",
        "secrets",
        "grants",
        "certificates",
        "subtotal",
        "shopify",
        "credentials",
    ] {
        assert_eq!(found(&report, check).iter().map(|found| found.0).collect::<Vec<_>>(), ["ok"], "{check} {report:#}");
    }
    assert!(says(&report, "public URL", "warning", "not checked"), "{report:#}");
    assert!(says(&report, "secrets", "ok", "all 2 sealed values"), "{report:#}");
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["status"] == "ok", finding["advice"].is_null(), "{finding}");
    }
    let text = line.run(&["doctor"]).done();
    assert!(text.contains("ok       database") && text.contains("→ "), "{text}");
}

#[actix_web::test]
async fn everything_wrong_is_found_in_one_run_and_no_secret_is_shown() {
    let app = TestApp::start().await;
    let (mut line, _shopify) = installation(&app).await;
    let shop_id = app.shop_id(SHOP).await;
    execute(&app.sql().await, &format!("UPDATE shops SET scopes = 'write_app_proxy' WHERE id = {shop_id}")).await;
    line.write("shopify.app.toml", &OWN_FILE.replace("\"shop/redact\"", "\"shop/other\""));
    line.set("ENCRYPTION_KEYS", Some("k2:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="));
    line.set("SUBTOTAL_API_URL", Some("http://127.0.0.1:1"));
    line.set("SCOPES", Some("write_app_proxy,read_orders"));
    line.set("LOG_FORMAT", Some("xml"));
    line.set("SHOPIFY_API_KEY", None);
    let outcome = line.run(&["doctor", "--json"]);
    for secret in [&app.client_secret, &app.api_key, "MDEyMzQ1", app.settings["DATABASE_URL"].as_str()] {
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{secret}: {outcome:?}");
    }
    let (code, report) = report(outcome);
    assert_eq!((code, &report["ok"]), (1, &Value::Bool(false)));
    for (check, status, text) in [
        ("settings", "problem", "LOG_FORMAT"),
        ("settings", "problem", "SHOPIFY_API_KEY"),
        ("app file", "problem", "lacks shop/redact"),
        ("app file", "problem", "application_url is not on SHOPIFY_APP_URL"),
        ("scopes", "problem", "read_customers"),
        ("scopes", "warning", "read_orders"),
        ("grants", "warning", SHOP),
        ("secrets", "problem", "2 of 2 sealed values do not open"),
        ("subtotal", "problem", "can not be reached"),
        ("credentials", "warning", "not checked"),
    ] {
        assert!(says(&report, check, status, text), "{check} {status} {text}: {report:#}");
    }
    let advice = report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "secrets").unwrap();
    assert!(advice["advice"].as_str().unwrap().contains("add the key k1"), "{advice}");
}

#[actix_web::test]
async fn without_any_setting_it_still_says_what_is_missing_and_creates_nothing() {
    let line = CommandLine::new::<String, String>([]);
    let started = Instant::now();
    let (code, report) = report(line.run(&["doctor", "--json"]));
    assert_eq!(code, 1);
    for variable in ["SHOPIFY_API_KEY", "SHOPIFY_API_SECRET", "SHOPIFY_APP_URL", "ENCRYPTION_KEYS"] {
        assert!(says(&report, "settings", "problem", variable), "{variable}: {report:#}");
    }
    assert!(says(&report, "database", "warning", "not there yet"), "{report:#}");
    assert!(says(&report, "app file", "warning", "not in this folder"), "{report:#}");
    assert!(line.files().is_empty(), "{:?}", line.files());
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[actix_web::test]
async fn a_database_that_can_not_be_opened_or_lags_is_named() {
    let app = TestApp::start().await;
    let (mut line, _shopify) = installation(&app).await;
    execute(&app.sql().await, "DELETE FROM seaql_migrations WHERE version = 'm0011_service_audit'").await;
    let (_, lags) = report(line.run(&["doctor", "--json"]));
    assert!(says(&lags, "database", "warning", "lacks 1 migrations"), "{lags:#}");
    line.set("MIGRATE_ON_START", Some("false"));
    let (code, lags) = report(line.run(&["doctor", "--json"]));
    assert!(code == 1 && says(&lags, "database", "problem", "lacks 1 migrations"), "{lags:#}");

    line.set("DATABASE_URL", Some("postgres://someone:very-secret@127.0.0.1:1/none"));
    let started = Instant::now();
    let outcome = line.run(&["doctor", "--json"]);
    assert!(started.elapsed() < Duration::from_secs(12));
    assert!(!outcome.stdout.contains("very-secret") && !outcome.stderr.contains("very-secret"), "{outcome:?}");
    let (code, shut) = report(outcome);
    assert!(code == 1 && says(&shut, "database", "problem", "can not be opened"), "{shut:#}");
    line.set("DATABASE_URL", Some("mysql://x"));
    let (_, wrong) = report(line.run(&["doctor", "--json"]));
    assert!(says(&wrong, "database", "problem", "DATABASE_URL is wrong"), "{wrong:#}");
}

#[actix_web::test]
async fn the_endpoint_behind_the_body_check_answers_nobody_else() {
    let app = TestApp::start().await;
    let url = format!("{}/healthz/body", app.address);
    let now = app.clock.unix_seconds().to_string();
    let plain = crate::support::signer::signature(&app.client_secret, &format!("body check at {now}"));
    for (time, signature) in
        [("", ""), (&now, ""), (&now, "00"), (&now, "not hex"), (&now, plain.as_str()), ("x", &plain)]
    {
        let request = app.http().post(&url).header("x-subtotal-connect-time", time);
        let request = request.header("x-subtotal-connect-signature", signature).body("{}");
        assert_eq!(app.send(request, "").await.status, 404, "{time} {signature}");
    }
    assert_eq!(app.plain("/healthz/body").await.status, 404);
}
