//! What a try asked and was answered, gathered while it runs so that it is there however the try ends. Only what is
//! masked ever gets in.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::flow::Trigger;
use super::klaviyo::{EVENTS_PATH, REVISION};
use super::mask::{self, Private};

/// Longest masked request and answer that are kept, in bytes.
const MAX_REQUEST: usize = 8 * 1024;
const MAX_RESPONSE: usize = 2 * 1024;

/// What was asked and answered, masked.
#[derive(Debug, Default)]
pub struct Trace {
    /// The request as JSON text, once there was one.
    pub request: Option<String>,
    /// The answer as JSON text, once there was one.
    pub response: Option<String>,
    private: Private,
}

impl Trace {
    /// An event is about to be sent to Klaviyo.
    pub fn event(&mut self, body: &Value, key: &SecretString) {
        self.private = Private::of(body, key.expose_secret());
        let body = mask::request(body);
        self.asked(&json!({ "method": "POST", "path": format!("/{EVENTS_PATH}"), "revision": REVISION, "body": body }));
    }

    /// A trigger is about to be fired in Flow.
    pub fn trigger(&mut self, trigger: &Trigger, token: &SecretString) {
        self.private = Private::of(&trigger.payload, token.expose_secret());
        self.asked(&json!({ "trigger": trigger.handle, "payload": mask::request(&trigger.payload) }));
    }

    /// There was an answer.
    pub fn answered(&mut self, status: u16, body: &[u8]) {
        let mut response = json!({ "status": status });
        if let Some(body) = mask::answer(body, &self.private) {
            response["body"] = body;
        }
        let text = response.to_string();
        self.response = Some(if text.len() <= MAX_RESPONSE { text } else { json!({ "status": status }).to_string() });
    }

    fn asked(&mut self, request: &Value) {
        self.request = Some(request.to_string()).filter(|text| text.len() <= MAX_REQUEST);
        self.response = None;
    }
}
