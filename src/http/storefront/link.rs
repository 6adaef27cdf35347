//! `GET …/link/{linkId}`: one step from a plain link into Subtotal Link. On the storefront it is a page a person
//! navigates to, so its errors are pages too; an extension gets the Link URL as JSON.

use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::form_urlencoded::{self, Serializer};

use super::connections::{Link, open_link};
use super::{MAX_ID, Shopper, allowed_redirect, configured_shop, find_retailer, shopper, storefront_host};
use crate::app::AppState;
use crate::http::error::{AppError, PageError};
use crate::http::openapi::{self, Operation, REFUSALS_OF_SUBTOTAL, Redirects};
use crate::http::page;
use crate::http::problem::{INVALID_REQUEST, REDIRECT_URL_NOT_ALLOWED, RETAILER_NOT_FOUND};
use crate::linking::RedirectUrl;
use crate::shopify::customer_token::VerifiedCustomer;
use crate::shopify::proxy::VerifiedProxy;
use crate::store::{Accounts, Shop};

/// Marks the return from the login page, so that a shopper who is still signed out is not sent there again.
const AFTER_LOGIN: &str = "after_login";

pub(crate) async fn link(
    proxy: VerifiedProxy,
    request: HttpRequest,
    link_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, PageError> {
    let deadline = state.deadline();
    let (shop, place) = configured_shop(&state, &proxy).await?;
    let storefront = storefront_host(&request, &proxy);
    let asked = at_most_one("redirect_url", proxy.param("redirect_url"))?;
    let redirect = asked.map(|text| allowed_redirect(text, &shop, &storefront)).transpose()?;
    let Some(customer) = proxy.customer().cloned() else {
        return Ok(to_login(&state, &proxy, &shop, &link_id, redirect.as_ref())?);
    };
    let shopper = Shopper { shop, customer, deadline, _place: place };
    let redirect = redirect.unwrap_or_else(|| storefront.home());
    let link_url = open_by_link_id(&state, &shopper, &link_id, &redirect).await?;
    Ok(page::redirect(&link_url, state.redirect_mode)?)
}

/// For the extension, which opens the Link URL itself and knows that nobody is signed in.
pub(crate) async fn link_url(
    customer: VerifiedCustomer,
    request: HttpRequest,
    link_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<web::Json<Link>, AppError> {
    let shopper = shopper(&state, &customer).await?;
    let storefront = storefront_host(&request, &customer);
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let asked = at_most_one("redirect_url", query.filter(|(name, _)| name == "redirect_url").map(|(_, value)| value))?;
    let redirect = asked.map(|text| allowed_redirect(&text, &shopper.shop, &storefront)).transpose()?;
    let redirect = redirect.unwrap_or_else(|| storefront.home());
    let link_url = open_by_link_id(&state, &shopper, &link_id, &redirect).await?;
    Ok(web::Json(Link { link_url }))
}

async fn open_by_link_id(
    state: &AppState,
    shopper: &Shopper,
    link_id: &str,
    redirect: &RedirectUrl,
) -> Result<String, AppError> {
    if link_id.chars().count() > MAX_ID {
        return Err(AppError::RetailerNotFound);
    }
    let retailer = find_retailer(state, shopper, |known| known.by_link_id(link_id)).await?;
    open_link(state, shopper, &retailer, None, redirect).await
}

/// Sends a signed-out shopper to the login page and back here, once. Both are paths on the storefront's own host.
fn to_login(
    state: &AppState,
    proxy: &VerifiedProxy,
    shop: &Shop,
    link_id: &str,
    redirect: Option<&RedirectUrl>,
) -> Result<HttpResponse, AppError> {
    if proxy.param(AFTER_LOGIN).next().is_some() {
        return Err(AppError::CustomerNotSignedIn);
    }
    let mut query = Serializer::new(String::new());
    if let Some(redirect) = redirect {
        query.append_pair("redirect_url", redirect.as_str());
    }
    let query = query.append_pair(AFTER_LOGIN, "1").finish();
    let link_id = utf8_percent_encode(link_id, NON_ALPHANUMERIC);
    let back = format!("{}/link/{link_id}?{query}", proxy.path_prefix());
    let (login, parameter) = match shop.accounts {
        Accounts::New => ("/customer_authentication/login", "return_to"),
        Accounts::Classic => ("/account/login", "checkout_url"),
    };
    let query = Serializer::new(String::new()).append_pair(parameter, &back).finish();
    page::redirect(&format!("{login}?{query}"), state.redirect_mode)
}

/// A parameter that may be there once.
fn at_most_one<T>(name: &'static str, mut values: impl Iterator<Item = T>) -> Result<Option<T>, AppError> {
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(AppError::field(name, "is there more than once")),
    }
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    let link_url = "https://link.subtotal.com/zklQOnlG?connection_id=01KAJ0000000000000000000ZZ\
        &redirect_url=https%3A%2F%2Fshop.example.com%2F";
    Operation {
        id: "link",
        summary: "One step into Subtotal Link for one retailer",
        description: "On the storefront a page to navigate to: it redirects, by way of the store's login where nobody is \
            signed in, and its refusals are small pages once the signature is verified. By session token it answers the \
            Link URL as JSON.",
        parameters: vec![
            openapi::path("linkId", "The last path segment of a retailer's `link_url`.", MAX_ID, "zklQOnlG"),
            openapi::query(
                "redirect_url",
                "Where the shopper comes back to, as `redirectUrl` of `/connections`; the store's home page when left out.",
                2048,
                "https://shop.example.com/",
            ),
        ],
        body: None,
        answer: ("Link", json!({ "link_url": link_url })),
        signed_in: true,
        refusals: vec![&[INVALID_REQUEST, REDIRECT_URL_NOT_ALLOWED, RETAILER_NOT_FOUND], REFUSALS_OF_SUBTOTAL],
        redirects: Redirects::OnTheStorefront,
    }
}
