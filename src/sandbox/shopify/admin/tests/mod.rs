//! The admin over real HTTP, with a small app behind it that remembers what was delivered.

mod tokens;
mod webhooks;

use reqwest::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::clock::Clock;
use crate::sandbox::shopify::{Storefront, StorefrontConfig};
use crate::shopify::session_token::verify;
use crate::shopify::{ClientSecrets, ShopDomain};

const NOW: i64 = 1_800_000_000;
const CLIENT_ID: &str = "demo-client-id";
const SECRET: &str = "hush";
const STATIC_TOKEN: &str = "shpat_static";

/// The admin, the storefront whose Admin API it shares, and the app.
struct World {
    app: MockServer,
    clock: Clock,
    client: reqwest::Client,
    admin: String,
    storefront: String,
}

impl World {
    async fn new() -> Self {
        Self::with_answer(ResponseTemplate::new(200)).await
    }

    async fn with_answer(answer: ResponseTemplate) -> Self {
        let app = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&app).await;
        let clock = Clock::manual(NOW * 1000);
        let registration = AppRegistration {
            shop: ShopDomain::parse("larkmeadow.myshopify.com").unwrap(),
            shop_name: "Larkmeadow".into(),
            domains: vec!["larkmeadow.example".into()],
            client_id: CLIENT_ID.into(),
            client_secret: SECRET.into(),
            scopes: "read_customers,write_app_proxy".into(),
            clock: clock.clone(),
        };
        let admin_api = AdminApi::for_app(STATIC_TOKEN.into(), registration.clone());
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            (listener, origin)
        };
        let (listener, storefront) = listen();
        let config = StorefrontConfig {
            shop: registration.shop.clone(),
            secrets: secrets(),
            app_proxy_url: format!("{}/apps/subtotal", app.uri()).parse().unwrap(),
            clock: clock.clone(),
            admin_api: admin_api.clone(),
            image_origins: Vec::new(),
            levers_url: None,
        };
        tokio::spawn(Storefront::serve(listener, config).unwrap());
        let (listener, admin) = listen();
        let config = AdminConfig {
            app: registration,
            admin_api,
            app_url: app.uri().parse().unwrap(),
            webhook_url: format!("{}/webhooks/shopify", app.uri()).parse().unwrap(),
            retry_base: Duration::from_millis(1),
            storefront_url: None,
            subtotal_levers_url: None,
            klaviyo_url: None,
        };
        tokio::spawn(AdminSite::serve(listener, config).unwrap());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, clock, client, admin, storefront }
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.admin))
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.admin))
    }

    async fn pull(&self, lever: Value) -> Value {
        let answer = self.post("/levers/api").json(&lever).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{lever}");
        answer.json().await.unwrap()
    }

    async fn id_token(&self) -> String {
        let answer: Value = self.post("/session/token").send().await.unwrap().json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// What the app received once there are `count` of it.
    async fn received(&self, count: usize) -> Vec<Request> {
        for _ in 0..500 {
            let requests = self.app.received_requests().await.unwrap();
            if requests.len() >= count {
                return requests;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("fewer than {count} deliveries came");
    }
}

fn secrets() -> ClientSecrets {
    ClientSecrets::new(&[SECRET.into()])
}

#[tokio::test]
async fn the_frame_holds_the_app_and_nothing_else_and_opens_it_as_shopify_does() {
    let world = World::new().await;
    let front = world.get("/").send().await.unwrap();
    assert_eq!(front.headers()[LOCATION], "/store/larkmeadow/apps/subtotal-connect");
    let page = world.get("/store/larkmeadow/apps/subtotal-connect/visibility?q=a&shop=evil").send().await.unwrap();
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains(&format!("frame-src {};", world.app.uri())), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    let html = page.text().await.unwrap();
    assert!(!html.contains("<script>") && !html.contains(" style=") && !html.contains("<style"));
    let document = html.split("data-document=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let document: url::Url = document.parse().unwrap();
    assert_eq!(document.path(), "/admin/visibility");
    let values = |name: &str| {
        let pairs = document.query_pairs().filter(|(key, _)| key == name);
        pairs.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!((values("q"), values("embedded")), (vec!["a".to_owned()], vec!["1".to_owned()]));
    assert_eq!(values("shop"), ["larkmeadow.myshopify.com"]);
    assert_eq!(values("host"), ["YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvbGFya21lYWRvdw"]);
    assert!(["hmac", "session", "locale", "timestamp"].iter().all(|name| values(name).len() == 1));
    let session = verify(&values("id_token")[0], &secrets(), CLIENT_ID, NOW).unwrap();
    assert_eq!(session.user(), STAFF[0].id);
}

#[tokio::test]
async fn no_page_outside_the_apps_is_framed() {
    let world = World::new().await;
    for rest in ["/../webhooks", "x", "/../adminx"] {
        let answer = world.post("/session/document").json(&json!({ "rest": rest })).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{rest}");
    }
    let opened = world.get("/open?path=/admin/visibility?q=1").send().await.unwrap();
    assert_eq!(opened.headers()[LOCATION], "/store/larkmeadow/apps/subtotal-connect/visibility?q=1");
    let outside = world.get("/open?path=//evil.example").send().await.unwrap();
    assert_eq!(outside.headers()[LOCATION], "/store/larkmeadow/apps/subtotal-connect");
}

#[tokio::test]
async fn each_member_of_staff_has_tokens_of_their_own() {
    let world = World::new().await;
    let form = [("staff", STAFF[1].id), ("return_to", "//evil.example")];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = world.post("/session/staff").header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/".parse().unwrap()));
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let answer: Value =
        world.post("/session/token").header("cookie", cookie).send().await.unwrap().json().await.unwrap();
    let session = verify(answer["token"].as_str().unwrap(), &secrets(), CLIENT_ID, NOW).unwrap();
    assert_eq!(session.user(), STAFF[1].id);
}

#[tokio::test]
async fn other_sites_can_not_post() {
    let world = World::new().await;
    for path in ["/levers/api", "/session/token", "/session/document", "/install"] {
        let request = world.post(path).header("origin", "https://evil.example").json(&json!({ "action": "uninstall" }));
        assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
    }
}

#[tokio::test]
async fn the_scripts_and_every_asset_of_the_pages_are_there() {
    let world = World::new().await;
    for script in ["/shopifycloud/app-bridge.js", "/shopifycloud/polaris-1.js"] {
        let answer = world.get(script).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8", "{script}");
        assert!(answer.text().await.unwrap().len() > 1000, "{script}");
    }
    for page in ["/store/larkmeadow/apps/subtotal-connect", "/levers", "/store/larkmeadow/orders"] {
        let html = world.get(page).send().await.unwrap().text().await.unwrap();
        for asset in html.split('"').filter(|text| text.starts_with("/assets/")) {
            assert_eq!(world.get(asset).send().await.unwrap().status(), 200, "{asset}");
        }
    }
}
