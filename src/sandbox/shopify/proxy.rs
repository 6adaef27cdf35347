//! The app proxy as Shopify runs it: adds its parameters, signs, forwards, strips, and never follows a redirect.
//!
//! A visitor's own copies of Shopify's parameters are passed on (whether Shopify drops them is not documented), so the
//! service's refusal of them can be seen.

use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use url::Url;

use super::{PATH_PREFIX, Storefront, login, pages, signing};

/// Largest body taken from a visitor or from the app.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Request headers that do not go on: Shopify strips `Cookie` and sets the forwarding headers itself; the rest belong
/// to one connection.
const DROPPED_REQUEST_HEADERS: [&str; 14] = [
    "cookie",
    "host",
    "content-length",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "connection",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Response headers Shopify documents as stripped, then those that belong to one connection.
const DROPPED_RESPONSE_HEADERS: [&str; 24] = [
    "accept-patch",
    "accept-ranges",
    "connection",
    "cookie",
    "date",
    "delta-base",
    "im",
    "p3p",
    "pragma",
    "preference-applied",
    "proxy-authenticate",
    "public-key-pins",
    "server",
    "service-worker-allowed",
    "set-cookie",
    "trailer",
    "tk",
    "warning",
    "x-powered-by",
    "content-length",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route(PATH_PREFIX, web::to(forward)).route(&format!("{PATH_PREFIX}/{{rest:.*}}"), web::to(forward));
}

/// The client that speaks to the app: answers come back as they are, redirects and compression included.
pub(super) fn client() -> io::Result<reqwest::Client> {
    // Another part of the process may have installed it; which one was first does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_gzip()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .build()
        .map_err(io::Error::other)
}

async fn forward(request: HttpRequest, body: web::Bytes, storefront: web::Data<Storefront>) -> HttpResponse {
    let Some(target) = target(&request, &storefront) else {
        return pages::not_found(request, storefront).await.map_into_boxed_body();
    };
    match ask(&request, body, target, &storefront).await {
        Ok((status, headers, body)) => {
            let mut answer = HttpResponse::build(status);
            headers.into_iter().for_each(|header| {
                answer.append_header(header);
            });
            answer.body(body)
        }
        Err(problem) => {
            tracing::warn!(problem, "the app behind the proxy did not answer");
            let page = pages::third_party_error(&request, &storefront);
            page.customize().with_status(StatusCode::BAD_GATEWAY).respond_to(&request).map_into_boxed_body()
        }
    }
}

/// The app's URL for this request, or `None` for a path that would climb out of the app's own.
pub(super) fn target(request: &HttpRequest, storefront: &Storefront) -> Option<Url> {
    let config = storefront.config();
    let base = config.app_proxy_url.as_str().trim_end_matches('/');
    let rest = request.uri().path().strip_prefix(PATH_PREFIX)?;
    let mut target = Url::parse(&format!("{base}{rest}")).ok()?;
    let mount = config.app_proxy_url.path().trim_end_matches('/');
    let beyond = target.path().strip_prefix(mount)?;
    if !(beyond.is_empty() || beyond.starts_with('/')) {
        return None;
    }
    let customer = login::signed_in(request).map_or("", |shopper| shopper.id);
    target.set_query(Some(&signed_query(request.query_string(), customer, storefront)));
    Some(target)
}

/// The visitor's query, raw and first, then Shopify's own parameters.
fn signed_query(own: &str, customer: &str, storefront: &Storefront) -> String {
    let config = storefront.config();
    let now = config.clock.unix_seconds();
    let separator = if own.is_empty() { "" } else { "&" };
    let prefix = PATH_PREFIX.replace('/', "%2F");
    let shop = &config.shop;
    let query =
        format!("{own}{separator}shop={shop}&logged_in_customer_id={customer}&path_prefix={prefix}&timestamp={now}");
    let signature = signing::signature_of(&query, &config.secrets);
    format!("{query}&signature={signature}")
}

type Answer = (StatusCode, Vec<(String, Vec<u8>)>, Vec<u8>);

async fn ask(request: &HttpRequest, body: web::Bytes, target: Url, storefront: &Storefront) -> Result<Answer, String> {
    let method =
        reqwest::Method::from_bytes(request.method().as_str().as_bytes()).map_err(|error| error.to_string())?;
    let mut outgoing = storefront.client().request(method, target).headers(request_headers(request));
    if !body.is_empty() || request.headers().contains_key(header::CONTENT_LENGTH) {
        outgoing = outgoing.body(body);
    }
    // The URL holds a signature, and must not reach the log through the error.
    let mut answer = outgoing.send().await.map_err(|error| error.without_url().to_string())?;
    let status = StatusCode::from_u16(answer.status().as_u16()).map_err(|error| error.to_string())?;
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| !DROPPED_RESPONSE_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err("the answer is larger than the proxy takes".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((status, headers, bytes))
}

/// The visitor's headers as they go on, with Shopify's `X-Forwarded-Host` and `X-Forwarded-For`.
fn request_headers(request: &HttpRequest) -> reqwest::header::HeaderMap {
    let mut headers = reqwest::header::HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes());
        let value = reqwest::header::HeaderValue::from_bytes(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    };
    for (name, value) in end_to_end(request.headers()) {
        add(name, value);
    }
    let host = request.headers().get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    add("x-forwarded-host", host);
    if let Some(visitor) = request.peer_addr() {
        add("x-forwarded-for", visitor.ip().to_string().as_bytes());
    }
    headers
}

/// The end-to-end headers: none of [`DROPPED_REQUEST_HEADERS`], and none the `Connection` header names.
fn end_to_end(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let hop = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    headers
        .iter()
        .filter(move |(name, _)| !DROPPED_REQUEST_HEADERS.contains(&name.as_str()))
        .filter(move |(name, _)| !hop.split(',').any(|listed| listed.trim() == name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
}
