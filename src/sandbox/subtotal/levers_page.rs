//! The levers over HTTP: a page for people, JSON for scripts.

use std::collections::HashMap;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::SubtotalWorld;
use super::levers::{ENDPOINTS, Lever};
use super::link_pages::rendered;
use super::mode::Mode;
use super::report::Report;
use crate::sandbox::scenario::{SCENARIOS, StepReport};
use crate::sandbox::shoppers::{SHOPPERS, THEO};

/// The statuses the page offers. Scripts may set any.
const STATUSES: [&str; 6] = ["active", "initialized", "unauthenticated", "disconnected", "revoked", "paused"];
/// How many connections the page shows.
const SHOWN_CONNECTIONS: usize = 50;
/// How many calls the page shows.
const SHOWN_CALLS: usize = 40;
/// How many events the page shows.
const SHOWN_EVENTS: usize = 20;
/// Form fields that hold numbers, which a form can only send as text.
const NUMBERS: [&str; 4] = ["times", "retry_after", "milliseconds", "retry_base_ms"];

/// Form fields that are boxes, which a form sends only where they are ticked.
const FLAGS: [&str; 6] = ["performs", "duplicate", "reorder", "simulated", "wrong_signature", "lose"];

type World = web::Data<SubtotalWorld>;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .route("/levers", web::get().to(page))
        .route("/levers/api", web::post().to(pull))
        .route("/levers/api/state", web::get().to(report))
        .route("/assets/levers.css", web::get().to(stylesheet))
        .route("/assets/levers.js", web::get().to(script));
}

#[derive(Debug, Template)]
#[template(path = "sandbox/levers.html")]
struct LeversPage {
    report: Report,
    notice: String,
    troubled: bool,
    sentence: String,
    modes: Vec<Choice>,
    hidden_connections: usize,
}

/// One option of the answers.
#[derive(Debug)]
struct Choice {
    value: String,
    label: &'static str,
    chosen: bool,
}

async fn page(world: World) -> HttpResponse {
    let mut state = world.state();
    let notice = state.notice.take().unwrap_or_default();
    let mut report = world.report_of(&state);
    drop(state);
    report.connections.reverse();
    let hidden_connections = report.connections.len().saturating_sub(SHOWN_CONNECTIONS);
    report.connections.truncate(SHOWN_CONNECTIONS);
    report.calls.truncate(SHOWN_CALLS);
    report.events.truncate(SHOWN_EVENTS);
    let modes = Mode::ALL.map(|mode| Choice {
        value: json!(mode).as_str().unwrap_or_default().to_owned(),
        label: mode.label(),
        chosen: mode == report.levers.mode,
    });
    let page = LeversPage {
        notice,
        troubled: report.levers.troubled(),
        sentence: report.levers.sentence(),
        modes: modes.into(),
        hidden_connections,
        report,
    };
    rendered(StatusCode::OK, &page)
}

async fn report(world: World) -> HttpResponse {
    HttpResponse::Ok().json(world.report())
}

/// One lever: as JSON, answered with the state, or as a form, answered with the way back to the page.
async fn pull(world: World, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    if request.content_type() == "application/json" {
        let pulled = serde_json::from_slice::<Lever>(&body).map_err(|error| error.to_string());
        let pulled = pulled.and_then(|lever| world.pull(lever).map_err(|refusal| refusal.to_string()));
        return match pulled {
            Ok(_) => HttpResponse::Ok().json(world.report()),
            Err(detail) => HttpResponse::UnprocessableEntity().json(json!({ "detail": detail })),
        };
    }
    let pulled = parse_form(&body).and_then(|lever| world.pull(lever).map_err(|refusal| refusal.to_string()));
    if let Err(refusal) = pulled {
        world.state().notice = Some(format!("Nothing changed: {refusal}."));
    }
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/levers")).finish()
}

/// A form says the same as the JSON, with every value as text and nothing for what is left empty.
fn parse_form(body: &[u8]) -> Result<Lever, String> {
    let fields: HashMap<String, String> =
        url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect();
    let mut object = Map::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = match name.as_str() {
            number if NUMBERS.contains(&number) => value.parse::<u64>().map_or(Value::String(value), Value::from),
            flag if FLAGS.contains(&flag) => Value::Bool(true),
            _ => Value::String(value),
        };
        object.insert(name, value);
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())
}

async fn stylesheet() -> HttpResponse {
    let css = include_str!("../../../templates/sandbox/levers.css");
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(css)
}

async fn script() -> HttpResponse {
    let script = include_str!("../../../templates/sandbox/levers.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

/// Whether the last attempt was refused or not answered.
fn is_bad(step: &StepReport) -> bool {
    step.answers.last().is_some_and(|last| last.is_none_or(|status| status >= 400))
}

fn clock(at: &OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}
