//! Purchases: who may read them, and how they are paged.

use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::{Lever, Sandbox, json_of, text};

#[actix_web::test]
async fn purchases_are_paged_newest_first_for_the_connections_own_token() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "walmart").await;
    let (link, token) = (sandbox.token(&connection, "link").await, sandbox.token(&connection, "access").await);
    sandbox.world.pull(Lever::Status { connection_id: connection.clone(), status: "active".to_owned() }).unwrap();
    sandbox.world.pull(Lever::Purchase { connection_id: connection }).unwrap();
    let read = async |path: &str, token: &str| {
        let call = sandbox.call(Method::GET, path).header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    };
    assert_eq!(sandbox.get("/purchases").await.status(), 401);
    assert_eq!(read("/purchases", &link).await.0, 403);
    assert_eq!(read("/purchases?limit=51", &token).await.0, 422);
    let mut dates: Vec<String> = Vec::new();
    let mut after = String::new();
    for more in [true, true, true, false] {
        let (status, page) = read(&format!("/purchases?limit=1{after}"), &token).await;
        assert_eq!((status, &page["has_more"]), (200, &json!(more)));
        dates.push(text(&page["purchases"][0], "date"));
        after = format!("&starting_after={}", text(&page["purchases"][0], "purchase_id"));
    }
    assert!(dates.is_sorted_by(|newer, older| newer > older), "{dates:?}");
    let id = after.rsplit('=').next().unwrap();
    let (_, whole) = read(&format!("/purchases/{id}"), &token).await;
    let cents = |value: &Value| value.as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    assert_eq!(cents(&whole["subtotal"]) + cents(&whole["tax"]), cents(&whole["total"]));
    let units: i64 = whole["items"].as_array().unwrap().iter().map(|item| item["quantity"].as_i64().unwrap()).sum();
    assert_eq!(whole["item_count"], units);
    assert_eq!(read("/purchases/nobody", &token).await.0, 404);
}
