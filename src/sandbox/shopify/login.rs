//! Customer accounts: who is signed in, and the two sign-in pages a shop may have.
//!
//! Instead of a password the pages ask which demo shopper to be. Only root-relative ways back are honoured.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use serde::Deserialize;

use super::pages::{self, LoginPage, Reach, Shell};
use super::return_path::ReturnPath;
use super::{Storefront, assets};
use crate::sandbox::shoppers::{self, Shopper};

/// Cookies are shared by every port of a host, so the name says whose it is.
const COOKIE: &str = "sandbox_shopper";
/// New customer accounts; takes `return_to`.
pub(super) const LOGIN: &str = "/customer_authentication/login";
/// Classic customer accounts; takes `checkout_url`.
pub(super) const CLASSIC_LOGIN: &str = "/account/login";

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route(LOGIN, web::get().to(login))
        .route(LOGIN, web::post().to(sign_in))
        .route(CLASSIC_LOGIN, web::get().to(classic_login))
        .route("/account/logout", web::get().to(logout));
}

/// The shopper the request's cookie names.
pub(super) fn signed_in(request: &HttpRequest) -> Option<&'static Shopper> {
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, id)| shoppers::by_id(id))
}

#[derive(Debug, Deserialize)]
struct LoginQuery {
    return_to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ClassicLoginQuery {
    checkout_url: Option<String>,
}

/// `shopper` is an id, or empty for nobody.
#[derive(Debug, Deserialize)]
struct SignIn {
    shopper: String,
    return_to: Option<String>,
}

async fn login(request: HttpRequest, query: web::Query<LoginQuery>, storefront: web::Data<Storefront>) -> HttpResponse {
    ask_who(&request, query.return_to.as_deref(), false, &storefront)
}

async fn classic_login(
    request: HttpRequest,
    query: web::Query<ClassicLoginQuery>,
    storefront: web::Data<Storefront>,
) -> HttpResponse {
    ask_who(&request, query.checkout_url.as_deref(), true, &storefront)
}

/// Like Shopify, sends on at once whoever is signed in already.
fn ask_who(request: &HttpRequest, back: Option<&str>, classic: bool, storefront: &Storefront) -> HttpResponse {
    let back = ReturnPath::or_account(back);
    if signed_in(request).is_some() {
        return see(&back, None);
    }
    let page = LoginPage { shell: Shell::of(request, storefront), back: back.as_str(), classic };
    // Signing in may lead through the app to Subtotal Link, and browsers hold a form's whole chain to the policy.
    pages::render(&page, storefront, Reach::AnyForm).respond_to(request).map_into_boxed_body()
}

/// To the sign-in page, and back here afterwards.
pub(super) fn lead_there(request: &HttpRequest) -> HttpResponse {
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let back: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    HttpResponse::Found()
        .insert_header((header::LOCATION, format!("{LOGIN}?return_to={back}")))
        .insert_header(assets::NO_STORE)
        .finish()
}

async fn sign_in(form: web::Form<SignIn>) -> HttpResponse {
    let back = ReturnPath::or_account(form.return_to.as_deref());
    see(&back, Some(shoppers::by_id(&form.shopper)))
}

async fn logout() -> HttpResponse {
    see(&ReturnPath::or_account(Some("/")), Some(None))
}

/// 303 to `back`; `shopper` is who to be from now on, `Some(None)` for nobody, `None` for no change.
fn see(back: &ReturnPath, shopper: Option<Option<&Shopper>>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, back.as_str())).insert_header(assets::NO_STORE);
    if let Some(shopper) = shopper {
        let (id, age) = shopper.map_or(("", "; Max-Age=0"), |shopper| (shopper.id, ""));
        answer.insert_header((header::SET_COOKIE, format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax{age}")));
    }
    answer.finish()
}
