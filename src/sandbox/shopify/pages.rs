//! The shop's pages. They hold no data of the app's: the block on them asks the app proxy from the browser.

use actix_web::http::{StatusCode, header};
use actix_web::web::Html;
use actix_web::{CustomizeResponder, HttpRequest, HttpResponse, Responder, web};
use askama::Template;

use super::{AdminApiMode, PATH_PREFIX, Storefront, assets, login, theme};
use crate::sandbox::data::RETAILERS;
use crate::sandbox::shoppers::{SHOPPERS, Shopper};

/// A page with its headers, ready for a status other than 200.
pub(super) type Page = CustomizeResponder<Html>;

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(home))
        .route("/account", web::get().to(account))
        .route("/pages/snippet", web::get().to(snippet))
        .route("/at/{retailer}", web::get().to(at_retailer));
}

/// What every page's frame shows.
#[derive(Debug)]
pub(super) struct Shell<'a> {
    pub(super) shopper: Option<&'static Shopper>,
    pub(super) shoppers: &'static [Shopper],
    /// Path and query of this page, to come back to after switching shoppers.
    pub(super) here: &'a str,
    pub(super) shop: &'a str,
    pub(super) levers_url: Option<&'a str>,
    pub(super) admin_api_mode: AdminApiMode,
    pub(super) admin_api_modes: [AdminApiMode; 4],
    pub(super) path_prefix: &'static str,
}

impl<'a> Shell<'a> {
    pub(super) fn of(request: &'a HttpRequest, storefront: &'a Storefront) -> Self {
        let config = storefront.config();
        Self {
            shopper: login::signed_in(request),
            shoppers: &SHOPPERS,
            here: request.uri().path_and_query().map_or("/", |path| path.as_str()),
            shop: config.shop.as_str(),
            levers_url: config.levers_url.as_ref().map(url::Url::as_str),
            admin_api_mode: config.admin_api.mode(),
            admin_api_modes: AdminApiMode::ALL,
            path_prefix: PATH_PREFIX,
        }
    }

    fn is_signed_in_as(&self, shopper: &Shopper) -> bool {
        self.shopper == Some(shopper)
    }
}

#[derive(Debug, Template)]
#[template(path = "sandbox/storefront_home.html")]
struct HomePage<'a> {
    shell: Shell<'a>,
    block: String,
}

#[derive(Debug, Template)]
#[template(path = "sandbox/storefront_account.html")]
struct AccountPage<'a> {
    shell: Shell<'a>,
    shopper: &'static Shopper,
    block: String,
}

/// The component without the theme block, and a plain link.
#[derive(Debug, Template)]
#[template(path = "sandbox/storefront_snippet.html")]
struct SnippetPage<'a> {
    shell: Shell<'a>,
    link: String,
}

/// Which shopper to be. `classic` only changes how the page looks: the old accounts asked for a password.
#[derive(Debug, Template)]
#[template(path = "sandbox/storefront_login.html")]
pub(super) struct LoginPage<'a> {
    pub(super) shell: Shell<'a>,
    pub(super) back: &'a str,
    pub(super) classic: bool,
}

/// A page that only says something.
#[derive(Debug, Template)]
#[template(path = "sandbox/storefront_notice.html")]
struct NoticePage<'a> {
    shell: Shell<'a>,
    title: &'a str,
    text: &'a str,
}

/// What a page may reach besides this storefront.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach<'a> {
    /// Nothing.
    Here,
    /// Any host, with its forms and where they redirect to.
    AnyForm,
    /// The app at this origin, with its scripts.
    App(&'a str),
}

async fn home(request: HttpRequest, storefront: web::Data<Storefront>) -> Page {
    let shell = Shell::of(&request, &storefront);
    let block = theme::block(shell.shopper.is_some());
    render(&HomePage { shell, block }, &storefront, Reach::Here)
}

async fn account(request: HttpRequest, storefront: web::Data<Storefront>) -> HttpResponse {
    let shell = Shell::of(&request, &storefront);
    let Some(shopper) = shell.shopper else { return login::lead_there(&request) };
    let page = render(&AccountPage { shell, shopper, block: theme::block(true) }, &storefront, Reach::Here);
    page.respond_to(&request).map_into_boxed_body()
}

async fn snippet(request: HttpRequest, storefront: web::Data<Storefront>) -> Page {
    let publix = RETAILERS.iter().find(|retailer| retailer.retailer_id == "publix").map_or("", |found| found.link_id);
    let link = format!("{PATH_PREFIX}/link/{publix}?redirect_url=/pages/snippet");
    render(&SnippetPage { shell: Shell::of(&request, &storefront), link }, &storefront, Reach::Here)
}

/// Where "Purchase on X" leads: in a real shop, the brand's products at that retailer.
async fn at_retailer(request: HttpRequest, storefront: web::Data<Storefront>) -> Page {
    let text = "In a real shop this button opens your products on the retailer's own site. \
                The next purchase there shows up through the account you linked.";
    notice(&request, &storefront, "You would be shopping there now", text)
}

/// Any path the storefront does not have.
pub(super) async fn not_found(request: HttpRequest, storefront: web::Data<Storefront>) -> HttpResponse {
    let page = notice(&request, &storefront, "Nothing on this shelf", "The page you are looking for is not here.");
    page.with_status(StatusCode::NOT_FOUND).respond_to(&request).map_into_boxed_body()
}

/// What a visitor sees when the app behind the proxy fails, in Shopify's words.
pub(super) fn third_party_error(request: &HttpRequest, storefront: &Storefront) -> Page {
    let text = "The app behind this address could not be reached. Is it running?";
    notice(request, storefront, "There was an error in the third-party application.", text)
}

fn notice(request: &HttpRequest, storefront: &Storefront, title: &str, text: &str) -> Page {
    render(&NoticePage { shell: Shell::of(request, storefront), title, text }, storefront, Reach::Here)
}

/// A page and its headers: never kept, never framed, no code but the storefront's own.
pub(super) fn render(page: &impl Template, storefront: &Storefront, reach: Reach<'_>) -> Page {
    let html = page.render().expect("the storefront's templates write to a string and call nothing that fails");
    let images = storefront.config().image_origins.join(" ");
    let app = if let Reach::App(origin) = reach { origin } else { "" };
    // Inline styles as in any theme: an app block brings the merchant's colours in an element of its own.
    let mut policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' {app}; img-src 'self' data: {images}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    if reach != Reach::AnyForm {
        policy.push_str("; form-action 'self'");
    }
    Html::new(html)
        .customize()
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header(assets::NO_STORE)
}
