//! A fake of Shopify's Admin API and token endpoint: answers the customer and the shop query, counts, and can fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::fake_tokens::FakeTokens;

/// What the fake does with every question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminFault {
    None,
    Status(u16),
    /// 401, with more behind it than is read of an answer.
    LongRefusal,
    Throttled,
    AccessDenied,
    Hang,
    /// What it knows of a customer, with spaces behind it up to so many bytes.
    Padded(usize),
}

/// A Flow trigger that was fired.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trigger {
    pub(crate) shop: String,
    pub(crate) handle: String,
    pub(crate) payload: Value,
}

/// The running fake.
pub(crate) struct FakeAdmin {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct State {
    contacts: HashMap<String, (Option<String>, Option<String>)>,
    fault: AdminFault,
    asked: Vec<(String, String)>,
    triggers: Vec<Trigger>,
    refuses_triggers: bool,
    shop: Value,
    tokens: FakeTokens,
}

struct Answer(Arc<Mutex<State>>);

impl FakeAdmin {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            contacts: HashMap::new(),
            fault: AdminFault::None,
            asked: Vec::new(),
            triggers: Vec::new(),
            refuses_triggers: false,
            shop: Value::Null,
            tokens: FakeTokens::new(),
        }));
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(Answer(state.clone())).mount(&server).await;
        Self { server, state }
    }

    /// The template for `SHOPIFY_ADMIN_URL`; the shop's domain is part of the path, so that it can be seen.
    pub(crate) fn url_template(&self) -> String {
        format!("{}/{{shop}}", self.server.uri())
    }

    pub(crate) fn set_contact(&self, customer: &str, email: Option<&str>, phone: Option<&str>) {
        let contact = (email.map(str::to_owned), phone.map(str::to_owned));
        self.state.lock().unwrap().contacts.insert(format!("gid://shopify/Customer/{customer}"), contact);
    }

    pub(crate) fn set_fault(&self, fault: AdminFault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// What the shop query is answered with.
    pub(crate) fn set_shop(&self, shop: Value) {
        self.state.lock().unwrap().shop = shop;
    }

    /// Every Flow trigger that was fired.
    pub(crate) fn triggers(&self) -> Vec<Trigger> {
        self.state.lock().unwrap().triggers.clone()
    }

    /// Whether Flow triggers are unknown, as before the extensions are deployed.
    pub(crate) fn refuse_triggers(&self, refuse: bool) {
        self.state.lock().unwrap().refuses_triggers = refuse;
    }

    /// The token endpoint.
    pub(crate) fn tokens<T>(&self, with: impl FnOnce(&mut FakeTokens) -> T) -> T {
        with(&mut self.state.lock().unwrap().tokens)
    }

    /// Every question so far: the path it was sent to, and the customer's gid.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Respond for Answer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let path = request.url.path().to_owned();
        let shop = path.split('/').nth(1).unwrap_or_default().to_owned();
        if path.ends_with("/admin/oauth/access_token") {
            return state.tokens.respond(&shop, &request.body);
        }
        if let Some(token) = request.headers.get("X-Shopify-Access-Token") {
            state.tokens.used(&shop, token.to_str().unwrap());
        }
        let question: Value = serde_json::from_slice(&request.body).unwrap();
        let id = question["variables"]["id"].as_str().unwrap_or_default().to_owned();
        state.asked.push((path, id.clone()));
        match state.fault {
            AdminFault::None | AdminFault::Padded(_) => {}
            AdminFault::Status(status) => return ResponseTemplate::new(status),
            AdminFault::LongRefusal => {
                return ResponseTemplate::new(401).set_body_raw(vec![b' '; 300 * 1024], "text/plain");
            }
            AdminFault::Hang => return ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
            AdminFault::Throttled => return refused("THROTTLED"),
            AdminFault::AccessDenied => return refused("ACCESS_DENIED"),
        }
        if question["query"].as_str().is_some_and(|query| query.contains("flowTriggerReceive(")) {
            // A refusal repeats all it was sent.
            let echo = String::from_utf8_lossy(&request.body);
            let refusal = json!([{ "field": ["handle", echo], "message": echo }]);
            let errors = if state.refuses_triggers { refusal } else { json!([]) };
            if !state.refuses_triggers {
                let variables = &question["variables"];
                let handle = variables["handle"].as_str().unwrap().to_owned();
                state.triggers.push(Trigger { shop, handle, payload: variables["payload"].clone() });
            }
            let data = json!({ "flowTriggerReceive": { "userErrors": errors } });
            return ResponseTemplate::new(200).set_body_json(json!({ "data": data }));
        }
        if question["query"].as_str().is_some_and(|query| query.contains("shop {")) {
            return ResponseTemplate::new(200).set_body_json(json!({ "data": { "shop": state.shop } }));
        }
        let customer = state.contacts.get(&id).map(|(email, phone)| {
            json!({
                "defaultEmailAddress": email.as_ref().map(|email| json!({ "emailAddress": email })),
                "defaultPhoneNumber": phone.as_ref().map(|phone| json!({ "phoneNumber": phone })),
            })
        });
        let mut answer = json!({ "data": { "customer": customer } }).to_string();
        if let AdminFault::Padded(bytes) = state.fault {
            answer += &" ".repeat(bytes - answer.len());
        }
        ResponseTemplate::new(200).set_body_raw(answer, "application/json")
    }
}

fn refused(code: &str) -> ResponseTemplate {
    let errors = json!([{ "message": "no", "extensions": { "code": code } }]);
    ResponseTemplate::new(200).set_body_json(json!({ "data": null, "errors": errors }))
}
