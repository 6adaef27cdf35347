//! The named scenarios, played in a demo by the command, and what arrived of each at the demo's Klaviyo.

use std::collections::HashSet;

use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::world::{Demo, THEO, until};
use crate::support::command::CommandLine;

const CONNECTED: &str = "Connected an Account";
const REAUTHENTICATED: &str = "Reauthenticated Connection";
const UNAUTHENTICATED: &str = "Unauthenticated Connection";
const DISCONNECTED: &str = "Disconnected an Account";
const PURCHASED: &str = "Purchased at Retailer";

/// Each scenario, how its events are answered, and what Klaviyo is told, by the time it happened at.
fn expected() -> [(&'static str, Value, &'static [&'static str]); 11] {
    [
        ("link", json!([[200], [200]]), &[PURCHASED, PURCHASED, PURCHASED, CONNECTED]),
        ("activate", json!([[200]]), &[CONNECTED]),
        ("purchases", json!([[200], [200], [200]]), &[PURCHASED, PURCHASED, PURCHASED]),
        ("lose-login", json!([[200]]), &[UNAUTHENTICATED]),
        ("relink", json!([[200], [200]]), &[UNAUTHENTICATED, REAUTHENTICATED]),
        ("disconnect", json!([[200]]), &[DISCONNECTED]),
        ("late", json!([[200]]), &[CONNECTED]),
        ("doubled", json!([[200, 200], [200, 200]]), &[CONNECTED, PURCHASED]),
        ("reordered", json!([[200], [200], [200]]), &[CONNECTED, UNAUTHENTICATED, REAUTHENTICATED]),
        ("lost", json!([[]]), &[]),
        ("wrong-signature", json!([[401, 200]]), &[UNAUTHENTICATED]),
    ]
}

async fn klaviyo(demo: &Demo) -> Vec<Value> {
    let state = demo.browser("").get(&demo.klaviyo("levers/state")).await.json();
    state["events"].as_array().unwrap().clone()
}

/// Plays a scenario by the command; what it says came of it.
fn play(demo: &Demo, name: &str) -> Value {
    CommandLine::new::<String, String>([]).run(&["scenario", name, "--levers", demo.levers(), "--json"]).json()
}

fn at(event: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(event["time"].as_str().unwrap(), &Rfc3339).unwrap()
}

#[actix_web::test]
async fn each_scenario_is_told_to_klaviyo_as_it_says_and_once() {
    let demo = Demo::start();
    demo.pull(json!({ "action": "schedule", "retry_base_ms": 10 })).await;
    // What is set by hand neither spoils a scenario nor is changed by one.
    let by_hand = demo.pull(json!({ "action": "events", "lose": true })).await["event_levers"].clone();
    let mut all = 0;
    let again = expected().into_iter().filter(|(name, ..)| matches!(*name, "link" | "relink" | "wrong-signature"));
    for (name, answers, told) in expected().into_iter().chain(again) {
        let before: HashSet<_> = klaviyo(&demo).await.iter().map(|event| event["unique_id"].to_string()).collect();
        let outcome = play(&demo, name);
        assert_eq!((&outcome["scenario"], &outcome["as_expected"]), (&json!(name), &json!(true)), "{outcome}");
        let steps = outcome["steps"].as_array().unwrap();
        let answered: Vec<_> = steps.iter().map(|step| step["answers"].clone()).collect();
        assert_eq!(json!(answered), answers, "{name}");

        let mut new = klaviyo(&demo).await;
        new.retain(|event| !before.contains(&event["unique_id"].to_string()));
        new.sort_by_key(at);
        let metrics: Vec<_> = new.iter().map(|event| event["metric"].as_str().unwrap()).collect();
        assert_eq!(metrics, told, "{name}: {new:?}");
        assert!(new.iter().all(|event| event["profile"] == json!({ "email": "theo@example.net" })), "{new:?}");
        if name == "late" {
            let hours = (Clock::system().unix_seconds() - at(&new[0]).unix_timestamp()) / 3600;
            assert_eq!(hours, 15, "{new:?}");
        }
        all += told.len();
        let state = demo.state().await;
        assert_eq!(state["event_levers"], by_hand, "{name}");
        let theirs = |one: &&Value| one["customer_id"] == THEO && one["retailer_id"] == "walmart";
        assert_eq!(state["connections"].as_array().unwrap().iter().filter(theirs).count(), 1, "{name}");
    }
    let events = klaviyo(&demo).await;
    assert_eq!(events.len(), all);
    assert!(events.iter().all(|event| event["times"] == 1), "{events:?}");
}

#[actix_web::test]
async fn the_command_says_what_it_does_and_what_came_of_it() {
    let demo = Demo::start();
    demo.pull(json!({ "action": "schedule", "retry_base_ms": 300 })).await;
    let line = CommandLine::new::<String, String>([]);
    let outcome = line.run(&["scenario", "wrong-signature", "--levers", demo.levers()]);
    assert!(outcome.stderr.contains("waiting until it is tried again"), "{outcome:?}");
    let said = outcome.done();
    for words in ["401, then 200", "Unauthenticated Connection", "theo@example.net", "All of it as expected."] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

#[actix_web::test]
async fn a_scenario_that_does_not_come_out_is_exit_code_1_with_the_reason() {
    let demo = Demo::start();
    let line = CommandLine::new::<String, String>([]);
    demo.browser("").submit(&demo.klaviyo("levers"), &[("mode", "down")]).await;
    let outcome = line.run(&["scenario", "activate", "--levers", demo.levers(), "--wait", "1", "--json"]);
    assert!(outcome.stderr.contains("Klaviyo was told nothing, and not Connected an Account"), "{outcome:?}");
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((outcome.code, &said["as_expected"], &said["told"]), (1, &json!(false), &json!([])));

    demo.pull(json!({ "action": "schedule", "retry_base_ms": 300_000 })).await;
    let outcome = line.run(&["scenario", "wrong-signature", "--levers", demo.levers(), "--wait", "1"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("(connection.unauthenticated): 401"), "{outcome:?}");

    for (option, value, reason) in
        [("--customer", "1", "no such shopper"), ("--retailer", "nobody", "no such retailer")]
    {
        let outcome = line.run(&["scenario", "link", "--levers", demo.levers(), option, value, "--json"]);
        assert!(outcome.failed(1).contains(reason));
    }
    let said = line.run(&["scenario", "link", "--port", "1", "--json"]).failed(1);
    assert!(said.contains("no demo answers at http://127.0.0.1:4/levers"), "{said}");
    let said = line.run(&["scenario", "link", "--levers", &demo.shop("/"), "--json"]).failed(1);
    assert!(said.contains("is not a demo"), "{said}");
}

#[actix_web::test]
async fn the_page_plays_them_one_at_a_time() {
    let demo = Demo::start();
    let nobody = demo.browser("");
    let page = nobody.get(demo.levers()).await.body;
    for (name, ..) in expected() {
        assert!(page.contains(&format!("name=\"name\" value=\"{name}\"")), "{name}");
    }
    let form = [("action", "scenario"), ("name", "relink"), ("customer_id", THEO), ("retailer_id", "costco")];
    assert_eq!(nobody.submit(&demo.link("/levers/api"), &form).await.status, 303);
    until("both steps are shown with their answers", || async {
        let page = nobody.get(demo.levers()).await.body;
        page.contains("The shopper signs in again")
            && page.matches("<span class=\"status\">200</span></li>").count() == 2
    })
    .await;
    for (name, value) in [("name", "unknown"), ("customer_id", "1"), ("retailer_id", "unknown")] {
        let fields = form.map(|(field, given)| (field, if field == name { value } else { given }));
        nobody.submit(&demo.link("/levers/api"), &fields).await;
        assert!(nobody.get(demo.levers()).await.body.contains("Nothing changed: no such"), "{name}");
    }
}

#[actix_web::test]
async fn the_clock_lever_reaches_what_waits_already() {
    let demo = Demo::start();
    for wrong in [0, 300_001] {
        let lever = [("action", "schedule"), ("retry_base_ms", &wrong.to_string())];
        demo.browser("").submit(&demo.link("/levers/api"), &lever).await;
        assert_eq!(demo.state().await["retry_base_ms"], 1000);
    }
    demo.pull(json!({ "action": "schedule", "retry_base_ms": 300_000 })).await;
    demo.pull(json!({ "action": "events", "wrong_signature": true })).await;
    let connection = demo.state().await["connections"][0]["connection_id"].clone();
    demo.pull(json!({ "action": "status", "connection_id": connection, "status": "unauthenticated" })).await;
    let attempts = || async { demo.state().await["events"][0]["attempts"].clone() };
    until("it was tried once", || async { attempts().await == 1 }).await;
    let now = demo.pull(json!({ "action": "schedule", "retry_base_ms": 1 })).await;
    assert_eq!(now["retry_base_ms"], 1);
    until("it was tried six times", || async { attempts().await == 6 }).await;
    assert_eq!(demo.state().await["events"][0]["answers"], json!([401, 401, 401, 401, 401, 401]));
    assert_eq!(demo.pull(json!({ "action": "reset" })).await["retry_base_ms"], 1000);
}
