//! The span of a request, which begins a trace of its own: whatever `traceparent` comes with it is a stranger's.
//!
//! It says which route was taken, never the path, the query or who asked.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use tracing::Span;
use tracing::field::Empty;

use crate::telemetry;

/// Begins it. The probes of whoever runs this are left out: they would be most of what is sent, and say nothing.
pub(super) fn open(request: &ServiceRequest, id: &str) -> Span {
    if matches!(request.path(), "/healthz" | "/readyz") {
        return Span::none();
    }
    tracing::info_span!(
        parent: None,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
        shop = Empty,
        request_id = id
    )
}

/// Says how it went. The span ends when it is dropped.
pub(super) fn close(span: &Span, method: &Method, route: &str, status: u16, shop: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    // A method may be any word that a stranger sends.
    let method = match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "_OTHER",
    };
    telemetry::rename(span, format!("{method} {route}"));
    span.record("http.request.method", method);
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if let Some(shop) = shop {
        span.record("shop", shop);
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}
