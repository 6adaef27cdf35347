//! `GET /apps/subtotal/link/{linkId}`: one step from a plain link into Subtotal Link. A page a person navigates to, so
//! its errors are pages too.

use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded::Serializer;

use super::connections::open_link;
use super::{MAX_ID, Shopper, allowed_redirect, configured_shop, find_retailer, storefront_host};
use crate::app::AppState;
use crate::http::error::{AppError, PageError};
use crate::http::page;
use crate::linking::RedirectUrl;
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
    let shop = configured_shop(&state, proxy.shop()).await?;
    let storefront = storefront_host(&request, proxy.shop());
    let asked = single_param(&proxy, "redirect_url")?;
    let redirect = asked.map(|text| allowed_redirect(text, &shop, &storefront)).transpose()?;
    let Some(customer) = proxy.customer().cloned() else {
        return Ok(to_login(&state, &proxy, &shop, &link_id, redirect.as_ref())?);
    };
    if link_id.chars().count() > MAX_ID {
        return Err(AppError::RetailerNotFound.into());
    }
    let shopper = Shopper { shop, customer, deadline };
    let retailer = find_retailer(&state, &shopper, |known| known.by_link_id(&link_id)).await?;
    let redirect = redirect.unwrap_or_else(|| storefront.home());
    let link_url = open_link(&state, &shopper, &retailer, None, &redirect).await?;
    Ok(page::redirect(&link_url, state.redirect_mode)?)
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
fn single_param<'a>(proxy: &'a VerifiedProxy, name: &'static str) -> Result<Option<&'a str>, AppError> {
    let mut values = proxy.param(name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(AppError::field(name, "is there more than once")),
    }
}
