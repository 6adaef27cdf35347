//! What the levers do to calls of the API, around its routes.

use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use serde_json::{Value, json};

use super::SubtotalWorld;
use super::levers::Levers;
use super::mode::Mode;
use crate::sandbox::dropped_connection::dropped_connection;

/// The longest a call hangs.
const LONGEST_HANG: Duration = Duration::from_secs(30);
/// What a 429 asks for when the lever does not say.
const RETRY_AFTER_SECONDS: u64 = 1;
/// A status no client knows.
const UNKNOWN_STATUS: &str = "paused";

/// Notes the call, waits, and answers it as the levers say.
pub(super) async fn answer(
    world: web::Data<SubtotalWorld>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let arrived = Instant::now();
    let method = request.method().as_str().to_owned();
    let template = request.match_pattern().unwrap_or_else(|| "(no such path)".to_owned());
    let endpoint = format!("{method} {template}");
    let answering = world.answering().subscribe();
    let (number, (latency, levers)) = {
        let mut state = world.state();
        (state.calls.arrive(world.now(), &method, request.path(), &endpoint), state.levers.meet(&endpoint))
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let needs_answer = matches!(levers.mode, Mode::Normal | Mode::Truncated | Mode::UnknownStatus);
    let (request, real) = if needs_answer || levers.performs {
        let (request, response) = next.call(request).await?.into_parts();
        (request, Some(response))
    } else {
        (request.into_parts().0, None)
    };
    let response = spoil(&levers, real, answering).await;
    if !matches!(levers.mode, Mode::Hang | Mode::Reset) {
        let milliseconds = u64::try_from(arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        world.state().calls.answer(number, response.status().as_u16(), milliseconds);
    }
    Ok(ServiceResponse::new(request, response))
}

async fn spoil(
    levers: &Levers,
    real: Option<HttpResponse>,
    mut answering: tokio::sync::watch::Receiver<()>,
) -> HttpResponse {
    let detail = |status, detail: &str| HttpResponse::build(status).json(json!({ "detail": detail }));
    let retry_after = levers.retry_after.map(|seconds| (header::RETRY_AFTER, seconds.to_string()));
    match levers.mode {
        Mode::Normal => real.unwrap_or_else(|| detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Mode::Unauthorized => detail(StatusCode::UNAUTHORIZED, "Invalid API key"),
        Mode::Forbidden => detail(StatusCode::FORBIDDEN, "Forbidden"),
        Mode::NotFound => detail(StatusCode::NOT_FOUND, "Not Found"),
        Mode::Conflict => detail(StatusCode::CONFLICT, "Conflict"),
        Mode::Invalid => HttpResponse::UnprocessableEntity().json(json!({
            "detail": [{ "loc": ["body"], "msg": "Value error", "type": "value_error" }],
        })),
        Mode::TooMany => {
            let default = (header::RETRY_AFTER, RETRY_AFTER_SECONDS.to_string());
            let mut response = detail(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            insert(&mut response, retry_after.unwrap_or(default));
            response
        }
        Mode::Broken => HttpResponse::InternalServerError().content_type("text/plain").body("Internal Server Error"),
        Mode::Down => {
            let mut response = detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
            if let Some(retry_after) = retry_after {
                insert(&mut response, retry_after);
            }
            response
        }
        Mode::Hang => {
            // Whether the wait ended by a lever or by the clock, there is still no answer.
            drop(tokio::time::timeout(LONGEST_HANG, answering.changed()).await);
            dropped_connection()
        }
        Mode::Reset => dropped_connection(),
        Mode::Nonsense => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body("<!doctype html><title>Welcome</title><h1>It works!</h1>"),
        Mode::Truncated => rewrite(real, |body| body[..body.len() / 2].to_vec()).await,
        Mode::UnknownStatus => rewrite(real, replace_statuses).await,
    }
}

fn insert(response: &mut HttpResponse, (name, value): (header::HeaderName, String)) {
    let value = header::HeaderValue::from_str(&value).expect("digits are a header value");
    response.headers_mut().insert(name, value);
}

/// The same answer with another body.
async fn rewrite(real: Option<HttpResponse>, change: impl FnOnce(&[u8]) -> Vec<u8>) -> HttpResponse {
    let Some(real) = real else {
        return dropped_connection();
    };
    let (head, body) = real.into_parts();
    match to_bytes(body).await {
        Ok(body) => head.set_body(BoxBody::new(change(&body))),
        Err(_) => dropped_connection(),
    }
}

fn replace_statuses(body: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    let replace = |value: &mut Value| {
        if let Some(status) = value.get_mut("status") {
            *status = json!(UNKNOWN_STATUS);
        }
    };
    replace(&mut value);
    if let Some(connections) = value.get_mut("connections").and_then(Value::as_array_mut) {
        connections.iter_mut().for_each(replace);
    }
    value.to_string().into_bytes()
}
