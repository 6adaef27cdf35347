//! Keeps other sites' pages from posting to what the sandbox serves to browsers: Link pages, levers, the admin.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

/// Refuses every request but GET and HEAD that a browser says came from another origin.
///
/// A client that says nothing of its origin is not a browser, and may post.
pub(super) async fn refuse_foreign_posts(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || is_own(&request) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let refusal = HttpResponse::Forbidden().json(serde_json::json!({ "detail": "Cross-origin requests are refused" }));
    Ok(request.into_response(refusal))
}

fn is_own(request: &ServiceRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else {
        return true;
    };
    let host = text(header::HOST.as_str()).unwrap_or_default();
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(|from| from == host)
}
