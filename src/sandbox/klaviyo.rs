//! A stand-in for Klaviyo: takes events by `POST /api/events` as the real one does, keeps each once by its `unique_id`,
//! and shows them by profile, with levers that make it fail.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::same_origin;

/// Events kept at most; the oldest leave first.
const KEPT: usize = 1000;
/// Events the page shows.
const SHOWN: usize = 100;
/// What `Retry-After` says, in seconds.
const RETRY_AFTER: u64 = 5;
/// How long a hanging call takes.
const HANG: Duration = Duration::from_secs(30);
const STYLE: &str = include_str!("../../templates/sandbox/levers.css");

/// How it behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlaviyoMode {
    /// Takes events.
    #[default]
    Normal,
    /// 500.
    Down,
    /// 429 with `Retry-After`.
    Throttled,
    /// Never answers in time.
    Hanging,
    /// 400: refuses every event.
    Refusing,
    /// 401: knows no key.
    NoAccess,
}

impl KlaviyoMode {
    /// Every mode, in the order the page lists them.
    pub const ALL: [Self; 6] =
        [Self::Normal, Self::Down, Self::Throttled, Self::Hanging, Self::Refusing, Self::NoAccess];

    /// The name in the lever's JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Down => "down",
            Self::Throttled => "throttled",
            Self::Hanging => "hanging",
            Self::Refusing => "refusing",
            Self::NoAccess => "no_access",
        }
    }

    /// The name people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "takes events",
            Self::Down => "is down (500)",
            Self::Throttled => "asks to slow down (429)",
            Self::Hanging => "hangs",
            Self::Refusing => "refuses events (400)",
            Self::NoAccess => "knows no key (401)",
        }
    }
}

/// The stand-in. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Klaviyo(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mode: KlaviyoMode,
    events: Vec<Event>,
    calls: u64,
    repeats: u64,
}

/// An event it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// What it is told apart by.
    pub unique_id: String,
    /// Such as `Connected an Account`.
    pub metric: String,
    /// When it happened, ISO 8601.
    pub time: String,
    /// What the profile is known by.
    pub profile: Value,
    /// What is said of it.
    pub properties: Value,
    /// How often it came.
    pub times: u64,
}

#[derive(Template)]
#[template(path = "sandbox/klaviyo.html")]
struct KlaviyoPage<'a> {
    mode: KlaviyoMode,
    calls: u64,
    repeats: u64,
    /// Newest first: metric, profile, time, how often it came, and the properties as text.
    events: Vec<(&'a str, String, &'a str, u64, String)>,
}

#[derive(Debug, Deserialize)]
struct Lever {
    mode: KlaviyoMode,
}

impl Event {
    fn shown(&self) -> (&str, String, &str, u64, String) {
        let profile = self.profile.as_object().into_iter().flatten().next();
        let profile = profile.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned();
        let properties = serde_json::to_string_pretty(&self.properties).unwrap_or_default();
        (&self.metric, profile, &self.time, self.times, properties)
    }
}

impl Klaviyo {
    /// Starts it on `listener` with one worker. The caller owns the returned [`Server`]: it runs while polled and stops
    /// through its handle. Signals are left alone.
    ///
    /// # Errors
    /// When the listener can not be used.
    pub fn serve(self, listener: TcpListener) -> io::Result<Server> {
        let state = Data::new(self);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .wrap(from_fn(same_origin::refuse_foreign_posts))
                .route("/api/events", web::post().to(create_event))
                .route("/api/accounts", web::get().to(accounts))
                .route("/", web::get().to(page))
                .route("/levers", web::post().to(pull))
                .route("/levers/state", web::get().to(report))
                .route("/levers.css", web::get().to(style))
        });
        Ok(server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what Klaviyo would refuse, and what a lever makes it refuse.
async fn refusal(request: &HttpRequest, klaviyo: &Klaviyo) -> Option<HttpResponse> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mode = {
        let mut state = klaviyo.state();
        state.calls += 1;
        state.mode
    };
    let key = header("authorization").strip_prefix("Klaviyo-API-Key ").unwrap_or_default();
    if key.is_empty() || mode == KlaviyoMode::NoAccess {
        return Some(error(401, "not_authenticated", "Missing or invalid private key."));
    }
    if header("revision").is_empty() {
        return Some(error(400, "invalid", "A revision header is required."));
    }
    match mode {
        KlaviyoMode::Down => Some(error(500, "error", "A server error occurred.")),
        KlaviyoMode::Throttled => {
            let mut answer = error(429, "throttled", "Request was throttled.");
            answer.headers_mut().insert(actix_web::http::header::RETRY_AFTER, RETRY_AFTER.into());
            Some(answer)
        }
        KlaviyoMode::Hanging => {
            tokio::time::sleep(HANG).await;
            Some(error(503, "error", "Too late."))
        }
        KlaviyoMode::Normal | KlaviyoMode::Refusing | KlaviyoMode::NoAccess => None,
    }
}

async fn create_event(request: HttpRequest, body: web::Bytes, klaviyo: Data<Klaviyo>) -> HttpResponse {
    if let Some(refusal) = refusal(&request, &klaviyo).await {
        return refusal;
    }
    let mut state = klaviyo.state();
    if state.mode == KlaviyoMode::Refusing {
        return error(400, "invalid", "Invalid input.");
    }
    let Some(event) = serde_json::from_slice(&body).ok().and_then(|body| read(&body)) else {
        return error(
            400,
            "invalid",
            "An event needs properties, a metric with a name and a profile with an identifier.",
        );
    };
    match state.events.iter_mut().find(|known| known.unique_id == event.unique_id) {
        Some(known) => {
            known.times += 1;
            state.repeats += 1;
        }
        None => {
            if state.events.len() == KEPT {
                state.events.remove(0);
            }
            state.events.push(event);
        }
    }
    HttpResponse::Accepted().finish()
}

fn read(body: &Value) -> Option<Event> {
    let attributes = &body["data"]["attributes"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let profile = &attributes["profile"]["data"]["attributes"];
    ["email", "external_id", "phone_number"].iter().find(|name| profile[**name].is_string())?;
    Some(Event {
        unique_id: text(&attributes["unique_id"])?,
        metric: text(&attributes["metric"]["data"]["attributes"]["name"])?,
        time: text(&attributes["time"]).unwrap_or_default(),
        profile: profile.clone(),
        properties: Some(&attributes["properties"]).filter(|properties| properties.is_object())?.clone(),
        times: 1,
    })
}

async fn accounts(request: HttpRequest, klaviyo: Data<Klaviyo>) -> HttpResponse {
    match refusal(&request, &klaviyo).await {
        Some(refusal) => refusal,
        None => HttpResponse::Ok().json(json!({ "data": [{ "type": "account", "id": "DEMO01" }] })),
    }
}

async fn page(klaviyo: Data<Klaviyo>) -> HttpResponse {
    let state = klaviyo.state();
    let events = state.events.iter().rev().take(SHOWN).map(Event::shown).collect();
    let page = KlaviyoPage { mode: state.mode, calls: state.calls, repeats: state.repeats, events };
    match page.render() {
        Ok(html) => HttpResponse::Ok().content_type(actix_web::mime::TEXT_HTML_UTF_8).body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

async fn report(klaviyo: Data<Klaviyo>) -> HttpResponse {
    let state = klaviyo.state();
    let State { mode, events, calls, repeats } = &*state;
    HttpResponse::Ok().json(json!({ "mode": mode, "calls": calls, "repeats": repeats, "events": events }))
}

/// As JSON, answered with the state, or as a form, answered with the way back to the page.
async fn pull(request: HttpRequest, body: web::Bytes, klaviyo: Data<Klaviyo>) -> HttpResponse {
    let is_form = request.content_type() == "application/x-www-form-urlencoded";
    let lever: Option<Lever> = match is_form {
        true => serde_json::to_value(
            url::form_urlencoded::parse(&body).into_owned().collect::<std::collections::HashMap<_, _>>(),
        )
        .ok()
        .and_then(|form| serde_json::from_value(form).ok()),
        false => serde_json::from_slice(&body).ok(),
    };
    let Some(lever) = lever else {
        return HttpResponse::UnprocessableEntity().json(json!({ "detail": "There is no such mode" }));
    };
    klaviyo.state().mode = lever.mode;
    match is_form {
        true => HttpResponse::SeeOther().insert_header(("Location", "/")).finish(),
        false => report(klaviyo).await,
    }
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

fn error(status: u16, code: &str, detail: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).expect("the statuses above are valid");
    HttpResponse::build(status)
        .json(json!({ "errors": [{ "status": status.as_u16(), "code": code, "title": detail, "detail": detail }] }))
}
