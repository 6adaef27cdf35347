//! Whose address stands in the log: of a call that was refused, and as trusted hops tell it.

use reqwest::Method;
use serde_json::Value;
use subtotal_connect::clock::Clock;

use crate::support::app::{ALICE, Answer, TestApp};
use crate::support::captured_log;

/// The `client` of an answer's line in the log.
fn logged(answer: &Answer) -> Value {
    let log = captured_log::since(0);
    let id = answer.header("x-request-id");
    let lines = log.lines().filter(|line| line.contains(id)).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.filter(|line| line["message"] == "request").collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0]["client"].clone()
}

/// A call with a wrong signature that says where it comes from.
async fn refused(app: &TestApp, forwarded: &str) -> Answer {
    let request = app.http().get(format!("{}/apps/subtotal/visibility?shop=x", app.address));
    let answer = app.send(request.header("X-Forwarded-For", forwarded), "").await;
    assert_eq!(answer.status, 401);
    answer
}

#[actix_web::test]
async fn what_an_untrusted_peer_forwards_is_never_believed() {
    let app = TestApp::start().await;
    for forwarded in ["203.0.113.7", "203.0.113.7, 127.0.0.1", "127.0.0.1, 203.0.113.7"] {
        assert_eq!(logged(&refused(&app, forwarded).await), "127.0.0.1", "{forwarded}");
    }
}

#[actix_web::test]
async fn a_trusted_hop_tells_where_a_refused_call_came_from_and_nobody_an_answered_one() {
    let trusted = [("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"), ("RATE_LIMIT_CUSTOMER", "1:1")];
    let app = TestApp::start_with(&trusted, Clock::manual(1_800_000_000_000)).await;
    for (forwarded, client) in [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("nonsense", "127.0.0.1"),
    ] {
        assert_eq!(logged(&refused(&app, forwarded).await), client, "{forwarded}");
    }
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let from = |request: reqwest::RequestBuilder| request.header("X-Forwarded-For", "203.0.113.7");
        let answer = app.call(Method::GET, "demo.myshopify.com", "/visibility", ALICE, from).await;
        let client = if answer.status == 429 { Value::from("203.0.113.7") } else { Value::Null };
        assert_eq!(logged(&answer), client);
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 429]);
}
