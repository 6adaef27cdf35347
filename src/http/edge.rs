//! What every answer has in common: a request id, headers that keep it private, a problem body or page where a handler
//! failed, and one line in the log. The inbound query, which holds a signature, is never repeated.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use ulid::Ulid;

use super::doors;
use super::error::{AppError, PageError};
use super::page;
use crate::app::AppState;
use crate::shopify::ShopDomain;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The shop of a verified request, for the log.
pub(super) struct LoggedShop(pub(super) ShopDomain);

/// Wraps the whole application.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = Ulid::generate().to_string();
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(answer) = failure_answer(&response, &id) {
        response = response.into_response(answer).map_into_boxed_body();
    }
    let is_cross_origin = response.request().match_pattern().is_some_and(|pattern| doors::is_cross_origin(&pattern));
    let headers = response.headers_mut();
    common_headers(headers);
    if is_cross_origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id, Retry-After"));
    }
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("a ULID is plain ASCII"));
    log(&response, &id, started);
    Ok(response)
}

fn common_headers(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// The body and headers for a handler's error; `None` when it did not fail.
fn failure_answer(response: &ServiceResponse, id: &str) -> Option<HttpResponse> {
    let error = response.response().error()?;
    let (failure, as_page) = match (error.as_error::<AppError>(), error.as_error::<PageError>()) {
        (Some(failure), _) => (failure, false),
        (_, Some(PageError(failure))) => (failure, true),
        (None, None) => return None,
    };
    note(failure, id);
    count(response, failure);
    let mut answer = HttpResponse::build(response.status());
    if let Some(header) = failure.header() {
        answer.insert_header(header);
    }
    let kind = failure.kind();
    Some(if as_page {
        page::failure(&mut answer, kind, id)
    } else {
        let body = serde_json::to_string(&kind.occurred(id, failure.details())).expect("plain structs serialise");
        answer.content_type("application/problem+json").body(body)
    })
}

/// Counts a shopper's verified request that was refused, for the merchant to see.
fn count(response: &ServiceResponse, failure: &AppError) {
    let request = response.request();
    let extensions = request.extensions();
    let shop = extensions.get::<LoggedShop>().filter(|_| doors::is_shoppers(request.path()));
    if let (Some(LoggedShop(shop)), Some(state)) = (shop, request.app_data::<web::Data<AppState>>()) {
        state.refusals.count(shop, failure.kind().code, state.clock.unix_ms());
    }
}

/// Counts refusals by reason, and logs what only the operator may know.
fn note(failure: &AppError, id: &str) {
    match failure {
        AppError::InvalidSignature(refusal) => {
            metrics::counter!("proxy_refusals_total", "reason" => refusal.reason()).increment(1);
            tracing::warn!(request_id = id, reason = refusal.reason(), "app-proxy request refused");
        }
        AppError::InvalidWebhook(refusal) => {
            metrics::counter!("webhook_refusals_total", "reason" => refusal.reason()).increment(1);
            tracing::warn!(request_id = id, reason = refusal.reason(), "webhook refused");
        }
        AppError::InvalidEvent(refusal) => {
            metrics::counter!("event_refusals_total", "reason" => refusal.reason()).increment(1);
            tracing::warn!(request_id = id, reason = refusal.reason(), "event refused");
        }
        AppError::InvalidSession(refusal) | AppError::InvalidCustomerToken(refusal) => {
            metrics::counter!("session_refusals_total", "reason" => refusal.reason()).increment(1);
            tracing::warn!(request_id = id, reason = refusal.reason(), "session token refused");
        }
        AppError::NoAccess(error) => tracing::warn!(request_id = id, %error, "Shopify gave no access"),
        AppError::Internal(cause) => tracing::error!(request_id = id, cause, "internal error"),
        AppError::Subtotal(error) => tracing::warn!(request_id = id, %error, "Subtotal did not deliver"),
        _ => {}
    }
}

fn log(response: &ServiceResponse, id: &str, started: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16();
    let extensions = request.extensions();
    let shop = extensions.get::<LoggedShop>().map(|shop| shop.0.as_str());
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string()).increment(1);
    metrics::histogram!("http_request_seconds", "route" => route.clone()).record(started.elapsed());
    tracing::info!(
        request_id = id,
        method = request.method().as_str(),
        route,
        status,
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        shop,
        "request"
    );
}
