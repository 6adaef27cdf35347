//! How the API says no: FastAPI's bodies, and the field checks that fill its 422s.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A call the API refuses.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `{"detail": "…"}`
    Plain(StatusCode, &'static str),
    /// 422 with every problem of the request.
    Invalid(Vec<FieldProblem>),
}

impl Refusal {
    pub(super) const UNKNOWN_KEY: Self = Self::Plain(StatusCode::UNAUTHORIZED, "Invalid API key");
    pub(super) const NO_TOKEN: Self = Self::Plain(StatusCode::UNAUTHORIZED, "Not authenticated");
    pub(super) const UNKNOWN_TOKEN: Self = Self::Plain(StatusCode::UNAUTHORIZED, "Invalid or expired connection token");
    pub(super) const WRONG_TOKEN: Self =
        Self::Plain(StatusCode::FORBIDDEN, "The connection token does not give access to this connection");
    pub(super) const NO_CONNECTION: Self = Self::Plain(StatusCode::NOT_FOUND, "Connection not found");
    pub(super) const NO_PURCHASE: Self = Self::Plain(StatusCode::NOT_FOUND, "Purchase not found");
    pub(super) const NO_RETAILER: Self = Self::Plain(StatusCode::NOT_FOUND, "Retailer not found");
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_, detail) => formatter.write_str(detail),
            Self::Invalid(problems) => write!(formatter, "{} invalid fields", problems.len()),
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Plain(status, _) => *status,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let detail = match self {
            Self::Plain(_, detail) => json!(detail),
            Self::Invalid(problems) => json!(problems),
        };
        HttpResponse::build(self.status_code()).json(json!({ "detail": detail }))
    }
}

/// One entry of a 422.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FieldProblem {
    loc: Vec<Value>,
    msg: String,
    r#type: &'static str,
}

impl FieldProblem {
    pub(super) fn new(loc: &[&str], msg: impl Into<String>, r#type: &'static str) -> Self {
        Self { loc: loc.iter().map(|part| json!(part)).collect(), msg: msg.into(), r#type }
    }

    pub(super) fn missing(loc: &[&str]) -> Self {
        Self::new(loc, "Field required", "missing")
    }
}

/// A JSON object being read field by field; problems are gathered, not returned one at a time.
#[derive(Debug)]
pub(super) struct Fields {
    object: Map<String, Value>,
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// # Errors
    /// For a body that is not a JSON object.
    pub(super) fn parse(content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let whole_body = |msg, r#type| Refusal::Invalid(vec![FieldProblem::new(&["body"], msg, r#type)]);
        let not_object = || {
            whole_body("Input should be a valid dictionary or object to extract fields from", "model_attributes_type")
        };
        if body.is_empty() {
            return Err(whole_body("Field required", "missing"));
        }
        if content_type != "application/json" {
            return Err(not_object());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { object, problems: Vec::new() }),
            Ok(_) => Err(not_object()),
            Err(error) => {
                let mut problem = FieldProblem::new(&["body"], "JSON decode error", "json_invalid");
                problem.loc.push(json!(error.column()));
                Err(Refusal::Invalid(vec![problem]))
            }
        }
    }

    /// A string of at most `longest` characters that must be there. Empty when it is not; [`Fields::finish`] tells.
    pub(super) fn required(&mut self, name: &str, longest: usize) -> String {
        if !self.object.contains_key(name) {
            self.problems.push(FieldProblem::missing(&["body", name]));
            return String::new();
        }
        self.string(name, longest).unwrap_or_default()
    }

    /// A string of at most `longest` characters; absent and null are the same.
    pub(super) fn optional(&mut self, name: &str, longest: usize) -> Option<String> {
        if self.object.get(name).is_none_or(Value::is_null) { None } else { self.string(name, longest) }
    }

    /// A string `parse` takes; absent and null are the same. `allowed` is how a refusal names the choices.
    pub(super) fn one_of<T>(&mut self, name: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let chosen = match self.object.get(name) {
            None | Some(Value::Null) => return None,
            Some(value) => value.as_str().and_then(parse),
        };
        if chosen.is_none() {
            let msg = format!("Input should be {allowed}");
            self.problems.push(FieldProblem::new(&["body", name], msg, "enum"));
        }
        chosen
    }

    /// # Errors
    /// With every problem found.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.problems)) }
    }

    fn string(&mut self, name: &str, longest: usize) -> Option<String> {
        let loc = ["body", name];
        let problem = match self.object.get(name) {
            Some(Value::String(text)) if text.chars().count() <= longest => return Some(text.clone()),
            Some(Value::String(_)) => {
                FieldProblem::new(&loc, format!("String should have at most {longest} characters"), "string_too_long")
            }
            _ => FieldProblem::new(&loc, "Input should be a valid string", "string_type"),
        };
        self.problems.push(problem);
        None
    }
}
