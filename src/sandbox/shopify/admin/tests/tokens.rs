//! The token endpoint and the Admin API that takes its tokens.

use super::*;

impl World {
    async fn grant(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", CLIENT_ID), ("client_secret", SECRET)])
            .extend_pairs(fields)
            .finish();
        let request = self.client.post(format!("{}/admin/oauth/access_token", self.storefront));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn exchange(&self, id_token: &str) -> (u16, Value) {
        self.grant(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", id_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", "urn:shopify:params:oauth:token-type:offline-access-token"),
            ("expiring", "1"),
        ])
        .await
    }

    async fn refresh(&self, pair: &Value) -> (u16, Value) {
        let token = pair["refresh_token"].as_str().unwrap();
        self.grant(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn shop(&self, token: &str) -> (u16, Value) {
        let query = "query { shop { name myshopifyDomain primaryDomain { host url } domains { host } } }";
        let request = self.client.post(format!("{}/admin/api/2026-10/graphql.json", self.storefront));
        let request = request.header("X-Shopify-Access-Token", token).json(&json!({ "query": query }));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn a_session_token_is_exchanged_for_a_pair_that_works_for_an_hour() {
    let world = World::new().await;
    let (status, pair) = world.exchange(&world.id_token().await).await;
    assert_eq!(status, 200);
    assert_eq!((&pair["expires_in"], &pair["refresh_token_expires_in"]), (&json!(3600), &json!(7_776_000)));
    assert_eq!(pair["scope"], "read_customers,write_app_proxy");
    let access = pair["access_token"].as_str().unwrap();
    assert!(access.starts_with("shpat_") && pair["refresh_token"].as_str().unwrap().starts_with("shprt_"));
    let (status, shop) = world.shop(access).await;
    let shop = &shop["data"]["shop"];
    assert_eq!(
        (status, &shop["name"], &shop["myshopifyDomain"]),
        (200, &json!("Larkmeadow"), &json!("larkmeadow.myshopify.com"))
    );
    assert_eq!(shop["primaryDomain"]["host"], "larkmeadow.example");
    assert_eq!(shop["customerAccountsV2"]["customerAccountsVersion"], "NEW_CUSTOMER_ACCOUNTS");
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.shop(access).await.0, 401);
    let (status, next) = world.refresh(&pair).await;
    assert_eq!((status, world.shop(next["access_token"].as_str().unwrap()).await.0), (200, 200));
}

#[tokio::test]
async fn what_is_not_a_good_session_token_is_not_exchanged() {
    let world = World::new().await;
    let token = world.id_token().await;
    assert_eq!(world.exchange("nonsense").await.1["error"], "invalid_subject_token");
    world.clock.advance(Duration::from_secs(60));
    let (status, refused) = world.exchange(&token).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_subject_token")));
    let (status, refused) = world.grant(&[("client_secret", "wrong"), ("grant_type", "refresh_token")]).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_client")));
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_lost_answer_is_survived() {
    let world = World::new().await;
    let (_, first) = world.exchange(&world.id_token().await).await;
    world.pull(json!({ "action": "token_endpoint", "mode": "loses_answer" })).await;
    let form = format!(
        "client_id={CLIENT_ID}&client_secret={SECRET}&grant_type=refresh_token&refresh_token={}",
        first["refresh_token"].as_str().unwrap()
    );
    let request = world.client.post(format!("{}/admin/oauth/access_token", world.storefront));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    request.send().await.expect_err("the answer is lost");
    world.pull(json!({ "action": "token_endpoint", "mode": "normal" })).await;
    let (status, second) = world.refresh(&first).await;
    assert_eq!(status, 200);
    let (status, _) = world.refresh(&second).await;
    assert_eq!(status, 200);
    let (status, refused) = world.refresh(&first).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn levers_end_tokens_and_an_uninstall_ends_them_all() {
    let world = World::new().await;
    let (_, pair) = world.exchange(&world.id_token().await).await;
    let access = pair["access_token"].as_str().unwrap();
    world.pull(json!({ "action": "expire_access_token" })).await;
    assert_eq!((world.shop(access).await.0, world.shop(STATIC_TOKEN).await.0), (401, 200));
    world.pull(json!({ "action": "kill_refresh_token" })).await;
    assert_eq!(world.refresh(&pair).await.0, 400);
    let (_, pair) = world.exchange(&world.id_token().await).await;
    let id_token = world.id_token().await;
    let report = world.pull(json!({ "action": "uninstall" })).await;
    assert_eq!(report["installation"]["installed"], false);
    assert_eq!(world.exchange(&id_token).await.0, 401);
    assert_eq!(world.refresh(&pair).await.0, 400);
    assert_eq!(world.shop(STATIC_TOKEN).await.0, 401);
    let page = world.get("/store/larkmeadow/apps/subtotal-connect").send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Install Subtotal Connect"));
    assert_eq!(world.post("/install").send().await.unwrap().status(), 303);
    assert_eq!((world.exchange(&id_token).await.0, world.shop(STATIC_TOKEN).await.0), (200, 200));
}
