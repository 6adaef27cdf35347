//! One operation of shoppers, and how the document shows it at a door.

use serde_json::{Map, Value, json};

use super::answers::{self, Examples};
use crate::http::problem::{
    self, CUSTOMER_NOT_SIGNED_IN, DATABASE_UNAVAILABLE, INTERNAL_ERROR, OVERLOADED, ProblemKind, RATE_LIMITED,
    SHOP_NOT_CONFIGURED, SUBTOTAL_API_KEY_REJECTED, SUBTOTAL_BUSY, SUBTOTAL_REJECTED_REQUEST, SUBTOTAL_TIMEOUT,
    SUBTOTAL_UNAVAILABLE,
};

/// What any call of Subtotal can lead to.
pub(in crate::http) const REFUSALS_OF_SUBTOTAL: &[ProblemKind] =
    &[SUBTOTAL_API_KEY_REJECTED, SUBTOTAL_REJECTED_REQUEST, SUBTOTAL_UNAVAILABLE, SUBTOTAL_BUSY, SUBTOTAL_TIMEOUT];

/// What reading a JSON body can lead to.
pub(in crate::http) const REFUSALS_OF_BODIES: &[ProblemKind] =
    &[problem::UNSUPPORTED_MEDIA_TYPE, problem::PAYLOAD_TOO_LARGE, problem::INVALID_REQUEST];

/// What is said of an operation beside its handler. Examples are sent and compared by the tests.
pub(in crate::http) struct Operation {
    /// In camel case; a door puts its name before it.
    pub(in crate::http) id: &'static str,
    pub(in crate::http) summary: &'static str,
    pub(in crate::http) description: &'static str,
    pub(in crate::http) parameters: Vec<Value>,
    /// The body's schema and an example.
    pub(in crate::http) body: Option<(&'static str, Value)>,
    /// The answer's schema and an example.
    pub(in crate::http) answer: (&'static str, Value),
    /// Whether a customer must be signed in.
    pub(in crate::http) signed_in: bool,
    /// Refusals beyond those that every operation has.
    pub(in crate::http) refusals: Vec<&'static [ProblemKind]>,
    pub(in crate::http) redirects: Redirects,
}

/// How an operation answers on the storefront.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Redirects {
    /// As anywhere else.
    Never,
    /// By a redirect, and with pages where it can not: a person navigates to it.
    OnTheStorefront,
}

/// A door, as the document names it.
pub(super) struct Entrance {
    pub(super) name: &'static str,
    pub(super) security: &'static str,
    pub(super) unproven: ProblemKind,
    pub(super) is_cross_origin: bool,
}

impl Operation {
    /// The operation object.
    pub(super) fn described(self, entrance: &Entrance) -> Value {
        let as_pages = self.redirects == Redirects::OnTheStorefront && !entrance.is_cross_origin;
        let mut refusals = vec![
            entrance.unproven,
            RATE_LIMITED,
            SHOP_NOT_CONFIGURED,
            OVERLOADED,
            DATABASE_UNAVAILABLE,
            INTERNAL_ERROR,
        ];
        if self.signed_in {
            refusals.push(CUSTOMER_NOT_SIGNED_IN);
        }
        refusals.extend(self.refusals.iter().copied().flatten());
        let unproven = entrance.unproven.status.to_string();
        let mut responses: Map<String, Value> = answers::refusals(&refusals, entrance.is_cross_origin)
            .into_iter()
            .map(|(status, refused)| {
                let shown = if as_pages && status != unproven { answers::page(&refused) } else { refused };
                (status, shown)
            })
            .collect();
        responses.insert("default".to_owned(), answers::anything_else(entrance.is_cross_origin));
        if as_pages {
            responses.extend(answers::redirects());
        } else {
            let answered = answers::ok(self.answer.0, self.answer.1, entrance.is_cross_origin);
            responses.insert("200".to_owned(), answered);
        }
        let mut operation = json!({
            "operationId": format!("{}{}{}", entrance.name, self.id[..1].to_ascii_uppercase(), &self.id[1..]),
            "tags": [entrance.name],
            "summary": self.summary,
            "description": self.description,
            "security": [{ entrance.security: [] }],
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some((schema, example)) = self.body {
            let content = answers::content(schema, Examples::One(example));
            operation["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
        }
        operation
    }
}

/// A parameter in the path.
pub(in crate::http) fn path(name: &str, description: &str, longest: usize, example: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true, "description": description, "example": example,
        "schema": { "type": "string", "minLength": 1, "maxLength": longest },
    })
}

/// A parameter in the query that may be left out.
pub(in crate::http) fn query(name: &str, description: &str, longest: usize, example: &str) -> Value {
    json!({
        "name": name, "in": "query", "required": false, "description": description, "example": example,
        "schema": { "type": "string", "maxLength": longest },
    })
}
