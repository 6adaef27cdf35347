//! What every answer has in common: a request id, headers that keep it private, a problem body or page where a handler
//! failed, and one line in the log. The inbound query, which holds a signature, is never repeated.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use tracing::{Instrument, Span};
use ulid::Ulid;

use super::admin;
use super::client_address;
use super::doors;
use super::error::{AppError, PageError};
use super::page;
use super::request_span;
use crate::app::AppState;
use crate::shopify::ShopDomain;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The policy of an answer that is no page.
const NO_PAGE: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The shop of a verified request, for the log.
pub(super) struct LoggedShop(pub(super) ShopDomain);

/// Wraps the whole application.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = Ulid::generate().to_string();
    let span = request_span::open(&request, &id);
    let mut response = next.call(request).instrument(span.clone()).await?.map_into_boxed_body();
    if let Some(answer) = failure_answer(&response, &id) {
        response = response.into_response(answer).map_into_boxed_body();
    }
    // One endpoint, whether its path was asked for with a slash at the end or without.
    let route = response.request().match_pattern().map_or_else(unmatched, without_slash);
    dress(response.headers_mut(), &route, &id);
    let state = response.request().app_data::<web::Data<AppState>>();
    if state.is_some_and(|state| state.stopping.load(Ordering::Relaxed)) {
        // Whoever holds this connection open takes the next request elsewhere.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    log(&response, route, &id, started, &span);
    Ok(response)
}

/// The headers of every answer, to a request of the route or the path `path`.
pub(super) fn dress(headers: &mut HeaderMap, path: &str, id: &str) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    // A page names what it needs; anything else is no page, and stays none in whatever frame it is opened.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NO_PAGE));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if doors::is_cross_origin(path) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id, Retry-After"));
    }
    headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("a ULID is plain ASCII"));
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
    metrics::counter!("http_problems_total", "code" => failure.kind().code).increment(1);
    count(response, failure);
    let mut answer = HttpResponse::build(response.status());
    if let Some(header) = failure.header() {
        answer.insert_header(header);
    }
    let kind = failure.kind();
    Some(if as_page {
        page::failure(&mut answer, kind, id)
    } else if let Some(framed_by) = admin_frame(response.request()) {
        page::staff_failure(&mut answer, kind, id, &framed_by)
    } else {
        let body = serde_json::to_string(&kind.occurred(id, failure.details())).expect("plain structs serialise");
        answer.content_type("application/problem+json").body(body)
    })
}

/// Who frames this, where staff proved that they load a page of the admin.
fn admin_frame(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    let LoggedShop(shop) = extensions.get::<LoggedShop>()?;
    let state = request.app_data::<web::Data<AppState>>()?;
    let is_page = request.method() == Method::GET && admin::is_page(request.path());
    is_page.then(|| admin::framed_by(state, shop))
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
        AppError::DatabaseUnavailable(cause) => tracing::error!(request_id = id, cause, "the database is in trouble"),
        AppError::Internal(cause) => tracing::error!(request_id = id, cause, "internal error"),
        AppError::Subtotal(error) => tracing::warn!(request_id = id, %error, "Subtotal did not deliver"),
        _ => {}
    }
}

fn unmatched() -> String {
    "unmatched".to_owned()
}

fn without_slash(mut pattern: String) -> String {
    if pattern.len() > 1 && pattern.ends_with('/') {
        pattern.pop();
    }
    pattern
}

fn log(response: &ServiceResponse, route: String, id: &str, started: Instant, span: &Span) {
    let request = response.request();
    let status = response.status().as_u16();
    let extensions = request.extensions();
    let shop = extensions.get::<LoggedShop>().map(|shop| shop.0.as_str());
    let client = refused_client(response);
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => response.status().as_str().to_owned()).increment(1);
    let duration = started.elapsed();
    request_span::close(span, request.method(), &route, status, shop);
    tracing::info!(
        request_id = id,
        method = request.method().as_str(),
        route = &*route,
        status,
        duration_ms = duration.as_micros() as f64 / 1000.0,
        shop,
        trace_id = telemetry::trace_id(span),
        client = client.map(tracing::field::display),
        "request"
    );
    metrics::histogram!("http_request_duration_seconds", "route" => route).record(duration);
}

/// Where a call that was refused comes from, to find who has to stop. Addresses are personal data: no other line has one.
fn refused_client(response: &ServiceResponse) -> Option<IpAddr> {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if !refused.contains(&response.status()) {
        return None;
    }
    let request = response.request();
    let state = request.app_data::<web::Data<AppState>>()?;
    client_address::of_request(request, &state.trusted_proxies)
}
