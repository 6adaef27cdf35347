//! What every admin page has in common: a document load is proven by the `id_token` in its query, or sent to the
//! bounce page, where App Bridge fetches a fresh one ("Session tokens",
//! <https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens>).

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use url::{Url, form_urlencoded};

use super::{Staff, staff};
use crate::app::AppState;
use crate::http::error::AppError;
use crate::http::extract;
use crate::shopify::ShopDomain;

/// What of a document's query goes along through the bounce page. Never a token or a signature.
const KEPT: [&str; 4] = ["shop", "host", "embedded", "locale"];

/// A page's script: what all pages use, then the parts for this one, so that it asks for one file and no more than it
/// runs.
macro_rules! script {
    ($($part:literal),+) => {
        concat!(
            include_str!("../../../templates/admin/admin.js"),
            $(include_str!(concat!("../../../templates/admin/js/", $part)),)+
        )
    };
}

const SCRIPTS: [(&str, &str); 10] = [
    ("home.js", script!("status_words.js", "home.js")),
    ("subtotal.js", script!("subtotal.js")),
    ("retailers.js", script!("retailers.js")),
    ("visibility.js", script!("visibility.js", "visibility_parts.js", "shopper_view.js")),
    ("preview.js", script!("preview.js", "shopper_view.js")),
    ("redirects.js", script!("redirects.js")),
    ("integrations.js", script!("integrations.js", "test_event.js", "delivery_tries.js")),
    ("events.js", script!("events.js", "delivery_tries.js", "delivery_choices.js", "inbox.js")),
    ("connections.js", script!("status_words.js", "connections.js")),
    ("activity.js", script!("activity_words.js", "activity.js")),
];
const STYLE: &str = include_str!("../../../templates/admin/admin.css");

/// What the layout of every page shows.
#[derive(Debug)]
pub struct Frame {
    pub(super) client_id: String,
    pub(super) scripts_url: String,
    pub(super) shop: ShopDomain,
}

impl Frame {
    /// For the pages of a shop. `scripts_url` is where Shopify's scripts come from, without a slash at the end.
    #[must_use]
    pub fn new(client_id: &str, scripts_url: &str, shop: ShopDomain) -> Self {
        Self { client_id: client_id.to_owned(), scripts_url: scripts_url.to_owned(), shop }
    }
}

#[derive(Template)]
#[template(path = "admin/bounce.html")]
struct Bounce<'a> {
    client_id: &'a str,
    scripts_url: &'a str,
}

/// A proven document load, or the answer that makes one.
pub(super) enum Document {
    Proven(Staff, Frame),
    Elsewhere(HttpResponse),
}

/// Proves a document load by its `id_token`.
pub(super) async fn open(request: &HttpRequest, state: &AppState) -> Result<Document, AppError> {
    let query: Vec<_> = form_urlencoded::parse(request.query_string().as_bytes()).collect();
    let mut tokens = query.iter().filter(|(key, _)| key == "id_token");
    let token = match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => token.as_ref(),
        _ => "",
    };
    let opened = match extract::session(request, token) {
        Ok(session) => staff(state, &session).await,
        Err(refusal) => Err(AppError::InvalidSession(refusal)),
    };
    match opened {
        Ok(staff) => {
            let frame = Frame::new(&state.admin.client_id, &state.admin.scripts_url, staff.shop.domain.clone());
            Ok(Document::Proven(staff, frame))
        }
        Err(AppError::InvalidSession(_) | AppError::NoAccess(crate::shopify::oauth::TokenError::SubjectRejected)) => {
            Ok(Document::Elsewhere(to_bounce(request.path(), &query, state)))
        }
        Err(error) => Err(error),
    }
}

/// A page of a proven document, framed by exactly its shop and Shopify's admin.
pub(super) fn page(state: &AppState, frame: &Frame, page: &impl Template) -> Result<HttpResponse, AppError> {
    let html = page.render().map_err(|error| AppError::Internal(error.to_string()))?;
    let origin = frame.scripts_url.split('/').take(3).collect::<Vec<_>>().join("/");
    let policy = format!(
        "default-src 'none'; script-src 'self' {origin}; style-src 'self' 'unsafe-inline' {origin}; \
         img-src 'self' https: http: data:; font-src https: data:; connect-src 'self' https: {origin}; \
         base-uri 'none'; form-action 'none'; \
         frame-ancestors {}",
        framed_by(state, &frame.shop)
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Who may frame a page of a shop's admin, as a policy says it.
pub(in crate::http) fn framed_by(state: &AppState, shop: &ShopDomain) -> String {
    let also = state.admin.framed_by.as_deref().unwrap_or_default();
    format!("https://{shop} https://admin.shopify.com {also}").trim_end().to_owned()
}

/// The page that holds nothing but App Bridge, which fetches a token and loads `shopify-reload` with it. Any place but a
/// page of this admin would be handed that token, so the page is not given out for it.
pub(super) async fn bounce(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let reloads: Vec<_> = query.filter(|(key, _)| key == "shopify-reload").map(|(_, value)| value).collect();
    if reloads.len() > 1 || !reloads.iter().all(|reload| is_page(reload, &state.admin.app_url)) {
        return Err(AppError::NotFound);
    }
    let page = Bounce { client_id: &state.admin.client_id, scripts_url: &state.admin.scripts_url };
    let html = page.render().map_err(|error| AppError::Internal(error.to_string()))?;
    let also = state.admin.framed_by.as_deref().unwrap_or_default();
    let origin = state.admin.scripts_url.split('/').take(3).collect::<Vec<_>>().join("/");
    let policy = format!(
        "default-src 'none'; script-src {origin}; connect-src 'self' https: {origin}; base-uri 'none'; \
         frame-ancestors https://admin.shopify.com {also}"
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, policy.trim_end().to_owned()))
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// The script of a page, or the style sheet of all of them.
pub(super) async fn asset(name: web::Path<String>) -> Result<HttpResponse, AppError> {
    let script = SCRIPTS.iter().find(|(known, _)| known == name.as_ref());
    let (content_type, body) = match script {
        Some((_, script)) => ("text/javascript; charset=utf-8", *script),
        None if *name == "admin.css" => ("text/css; charset=utf-8", STYLE),
        None => return Err(AppError::NotFound),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).content_type(content_type).body(body))
}

/// Whether a browser that loads this URL loads a page of this admin.
fn is_page(reload: &str, app_url: &str) -> bool {
    match (Url::parse(reload), Url::parse(app_url)) {
        (Ok(reload), Ok(app)) => {
            let own = reload.origin() == app.origin() && reload.username().is_empty() && reload.password().is_none();
            own && (reload.path() == "/admin" || reload.path().starts_with("/admin/"))
        }
        _ => false,
    }
}

fn to_bounce(
    path: &str,
    query: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)],
    state: &AppState,
) -> HttpResponse {
    let kept = query.iter().filter(|(key, _)| KEPT.contains(&key.as_ref()));
    let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.clone()).finish();
    let reload = format!("{}{path}?{rest}", state.admin.app_url);
    let target = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("shopify-reload", &reload)
        .finish();
    HttpResponse::Found()
        .insert_header((CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"))
        .insert_header((LOCATION, format!("/admin/session-token?{target}")))
        .finish()
}
