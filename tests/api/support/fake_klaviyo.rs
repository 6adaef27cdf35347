//! A fake of Klaviyo's API: takes events, once each by `unique_id`, and can fail in the ways the real one does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// What the fake does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlaviyoFault {
    None,
    Status(u16),
    /// Refuses with an error that repeats all it was sent, the key too.
    Echo(u16),
    /// 429, with `Retry-After` in seconds.
    Throttled(u64),
    /// Takes so long, and takes the event.
    Slow(Duration),
    /// 20 % 500s, 5 % 429s and 5 % hangs; of the 500s and the hangs, every second one takes the event all the same.
    Unreliable,
}

/// A call as it came.
#[derive(Debug, Clone)]
pub(crate) struct KlaviyoCall {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) revision: String,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct State {
    faults: BTreeMap<String, KlaviyoFault>,
    calls: Vec<KlaviyoCall>,
    /// By `unique_id`: the event as it came first.
    events: BTreeMap<String, Value>,
    serial: u64,
}

/// The running fake.
pub(crate) struct FakeKlaviyo {
    pub(crate) url: String,
    _server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Answer(Arc<Mutex<State>>);

impl FakeKlaviyo {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = MockServer::builder().disable_request_recording().start().await;
        Mock::given(any()).respond_with(Answer(state.clone())).mount(&server).await;
        Self { url: server.uri(), _server: server, state }
    }

    /// For every key but those with a fault of their own.
    pub(crate) fn set_fault(&self, fault: KlaviyoFault) {
        self.set_fault_of("", fault);
    }

    pub(crate) fn set_fault_of(&self, key: &str, fault: KlaviyoFault) {
        self.state.lock().unwrap().faults.insert(key.to_owned(), fault);
    }

    pub(crate) fn calls(&self) -> Vec<KlaviyoCall> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn call_count(&self) -> usize {
        self.state.lock().unwrap().calls.len()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.state.lock().unwrap().events.len()
    }

    /// The events it took, by `unique_id`.
    pub(crate) fn events(&self) -> BTreeMap<String, Value> {
        self.state.lock().unwrap().events.clone()
    }
}

impl Respond for Answer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let call = KlaviyoCall {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            authorization: header("authorization"),
            revision: header("revision"),
            content_type: header("content-type"),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        };
        let mut state = self.0.lock().unwrap();
        state.serial += 1;
        let key = call.authorization.trim_start_matches("Klaviyo-API-Key ").to_owned();
        let fault = state.faults.get(&key).or(state.faults.get("")).copied().unwrap_or(KlaviyoFault::None);
        let (serial, attributes) = (state.serial, call.body["data"]["attributes"].clone());
        state.calls.push(call);
        let mut take = || {
            if let Some(id) = attributes["unique_id"].as_str() {
                let first = state.events.entry(id.to_owned()).or_insert_with(|| attributes.clone());
                assert_eq!(*first, attributes, "a repeat says the same");
            }
        };
        let throttled = |seconds: u64| ResponseTemplate::new(429).insert_header("Retry-After", seconds.to_string());
        match fault {
            KlaviyoFault::None => take(),
            KlaviyoFault::Status(status) => return ResponseTemplate::new(status).set_body_string("no"),
            KlaviyoFault::Echo(status) => {
                let body = String::from_utf8_lossy(&request.body);
                let all = format!("{key}: {body}");
                let whom = attributes["profile"]["data"]["attributes"].to_string();
                let error = json!({ "id": whom, "code": "invalid", "title": "Invalid input.", "detail": all,
                    "source": { "pointer": "/data/attributes/profile" }, "meta": { "request": body } });
                let echo = json!({ "code": key, "title": whom, "source": { "pointer": format!("/data/{whom}") } });
                return ResponseTemplate::new(status).set_body_json(json!({ "errors": [error, echo], all: 1 }));
            }
            KlaviyoFault::Throttled(seconds) => return throttled(seconds),
            KlaviyoFault::Slow(delay) => {
                take();
                return ResponseTemplate::new(202).set_delay(delay);
            }
            KlaviyoFault::Unreliable => match serial.wrapping_mul(7919) % 20 {
                0..4 => {
                    if serial % 2 == 0 {
                        take();
                    }
                    return ResponseTemplate::new(500);
                }
                4 => return throttled(0),
                5 => {
                    if serial % 2 == 0 {
                        take();
                    }
                    return ResponseTemplate::new(202).set_delay(Duration::from_secs(30));
                }
                _ => take(),
            },
        }
        ResponseTemplate::new(202)
    }
}
