//! The frame: its pages, and what its script asks for.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::staff::{self, STAFF, StaffMember, initials};
use super::{APP_HANDLE, AdminSite};

type Site = web::Data<AdminSite>;

/// Parts of the admin that are there to be looked at.
const SECTIONS: [(&str, &str); 4] =
    [("", "Home"), ("/orders", "Orders"), ("/products", "Products"), ("/customers", "Customers")];

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(home))
        .route("/open", web::get().to(open))
        .route("/install", web::post().to(install))
        .route("/session/token", web::post().to(token))
        .route("/session/document", web::post().to(document))
        .route("/session/staff", web::post().to(change_staff))
        .route(&format!("/store/{{store}}/apps/{APP_HANDLE}{{rest:(/.*)?}}"), web::get().to(app_page))
        .default_service(web::to(elsewhere));
}

/// What every page of the admin shows around its own part.
#[derive(Debug)]
pub(super) struct Shell<'a> {
    shop_name: &'a str,
    store: &'a str,
    /// Where the app is in the admin, without a page.
    base: String,
    staff: &'static StaffMember,
    /// Path and query of this page, to come back to after switching staff.
    here: &'a str,
    storefront_url: Option<&'a str>,
    subtotal_levers_url: Option<&'a str>,
    klaviyo_url: Option<&'a str>,
    installed: bool,
}

impl<'a> Shell<'a> {
    fn of(request: &'a HttpRequest, site: &'a AdminSite) -> Self {
        let config = site.config();
        Self {
            shop_name: &config.app.shop_name,
            store: site.store_handle(),
            base: site.base(),
            staff: staff::at_screen(request),
            here: request.uri().path_and_query().map_or("/", |path| path.as_str()),
            storefront_url: config.storefront_url.as_ref().map(url::Url::as_str),
            subtotal_levers_url: config.subtotal_levers_url.as_ref().map(url::Url::as_str),
            klaviyo_url: config.klaviyo_url.as_ref().map(url::Url::as_str),
            installed: site.is_installed(),
        }
    }

    fn is_section(&self, path: &str) -> bool {
        self.here.strip_prefix("/store/").and_then(|here| here.strip_prefix(self.store)) == Some(path)
    }

    fn is_at_screen(&self, member: &StaffMember) -> bool {
        self.staff == member
    }
}

/// The app in its frame.
#[derive(Debug, Template)]
#[template(path = "sandbox/admin/frame.html")]
struct FramePage<'a> {
    shell: Shell<'a>,
    document: String,
    app_origin: String,
}

/// Asks for consent before the first opening.
#[derive(Debug, Template)]
#[template(path = "sandbox/admin/install.html")]
struct InstallPage<'a> {
    shell: Shell<'a>,
    grants: Vec<&'a str>,
}

/// A part of the admin the demo does not have.
#[derive(Debug, Template)]
#[template(path = "sandbox/admin/elsewhere.html")]
struct ElsewherePage<'a> {
    shell: Shell<'a>,
}

impl AdminSite {
    /// Where the app is in this admin, without a page.
    pub(super) fn base(&self) -> String {
        format!("/store/{}/apps/{APP_HANDLE}", self.store_handle())
    }

    pub(super) fn is_installed(&self) -> bool {
        self.config.admin_api.world().installation.is_installed()
    }
}

async fn home(site: Site) -> HttpResponse {
    see(&site.base())
}

#[derive(Debug, Deserialize)]
struct OpenQuery {
    path: Option<String>,
}

/// Leads a page of the app that was opened by itself into the frame.
async fn open(query: web::Query<OpenQuery>, site: Site) -> HttpResponse {
    let rest = query.path.as_deref().and_then(|path| path.strip_prefix("/admin")).unwrap_or_default();
    let fits = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
    see(&format!("{}{}", site.base(), if fits { rest } else { "" }))
}

async fn app_page(request: HttpRequest, path: web::Path<(String, String)>, site: Site) -> HttpResponse {
    let (_, rest) = path.into_inner();
    let shell = Shell::of(&request, &site);
    if !shell.installed {
        let grants = site.config().app.scopes.split(',').filter_map(grant).collect();
        return rendered(StatusCode::OK, &InstallPage { shell, grants }, &site);
    }
    let rest = format!("{rest}?{}", request.query_string());
    let Some(document) = site.document_url(&rest, shell.staff) else {
        return see(&site.base());
    };
    let app_origin = site.config().app_url.origin().ascii_serialization();
    rendered(StatusCode::OK, &FramePage { shell, document: document.into(), app_origin }, &site)
}

async fn elsewhere(request: HttpRequest, site: Site) -> HttpResponse {
    rendered(StatusCode::NOT_FOUND, &ElsewherePage { shell: Shell::of(&request, &site) }, &site)
}

/// What a scope means, in a merchant's words.
fn grant(scope: &str) -> Option<&str> {
    match scope.trim() {
        "" => None,
        "read_customers" => Some("View customers: e-mail address and phone number"),
        "write_app_proxy" => Some("Answer on your storefront below /apps/subtotal"),
        other => Some(other),
    }
}

async fn install(site: Site) -> HttpResponse {
    let now = site.config().app.clock.unix_seconds();
    site.config().admin_api.world().installation.install(now);
    see(&site.base())
}

async fn token(request: HttpRequest, site: Site) -> HttpResponse {
    if !site.is_installed() {
        return HttpResponse::Gone().json(json!({ "detail": "The app is not installed" }));
    }
    let token = site.id_token(staff::at_screen(&request));
    HttpResponse::Ok().insert_header(NO_STORE).json(json!({ "token": token }))
}

#[derive(Debug, Deserialize)]
struct Wanted {
    /// Below the app's `/admin`: empty, or from its slash on, query included.
    rest: String,
}

async fn document(request: HttpRequest, wanted: web::Json<Wanted>, site: Site) -> HttpResponse {
    match site.document_url(&wanted.rest, staff::at_screen(&request)) {
        Some(_) if !site.is_installed() => HttpResponse::Gone().json(json!({ "detail": "The app is not installed" })),
        Some(url) => HttpResponse::Ok().insert_header(NO_STORE).json(json!({ "url": url.as_str() })),
        None => HttpResponse::BadRequest().json(json!({ "detail": "No page of the app" })),
    }
}

#[derive(Debug, Deserialize)]
struct StaffChange {
    staff: String,
    return_to: String,
}

async fn change_staff(form: web::Form<StaffChange>) -> HttpResponse {
    let own = form.return_to.starts_with('/') && !form.return_to[1..].starts_with(['/', '\\']);
    let member = staff::by_id(&form.staff).unwrap_or(&STAFF[0]);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, if own { form.return_to.as_str() } else { "/" }))
        .insert_header((header::SET_COOKIE, format!("{}={}; Path=/; HttpOnly; SameSite=Lax", staff::COOKIE, member.id)))
        .insert_header(NO_STORE)
        .finish()
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, no-store");

pub(super) fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).insert_header(NO_STORE).finish()
}

/// A page and its headers: never kept, never framed, and nothing in a frame but the app.
pub(super) fn rendered(status: StatusCode, page: &impl Template, site: &AdminSite) -> HttpResponse {
    let html = page.render().expect("the admin's templates write to a string and call nothing that fails");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         frame-src {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        site.config().app_url.origin().ascii_serialization()
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header(NO_STORE)
        .body(html)
}
