//! `scenario` against a service that is no demo: events are signed by the command and posted.

use serde_json::{Value, json};

use crate::support::app::{SHOP, TestApp};
use crate::support::command::{CommandLine, Outcome};
use crate::support::event::{SECRET, start};

/// Plays a scenario against the application, beside it.
async fn play(app: &TestApp, name: &'static str, secret: &'static str, more: &[&'static str]) -> Outcome {
    let (address, more) = (app.address.clone(), more.to_vec());
    let played = tokio::task::spawn_blocking(move || {
        let line = CommandLine::new::<String, String>([]);
        let arguments = ["scenario", name, "--url", &address, "--shop", SHOP, "--webhook-secret-stdin", "--json"];
        line.run_with_input(&[&arguments, more.as_slice()].concat(), secret.as_bytes())
    });
    let outcome = played.await.unwrap();
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(secret.is_empty() || !said.contains(secret), "it repeats the secret: {said}");
    outcome
}

async fn received(app: &TestApp) -> Vec<Value> {
    app.database.table("subtotal_events").await
}

#[test]
fn they_are_listed_with_what_they_show() {
    let line = CommandLine::new::<String, String>([]);
    let listed = line.run(&["scenario"]).done();
    assert_eq!(listed, line.run(&["scenario", "--list"]).done());
    assert_eq!(listed.lines().count(), 11);
    assert!(listed.starts_with("link             A shopper links an account"), "{listed}");
    let names = line.run(&["scenario", "--list", "--json"]).json();
    assert_eq!((&names[0]["name"], &names[10]["name"]), (&json!("link"), &json!("wrong-signature")));
}

#[actix_web::test]
async fn every_scenario_is_taken_by_a_service_whose_secret_is_known() {
    let app = start().await;
    let expected: [(&str, Value); 11] = [
        ("link", json!([[200], [200]])),
        ("activate", json!([[200]])),
        ("purchases", json!([[200], [200], [200]])),
        ("lose-login", json!([[200]])),
        ("relink", json!([[200], [200]])),
        ("disconnect", json!([[200]])),
        ("late", json!([[200]])),
        ("doubled", json!([[200, 200], [200, 200]])),
        ("reordered", json!([[200], [200], [200]])),
        ("lost", json!([[]])),
        ("wrong-signature", json!([[401, 200]])),
    ];
    let mut sent = 0;
    for (name, answers) in expected {
        let outcome = play(&app, name, SECRET, &[]).await.json();
        let steps = outcome["steps"].as_array().unwrap();
        let answered: Vec<_> = steps.iter().map(|step| step["answers"].clone()).collect();
        assert_eq!((json!(answered), &outcome["told"]), (answers, &Value::Null), "{name}");
        sent += if name == "lost" { 0 } else { steps.len() };
        let mut rows = received(&app).await;
        assert_eq!(rows.len(), sent, "{name}");
        if name == "reordered" {
            rows.retain(|row| row["connection_id"] == outcome["connection_id"]);
            rows.sort_by_key(|row| row["received_at"].as_i64());
            let kinds: Vec<_> = rows.iter().map(|row| row["event_type"].as_str().unwrap()).collect();
            assert_eq!(kinds, ["connection.activated", "connection.activated", "connection.unauthenticated"]);
            rows.sort_by_key(|row| row["event_id"].to_string());
            assert_eq!(rows[1]["event_type"], "connection.unauthenticated", "it did not happen before: {rows:?}");
        }
    }
    let simulated = |row: &Value| row["is_simulated"] == json!(1) || row["is_simulated"] == json!(true);
    assert!(received(&app).await.iter().all(simulated), "{:?}", received(&app).await);
    play(&app, "lose-login", SECRET, &["--not-simulated", "--retailer", "costco"]).await.done();
    assert_eq!(received(&app).await.iter().filter(|row| !simulated(row)).count(), 1);
}

#[actix_web::test]
async fn a_wrong_secret_is_exit_code_1_with_a_clear_reason_and_nothing_is_taken() {
    let app = start().await;
    for name in ["lose-login", "wrong-signature"] {
        let outcome = play(&app, name, "whsec-of-somebody-else", &[]).await;
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.stderr.contains("The webhook secret is not the shop's"), "{outcome:?}");
    }
    assert!(received(&app).await.is_empty());
    let outcome = play(&app, "link", "", &[]).await;
    assert!(outcome.failed(1).contains("standard input must hold the secret"));
}

#[test]
fn a_service_that_does_not_answer_is_exit_code_1() {
    let line = CommandLine::new::<String, String>([]);
    let arguments =
        ["scenario", "link", "--url", "http://127.0.0.1:1", "--shop", SHOP, "--webhook-secret-stdin", "--json"];
    let said = line.run_with_input(&arguments, b"whsec-1").failed(1);
    assert!(said.contains("http://127.0.0.1:1 does not answer") && !said.contains("whsec-1"), "{said}");
}
