//! The API: keys, tokens, field checks.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::{Lever, OTHER_KEY, Sandbox, answered, json_of, text};

#[actix_web::test]
async fn two_creations_make_two_connections_that_only_their_project_sees() {
    let sandbox = Sandbox::start();
    let first = sandbox.connect("7001", "walmart").await;
    let second = sandbox.connect("7001", "walmart").await;
    assert_ne!(first, second);
    let own = json_of(sandbox.get("/connections?customer_id=7001").await).await;
    assert_eq!(own["connections"].as_array().unwrap().len(), 2);
    assert_eq!(own["connections"][0]["status"], "initialized");
    assert_eq!(own["connections"][0]["email"], Value::Null);

    let foreign = sandbox.client.get(format!("{}/connections?customer_id=7001", sandbox.api));
    let foreign = json_of(foreign.header("x-api-key", OTHER_KEY).send().await.unwrap()).await;
    assert_eq!(foreign, json!({ "connections": [] }));
    let token = sandbox.client.post(format!("{}/connections/{first}/token", sandbox.api));
    let token = token.header("x-api-key", OTHER_KEY).json(&json!({ "scope": "access" })).send().await.unwrap();
    assert_eq!(token.status(), 404);
    assert_eq!(json_of(token).await, json!({ "detail": "Connection not found" }));
}

#[actix_web::test]
async fn every_call_needs_a_known_key() {
    let sandbox = Sandbox::start();
    for path in ["/retailers", "/connections", "/connections/01J51S0JYV6N7K1030CV1ZKSCA"] {
        for key in [None, Some("unknown")] {
            let request = sandbox.client.get(format!("{}{path}", sandbox.api));
            let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            assert_eq!(json_of(answer).await, json!({ "detail": "Invalid API key" }));
        }
    }
}

#[actix_web::test]
async fn all_problems_of_a_body_are_named_at_once() {
    let sandbox = Sandbox::start();
    let body = json!({ "retailer_id": 5, "email": "e".repeat(65), "mobile": null });
    let answer = sandbox.call(Method::POST, "/connections").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let problems = [
        json!({ "loc": ["body", "customer_id"], "msg": "Field required", "type": "missing" }),
        json!({ "loc": ["body", "retailer_id"], "msg": "Input should be a valid string", "type": "string_type" }),
        json!({
            "loc": ["body", "email"],
            "msg": "String should have at most 64 characters",
            "type": "string_too_long",
        }),
    ];
    assert_eq!(json_of(answer).await, json!({ "detail": problems }));

    let broken = sandbox.call(Method::POST, "/connections").header(CONTENT_TYPE, "application/json").body("{\"a");
    assert_eq!(json_of(broken.send().await.unwrap()).await["detail"][0]["type"], "json_invalid");
    let unfiltered = json_of(sandbox.get("/connections").await).await;
    assert_eq!(unfiltered["detail"][0]["loc"], json!(["query", "customer_id"]));
}

#[actix_web::test]
async fn disconnecting_needs_the_key_and_the_connections_own_access_token() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "walmart").await;
    let other = sandbox.connect("7001", "target").await;
    let token = sandbox.token(&connection, "access").await;
    assert_eq!(token.split('.').count(), 3);
    let link_token = sandbox.token(&connection, "link").await;
    let others_token = sandbox.token(&other, "access").await;

    for (refused, status) in [("", 401), ("a.b.c", 401), (&*link_token, 403), (&*others_token, 403)] {
        assert_eq!(sandbox.patch(&connection, refused, "disconnected").await.status(), status);
    }
    assert_eq!(sandbox.patch(&connection, &token, "active").await.status(), 422);
    assert_eq!(sandbox.status_of(&connection), "initialized");
    for _ in 0..2 {
        let answer = sandbox.patch(&connection, &token, "disconnected").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(json_of(answer).await["status"], "disconnected");
    }
    assert_eq!(sandbox.patch("01J51S0JYV6N7K1030CV1ZKSCA", &token, "disconnected").await.status(), 404);

    let path = format!("/connections/{connection}");
    let bearer = format!("Bearer {token}");
    let delete = || sandbox.call(Method::DELETE, &path).header(AUTHORIZATION, &bearer).send();
    assert_eq!(delete().await.unwrap().status(), 204);
    assert_eq!(delete().await.unwrap().status(), 404);

    sandbox.clock.advance(Duration::from_secs(1_799));
    assert_eq!(sandbox.patch(&other, &others_token, "disconnected").await.status(), 200);
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.patch(&other, &others_token, "disconnected").await.status(), 401);
    let fresh = sandbox.token(&other, "access").await;
    sandbox.world.pull(Lever::ExpireTokens).unwrap();
    assert_eq!(sandbox.patch(&other, &fresh, "disconnected").await.status(), 401);
}

#[actix_web::test]
async fn every_listed_picture_is_served_and_every_link_url_ends_in_its_link_id() {
    let sandbox = Sandbox::start();
    let listed = json_of(sandbox.get("/retailers").await).await;
    let retailers = listed["retailers"].as_array().unwrap();
    assert!(retailers.len() >= 8);
    for retailer in retailers {
        let link_id = text(retailer, "link_url").rsplit('/').next().unwrap().to_owned();
        assert!(link_id.len() == 8 && link_id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{link_id}");
        for kind in ["logo", "icon"] {
            for (_, url) in retailer["images"][kind].as_object().unwrap() {
                let picture = sandbox.client.get(url.as_str().unwrap()).send().await.unwrap();
                assert_eq!(answered(&picture, CONTENT_TYPE), (200, "image/svg+xml"));
            }
        }
    }
    assert!(retailers.iter().any(|retailer| text(retailer, "link_url").starts_with("http://localhost:")));
    assert!(retailers.iter().any(|retailer| retailer["images"]["logo"].get("dark").is_none()));
}
