//! The levers: what they do to calls, and who may pull them.

use reqwest::Method;
use reqwest::header::{LOCATION, RETRY_AFTER};
use serde_json::json;

use super::{KEY, Mode, Sandbox, answered, json_of};

#[actix_web::test]
async fn a_lever_limited_to_a_call_and_a_number_leaves_the_rest_alone() {
    let sandbox = Sandbox::start();
    sandbox.answer_with(Mode::TooMany, "GET /retailers", Some(2), false);
    assert_eq!(sandbox.get("/connections?customer_id=1").await.status(), 200);
    for _ in 0..2 {
        let answer = sandbox.get("/retailers").await;
        assert_eq!(answered(&answer, RETRY_AFTER), (429, "1"));
    }
    assert_eq!(sandbox.get("/retailers").await.status(), 200);
    let report = sandbox.world.report();
    assert_eq!(report.counts["GET /retailers"], 3);
    assert_eq!(report.calls[0].status, Some(200));
    assert_eq!(report.calls[3].path, "/connections");
}

#[actix_web::test]
async fn a_creation_whose_answer_is_lost_took_effect_only_when_the_lever_says_so() {
    let sandbox = Sandbox::start();
    let body = json!({ "customer_id": "7001", "retailer_id": "walmart" });
    for (performs, expected) in [(false, 0), (true, 1)] {
        sandbox.answer_with(Mode::Reset, "POST /connections", None, performs);
        sandbox.call(Method::POST, "/connections").json(&body).send().await.unwrap_err();
        assert_eq!(sandbox.world.report().connections.len(), expected);
    }
}

#[actix_web::test]
async fn a_hanging_call_ends_unanswered_when_the_answers_change() {
    let sandbox = Sandbox::start();
    sandbox.answer_with(Mode::Hang, "GET /retailers", None, false);
    let hanging = tokio::spawn(sandbox.call(Method::GET, "/retailers").send());
    while sandbox.world.report().calls.is_empty() {
        tokio::task::yield_now().await;
    }
    sandbox.world.reset();
    hanging.await.unwrap().unwrap_err();
    assert_eq!(sandbox.get("/retailers").await.status(), 200);
}

#[actix_web::test]
async fn levers_are_pulled_by_scripts_and_forms_but_not_by_other_sites() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "walmart").await;
    let lever = json!({ "action": "status", "connection_id": connection, "status": "paused" });
    let api = format!("{}/levers/api", sandbox.link);
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let foreign = sandbox.client.post(&api).json(&lever).header(name, value).send().await.unwrap();
        assert_eq!(foreign.status(), 403);
    }
    assert_eq!(sandbox.status_of(&connection), "initialized");
    let state = json_of(sandbox.client.post(&api).json(&lever).send().await.unwrap()).await;
    assert_eq!(state["connections"][0]["status"], "paused");
    let unknown = json!({ "action": "new_link_url", "retailer_id": "nobody" });
    assert_eq!(sandbox.client.post(&api).json(&unknown).send().await.unwrap().status(), 422);

    let form = [("action", "answer"), ("mode", "unknown_status"), ("endpoint", ""), ("times", "1")];
    assert_eq!(sandbox.post_form("/levers/api", &form).await.headers()[LOCATION], "/levers");
    let page = sandbox.visit("/levers").await.text().await.unwrap();
    assert!(page.contains("is answered with the status paused") && !page.contains(KEY), "{page}");

    sandbox.post_form("/levers/api", &[("action", "new_link_url"), ("retailer_id", "walmart")]).await;
    assert_eq!(sandbox.visit("/zklQOnlG").await.status(), 404);
    sandbox.post_form("/levers/api", &[("action", "reset")]).await;
    assert_eq!(sandbox.visit("/zklQOnlG").await.status(), 400);
    let state = json_of(sandbox.visit("/levers/api/state").await).await;
    assert_eq!((&state["connections"], &state["levers"]["mode"]), (&json!([]), &json!("normal")));
}
