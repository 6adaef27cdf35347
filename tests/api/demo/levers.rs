//! Every lever, and what a shopper sees of it through the storefront.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{DANA, Demo, MAYA, until};

/// What `/retailers` answers with a warm shelf while Subtotal answers in this mode.
const MODES: [(&str, u16, &str); 13] = [
    ("401", 502, "subtotal_api_key_rejected"),
    ("403", 502, "subtotal_api_key_rejected"),
    ("404", 502, "subtotal_rejected_request"),
    ("409", 502, "subtotal_rejected_request"),
    ("422", 502, "subtotal_rejected_request"),
    ("429", 503, "subtotal_busy"),
    ("500", 502, "subtotal_unavailable"),
    ("503", 502, "subtotal_unavailable"),
    ("hang", 504, "subtotal_timeout"),
    ("reset", 502, "subtotal_unavailable"),
    ("nonsense", 502, "subtotal_unavailable"),
    ("truncated", 502, "subtotal_unavailable"),
    ("unknown_status", 200, ""),
];

fn connection_of<'a>(state: &'a Value, customer: &str, retailer: &str) -> &'a str {
    let connections = state["connections"].as_array().unwrap();
    let found = connections.iter().find(|one| one["customer_id"] == customer && one["retailer_id"] == retailer);
    found.unwrap()["connection_id"].as_str().unwrap()
}

#[actix_web::test]
async fn each_way_subtotal_can_answer_has_its_own_code_at_the_storefront() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let well = maya.statuses().await;
    for (mode, status, code) in MODES {
        demo.pull(json!({ "action": "answer", "mode": mode })).await;
        let answer = maya.api("/retailers").await;
        assert_eq!(answer.status, status, "{mode}: {answer:?}");
        if status == 200 {
            let paused = maya.statuses().await;
            assert_eq!((&paused["walmart"], &paused["costco"]), (&json!("paused"), &Value::Null));
        } else {
            assert_eq!(answer.code(), code, "{mode}");
            assert_eq!(answer.header("retry-after").is_empty(), status != 503, "{mode}");
        }
        demo.pull(json!({ "action": "answer", "mode": "normal" })).await;
        assert_eq!(maya.statuses().await, well, "after {mode}");
    }
}

#[actix_web::test]
async fn a_cold_shelf_fails_with_the_same_codes() {
    for (mode, status, code) in MODES {
        // Hanging takes its time, and nothing is asked twice; it is shown with a warm shelf.
        if matches!(mode, "hang" | "unknown_status") {
            continue;
        }
        let demo = Demo::start();
        demo.pull(json!({ "action": "answer", "mode": mode, "endpoint": "GET /retailers" })).await;
        let answer = demo.browser(MAYA).api("/retailers").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{mode}");
    }
}

#[actix_web::test]
async fn a_limited_lever_reaches_only_its_calls_and_only_so_often() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    maya.statuses().await;
    let lever = json!({ "action": "answer", "mode": "500", "endpoint": "GET /connections", "times": 1 });
    let report = demo.pull(lever).await;
    assert_eq!((&report["levers"]["mode"], &report["levers"]["times"]), (&json!("500"), &json!(1)));
    assert_eq!(maya.api("/visibility").await.status, 200);
    assert_eq!(maya.api("/retailers").await.status, 502);
    assert_eq!(maya.api("/retailers").await.status, 200);
    let lever = json!({ "action": "answer", "mode": "429", "retry_after": 7 });
    demo.pull(lever).await;
    assert_eq!(maya.api("/retailers").await.header("retry-after"), "7");
}

#[actix_web::test]
async fn a_call_that_takes_effect_before_its_answer_is_lost_leaves_one_connection() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let instacart = maya.retailer("instacart").await;
    let lever = json!({
        "action": "answer", "mode": "reset", "endpoint": "POST /connections", "times": 1, "performs": true,
    });
    demo.pull(lever).await;
    let body = json!({
        "retailerId": "instacart", "retailerLinkUrl": instacart["link_url"], "redirectUrl": demo.shop("/"),
    });
    let first = maya.post("/connections", body.clone()).await;
    assert!(matches!(first.status, 200 | 502), "{first:?}");
    let second = maya.post("/connections", body).await;
    assert_eq!(second.status, 200, "{second:?}");
    let state = demo.state().await;
    let made = state["connections"].as_array().unwrap().iter();
    assert_eq!(made.filter(|one| one["retailer_id"] == "instacart").count(), 1);
}

#[actix_web::test]
async fn a_connections_status_can_become_anything() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let id = connection_of(&demo.state().await, MAYA, "walmart").to_owned();
    for status in ["unauthenticated", "revoked", "initialized", "disconnected", "paused", "needs_captcha", "active"] {
        demo.pull(json!({ "action": "status", "connection_id": id, "status": status })).await;
        let expected = json!({ "connection_id": id, "retailer_id": "walmart", "status": status });
        assert_eq!(maya.retailer("walmart").await["connection"], expected);
    }
}

#[actix_web::test]
async fn waiting_makes_answers_late_and_too_much_of_it_a_timeout() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    maya.statuses().await;
    for (milliseconds, status) in [(300, 200), (2_500, 504)] {
        demo.pull(json!({ "action": "latency", "milliseconds": milliseconds })).await;
        let started = Instant::now();
        let answer = maya.api("/retailers").await;
        let took = started.elapsed();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(4), "{took:?}");
    }
    assert_eq!(maya.api("/retailers").await.code(), "subtotal_timeout");
}

#[actix_web::test]
async fn a_retailers_new_link_url_works_at_once_and_the_old_one_leads_nowhere() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let old = maya.retailer("publix").await["link_url"].as_str().unwrap().to_owned();
    let link_id = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let report = demo.pull(json!({ "action": "new_link_url", "retailer_id": "publix" })).await;
    let retailers = report["retailers"].as_array().unwrap();
    let new = retailers.iter().find(|one| one["retailer_id"] == "publix").unwrap()["link_url"].as_str().unwrap();
    assert_ne!(old, new);

    let onwards = maya.api(&format!("/link/{}", link_id(new))).await;
    assert_eq!(onwards.status, 302, "{onwards:?}");
    assert!(onwards.header("location").starts_with(&format!("{new}?connection_id=")));
    let nowhere = maya.api(&format!("/link/{}", link_id(&old))).await;
    assert_eq!((nowhere.status, nowhere.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(nowhere.body.contains("find that retailer"), "{}", nowhere.body);
    assert_eq!(maya.retailer("publix").await["link_url"], new);
    assert_eq!(maya.get(&format!("{old}?connection_id=x")).await.status, 404);
    assert_eq!(maya.get(onwards.header("location")).await.status, 200);
}

#[actix_web::test]
async fn expired_tokens_do_not_keep_anyone_from_disconnecting() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let id = connection_of(&demo.state().await, MAYA, "walmart").to_owned();
    demo.pull(json!({ "action": "expire_tokens" })).await;
    let gone = maya.post("/disconnect-connection", json!({ "connectionId": id })).await;
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(maya.retailer("walmart").await["connection"]["status"], "disconnected");
}

#[actix_web::test]
async fn a_list_that_is_on_hides_while_shopify_does_not_say_who_is_asking() {
    for mode in ["down", "throttled", "no_access"] {
        let demo = Demo::start();
        demo.set_admin_api(mode).await;
        let dana = demo.browser(DANA);
        assert_eq!(dana.api("/visibility").await.json()["restrictedRetailerIds"], json!(["petco"]), "{mode}");
        demo.set_admin_api("normal").await;
        let shown = || async { dana.api("/visibility").await.json()["restrictedRetailerIds"] == json!([]) };
        if mode == "down" {
            until("Dana sees what she may again", shown).await;
        }
    }
}

#[actix_web::test]
async fn reset_brings_the_start_back() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let mut start = demo.state().await;
    let well = maya.api("/retailers").await.json();
    let id = connection_of(&start, MAYA, "walmart").to_owned();
    for lever in [
        json!({ "action": "status", "connection_id": id, "status": "revoked" }),
        json!({ "action": "latency", "milliseconds": 5 }),
        json!({ "action": "new_link_url", "retailer_id": "publix" }),
        json!({ "action": "answer", "mode": "500" }),
    ] {
        demo.pull(lever).await;
    }
    assert_eq!(maya.api("/retailers").await.status, 502);
    demo.pull(json!({ "action": "reset" })).await;
    let mut state = demo.state().await;
    for report in [&mut start, &mut state] {
        report.as_object_mut().unwrap().remove("calls");
    }
    assert_eq!(state, start);
    assert_eq!(maya.api("/retailers").await.json(), well);
}

#[actix_web::test]
async fn a_lever_that_points_at_nothing_changes_nothing() {
    let demo = Demo::start();
    let before = demo.state().await;
    let url = demo.link("/levers/api");
    for lever in [
        json!({ "action": "status", "connection_id": "unknown", "status": "active" }),
        json!({ "action": "new_link_url", "retailer_id": "unknown" }),
        json!({ "action": "answer", "mode": "418" }),
        json!({ "action": "answer", "mode": "500", "endpoint": "GET /nothing" }),
        json!({ "action": "latency", "milliseconds": 30_001 }),
        json!({ "action": "unknown" }),
    ] {
        let request = crate::support::command::client().post(&url).json(&lever);
        assert_eq!(demo.browser("").send(request).await.status, 422, "{lever}");
    }
    // Another site's page may not pull a lever either.
    let foreign = crate::support::command::client().post(&url).header("origin", "https://evil.example");
    assert_eq!(demo.browser("").send(foreign.json(&json!({ "action": "reset" }))).await.status, 403);
    assert_eq!(demo.state().await, before);
}
