//! The storefront over real HTTP, with a small app behind its proxy that remembers what reached it.

use actix_web::test::TestRequest;
use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SERVER, SET_COOKIE};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::sandbox::shoppers::{MAYA, SOL};
use crate::shopify::proxy::{ProxyRefusal, VerifiedProxy, verify};

const TOKEN: &str = "shpat_test";
const NOW_MS: i64 = 1_800_000_000_000;
const LOGOS: &str = "http://127.0.0.1:9";

struct World {
    app: MockServer,
    admin_api: AdminApi,
    client: reqwest::Client,
    origin: String,
}

fn config(app: &str) -> StorefrontConfig {
    StorefrontConfig {
        shop: ShopDomain::parse("larkmeadow.myshopify.com").unwrap(),
        secrets: secrets(),
        app_proxy_url: format!("{app}/apps/subtotal").parse().unwrap(),
        clock: Clock::manual(NOW_MS),
        admin_api: AdminApi::new(TOKEN.into()),
        image_origins: vec![LOGOS.to_owned()],
        levers_url: None,
    }
}

fn secrets() -> ClientSecrets {
    ClientSecrets::new(&["hush".into()])
}

impl World {
    async fn with_answer(answer: ResponseTemplate) -> Self {
        let app = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&app).await;
        let config = config(&app.uri());
        let admin_api = config.admin_api.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Storefront::serve(listener, config).unwrap());
        Self { app, admin_api, client: proxy::client().unwrap(), origin }
    }

    async fn new() -> Self {
        Self::with_answer(ResponseTemplate::new(200).set_body_json(json!({ "status": "success" }))).await
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.origin))
    }

    /// The one request that reached the app.
    async fn received(&self) -> Request {
        let mut requests = self.app.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }

    async fn verified(&self) -> Result<VerifiedProxy, ProxyRefusal> {
        verify(self.received().await.url.query().unwrap(), &secrets(), NOW_MS / 1000)
    }

    async fn customer(&self, gid: &str, token: &str) -> (u16, Value) {
        let query = "query($id: ID!) { customer(id: $id) { defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } } }";
        let request = self.client.post(format!("{}/admin/api/2026-10/graphql.json", self.origin));
        let request = request.header("X-Shopify-Access-Token", token);
        let answer = request.json(&json!({ "query": query, "variables": { "id": gid } })).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn cookie(id: &str) -> String {
    format!("theme=dark; sandbox_shopper={id}")
}

#[tokio::test]
async fn what_the_proxy_forwards_is_signed_for_the_shopper_and_carries_no_cookie() {
    let world = World::new().await;
    let request = world.client.post(format!("{}/apps/subtotal/connections?b=2&a=1&a=%20x", world.origin));
    let request = request.header(COOKIE, cookie(MAYA.id)).header("X-Forwarded-Host", "evil.example");
    let answer = request.json(&json!({ "retailerId": "walmart" })).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    let proof = world.verified().await.unwrap();
    assert_eq!(proof.shop().as_str(), "larkmeadow.myshopify.com");
    assert_eq!(proof.customer().unwrap().as_str(), MAYA.id);
    assert_eq!(proof.path_prefix(), PATH_PREFIX);
    assert_eq!(proof.param("a").collect::<Vec<_>>(), ["1", " x"]);

    let received = world.received().await;
    assert_eq!(received.url.path(), "/apps/subtotal/connections");
    assert!(received.url.query().unwrap().starts_with("b=2&a=1&a=%20x&shop="));
    assert_eq!(received.body, br#"{"retailerId":"walmart"}"#);
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.headers["x-forwarded-host"], world.origin.trim_start_matches("http://"));
    assert_eq!(received.headers["x-forwarded-for"], "127.0.0.1");
    assert!(!received.headers.contains_key("cookie"));
}

#[tokio::test]
async fn a_redirect_reaches_the_browser_unfollowed_and_stripped() {
    let redirect = ResponseTemplate::new(302)
        .insert_header("location", "https://link.example/zk?connection_id=1")
        .insert_header("cache-control", "private, no-store")
        .insert_header("set-cookie", "a=b")
        .insert_header("server", "app");
    let world = World::with_answer(redirect).await;
    let answer = world.get("/apps/subtotal/link/zk").send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()[LOCATION], "https://link.example/zk?connection_id=1");
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    assert!(!answer.headers().contains_key(SET_COOKIE) && !answer.headers().contains_key(SERVER));
    assert!(world.verified().await.unwrap().customer().is_none());
}

#[tokio::test]
async fn a_visitors_own_copies_of_shopifys_parameters_are_left_for_the_app_to_refuse() {
    for (query, refusal) in [
        ("shop=victim.myshopify.com", ProxyRefusal::Repeated("shop")),
        ("logged_in_customer_id=999", ProxyRefusal::Repeated("logged_in_customer_id")),
        ("signature=00", ProxyRefusal::Repeated("signature")),
        ("hmac=00", ProxyRefusal::HmacParameter),
    ] {
        let world = World::new().await;
        world.get(&format!("/apps/subtotal/retailers?{query}")).send().await.unwrap();
        assert_eq!(world.verified().await.unwrap_err(), refusal, "{query}");
    }
}

#[test]
fn no_path_climbs_out_of_the_app() {
    let storefront = Storefront { config: config("http://127.0.0.1:1"), client: proxy::client().unwrap() };
    let target = |path: &str| proxy::target(&TestRequest::with_uri(path).to_http_request(), &storefront);
    assert_eq!(target("/apps/subtotal/retailers/").unwrap().path(), "/apps/subtotal/retailers/");
    for path in ["/apps/subtotal/../../admin", "/apps/subtotal/%2e%2e/x", "/apps/subtotal/a/../../subtotalx"] {
        assert_eq!(target(path), None, "{path}");
    }
}

#[tokio::test]
async fn an_app_that_is_down_shows_shopifys_words() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Storefront::serve(listener, config(&format!("http://{gone}"))).unwrap());
    let answer = reqwest::get(format!("http://{address}/apps/subtotal/configuration")).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("There was an error in the third-party application."));
}

#[tokio::test]
async fn signing_in_leads_back_to_this_storefront_and_nowhere_else() {
    let world = World::new().await;
    for (back, location) in [
        ("/apps/subtotal/link/zk?lb=1", "/apps/subtotal/link/zk?lb=1"),
        ("https://evil.example/", "/account"),
        ("//evil.example", "/account"),
        ("/\\evil.example", "/account"),
    ] {
        let form = format!(
            "shopper={}&return_to={}",
            SOL.id,
            url::form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>()
        );
        let request = world.client.post(format!("{}{}", world.origin, login::LOGIN)).body(form);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &location.parse().unwrap()));
        let set = answer.headers()[SET_COOKIE].to_str().unwrap();
        assert_eq!(set, format!("sandbox_shopper={}; Path=/; HttpOnly; SameSite=Lax", SOL.id));
    }
    let classic = world.get("/account/login?checkout_url=%2Fapps%2Fsubtotal%2Flink%2Fzk").send().await.unwrap();
    assert!(classic.text().await.unwrap().contains(r#"name="return_to" value="/apps/subtotal/link/zk""#));
    let page = world.get("/account").header(COOKIE, cookie(SOL.id)).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Hello, Sol"));
    let signed_out = world.get("/account").send().await.unwrap();
    assert_eq!(signed_out.headers()[LOCATION], "/customer_authentication/login?return_to=%2Faccount");
}

#[tokio::test]
async fn pages_run_no_inline_code_and_load_logos_from_the_named_origins_only() {
    let world = World::new().await;
    let page = world.get("/?x=%22%3E%3Cscript%3E").send().await.unwrap();
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains(&format!("img-src 'self' data: {LOGOS};")));
    assert!(policy.contains("connect-src 'self' ;"), "{policy}");
    assert!(policy.contains("script-src 'self';") && policy.matches("unsafe").count() == 1, "{policy}");
    let html = page.text().await.unwrap();
    assert!(!html.contains("<script>") && !html.contains(" style="));
    assert_eq!(html.matches("<style").count(), 1, "only the block's own style is in the page");
    for asset in html.split('"').filter(|text| text.starts_with("/assets/")) {
        assert_eq!(world.get(asset).send().await.unwrap().status(), 200, "{asset}");
    }
}

#[tokio::test]
async fn the_profile_page_is_for_who_is_signed_in_and_reaches_the_app_alone() {
    let world = World::new().await;
    let page = world.get("/account/profile").send().await.unwrap();
    assert_eq!(page.headers()[LOCATION], "/customer_authentication/login?return_to=%2Faccount%2Fprofile");
    let page = world.get("/account/profile").header(COOKIE, cookie(MAYA.id)).send().await.unwrap();
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains(&format!("connect-src 'self' {};", world.app.uri())), "{policy}");
    let html = page.text().await.unwrap();
    for asset in html.split('"').filter(|text| text.starts_with("/assets/")) {
        assert_eq!(world.get(asset).send().await.unwrap().status(), 200, "{asset}");
    }
    let token = world.client.post(format!("{}/account/session-token", world.origin));
    assert_eq!(token.send().await.unwrap().status(), 401, "nobody's");
}

#[tokio::test]
async fn the_admin_api_knows_the_shoppers_and_fails_as_told() {
    let world = World::new().await;
    let gid = |id: &str| format!("gid://shopify/Customer/{id}");
    assert_eq!(world.customer(&gid(MAYA.id), "wrong").await.0, 401);

    let (_, maya) = world.customer(&gid(MAYA.id), TOKEN).await;
    assert_eq!(maya["data"]["customer"]["defaultEmailAddress"]["emailAddress"], MAYA.email.unwrap());
    assert_eq!(maya["data"]["customer"]["defaultPhoneNumber"]["phoneNumber"], MAYA.phone.unwrap());
    let (_, sol) = world.customer(&gid(SOL.id), TOKEN).await;
    assert_eq!(sol["data"]["customer"]["defaultEmailAddress"], Value::Null);
    let (status, unknown) = world.customer(&gid("1"), TOKEN).await;
    assert_eq!((status, &unknown["data"]["customer"]), (200, &Value::Null));
    let (status, malformed) = world.customer("1", TOKEN).await;
    assert_eq!((status, malformed["errors"].is_array()), (200, true));

    let lever = format!("{}/sandbox/admin-api", world.origin);
    let set = world.client.put(lever).json(&json!({ "mode": "throttled" })).send().await.unwrap();
    assert_eq!(set.json::<Value>().await.unwrap(), json!({ "mode": "throttled", "calls": 4 }));
    let (status, throttled) = world.customer(&gid(MAYA.id), TOKEN).await;
    assert_eq!((status, &throttled["errors"][0]["extensions"]["code"]), (200, &json!("THROTTLED")));
    world.admin_api.set_mode(AdminApiMode::NoAccess);
    let (_, denied) = world.customer(&gid(MAYA.id), TOKEN).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
    world.admin_api.set_mode(AdminApiMode::Down);
    assert_eq!(world.customer(&gid(MAYA.id), TOKEN).await.0, 500);
}
