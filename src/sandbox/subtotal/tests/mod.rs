//! The sandbox's Subtotal over real HTTP, as its clients and shoppers meet it.

mod api;
mod levers;
mod link;
mod purchases;

use std::net::TcpListener;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Clock, Lever, Mode, SubtotalConfig, SubtotalWorld};

const KEY: &str = "demo-subtotal-api-key";
const OTHER_KEY: &str = "another-project";

struct Sandbox {
    world: SubtotalWorld,
    clock: Clock,
    api: String,
    link: String,
    client: Client,
}

impl Sandbox {
    fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (api, link) = (listen(), listen());
        let (api_port, link_port) = (api.local_addr().unwrap().port(), link.local_addr().unwrap().port());
        let mut config = SubtotalConfig::on_port(KEY, link_port);
        config.api_keys.push(OTHER_KEY.into());
        let clock = Clock::manual(1_767_225_600_000);
        config.clock = clock.clone();
        let world = SubtotalWorld::new(config);
        tokio::spawn(world.serve(api, vec![link]).unwrap().run());
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let origin = |port| format!("http://127.0.0.1:{port}");
        Self { world, clock, api: origin(api_port), link: origin(link_port), client }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.api)).header("x-api-key", KEY)
    }

    async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path).send().await.unwrap()
    }

    async fn connect(&self, customer_id: &str, retailer_id: &str) -> String {
        let body = json!({ "customer_id": customer_id, "retailer_id": retailer_id });
        let answer = self.call(Method::POST, "/connections").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        text(&json_of(answer).await, "connection_id")
    }

    async fn token(&self, connection_id: &str, scope: &str) -> String {
        let path = format!("/connections/{connection_id}/token");
        let answer = self.call(Method::POST, &path).json(&json!({ "scope": scope })).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        text(&json_of(answer).await, "connection_token")
    }

    async fn patch(&self, connection_id: &str, token: &str, status: &str) -> Response {
        self.call(Method::PATCH, &format!("/connections/{connection_id}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .json(&json!({ "status": status }))
            .send()
            .await
            .unwrap()
    }

    async fn visit(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.link)).send().await.unwrap()
    }

    async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.link)).body(body);
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").send().await.unwrap()
    }

    fn status_of(&self, connection_id: &str) -> String {
        let connections = self.world.report().connections;
        connections.into_iter().find(|connection| connection.connection_id == connection_id).unwrap().status
    }

    fn answer_with(&self, mode: Mode, endpoint: &str, times: Option<u32>, performs: bool) {
        let endpoint = Some(endpoint.to_owned());
        self.world.pull(Lever::Answer { mode, endpoint, times, performs, retry_after: None }).unwrap();
    }
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// An answer's status and one of its headers.
fn answered(answer: &Response, header: HeaderName) -> (u16, &str) {
    (answer.status().as_u16(), answer.headers()[header].to_str().unwrap())
}
