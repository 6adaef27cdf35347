//! The six endpoints of shoppers, one file each, and what they share: a configured shop and a signed-in shopper. The
//! same functions stand behind both [`Door`]s.

pub(super) mod configuration;
pub(super) mod connections;
pub(super) mod disconnect_connection;
pub(super) mod link;
pub(super) mod retailers;
pub(super) mod visibility;

use std::sync::Arc;

use actix_web::HttpRequest;

use super::doors::Door;
use super::error::AppError;
use crate::app::AppState;
use crate::limits::{Caller, ShopPlace};
use crate::linking::{AllowedHosts, RedirectUrl, StorefrontHost};
use crate::shopify::CustomerId;
use crate::store::Shop;
use crate::subtotal::Deadline;
use crate::subtotal::retailers::Snapshot;
use crate::subtotal::wire::Retailer;
use crate::visibility::Decision;

/// Longest id that is looked at, in characters.
const MAX_ID: usize = 64;

/// A signed-in customer of a configured shop, and the time there is to answer.
pub(super) struct Shopper {
    shop: Arc<Shop>,
    customer: CustomerId,
    deadline: Deadline,
    _place: ShopPlace,
}

/// The verified shop, if it has a Subtotal API key and takes this call on; with the place of the call, to be held while it
/// is worked on.
async fn configured_shop<D: Door>(state: &AppState, door: &D) -> Result<(Arc<Shop>, ShopPlace), AppError> {
    let place = state.admit(door.shop(), door.customer().map_or(Caller::Visitor, Caller::Customer))?;
    let shop = state.shop(door.shop()).await?;
    let shop = shop.filter(|shop| shop.api_key.is_some()).ok_or(AppError::ShopNotConfigured)?;
    state.sightings.storefront(shop.id);
    Ok((shop, place))
}

/// The verified shopper: first the shop must be configured, then the customer signed in.
async fn shopper<D: Door>(state: &AppState, door: &D) -> Result<Shopper, AppError> {
    let deadline = state.deadline();
    let (shop, place) = configured_shop(state, door).await?;
    let customer = door.customer().ok_or(AppError::CustomerNotSignedIn)?.clone();
    Ok(Shopper { shop, customer, deadline, _place: place })
}

/// The storefront the browser is on; the shop's permanent domain, which leads to its primary one, where it is on none.
fn storefront_host<D: Door>(request: &HttpRequest, door: &D) -> StorefrontHost {
    let forwarded = request.headers().get("X-Forwarded-Host").filter(|_| D::ON_STOREFRONT);
    StorefrontHost::from_forwarded(forwarded.and_then(|value| value.to_str().ok()), door.shop())
}

/// A redirect URL, if the shop allows it.
fn allowed_redirect(text: &str, shop: &Shop, storefront: &StorefrontHost) -> Result<RedirectUrl, AppError> {
    let known = [shop.storefront_hosts.as_slice(), shop.redirect_hosts.as_slice()];
    Ok(RedirectUrl::parse(text, AllowedHosts { shop: &shop.domain, storefront, known: &known })?)
}

/// What this shopper may see where the merchant enforces the rules; everything where not.
async fn enforced(state: &AppState, shopper: &Shopper) -> Result<Decision, AppError> {
    if !shopper.shop.enforce_visibility {
        return Ok(Decision::default());
    }
    Ok(state.decision(&shopper.shop, &shopper.customer, shopper.deadline).await?)
}

/// The retailer that `find` picks. One that is hidden is answered exactly like one that is not there.
async fn find_retailer(
    state: &AppState,
    shopper: &Shopper,
    find: impl Fn(&Snapshot) -> Option<&Retailer>,
) -> Result<Retailer, AppError> {
    let (api, shelf) = state.subtotal(&shopper.shop, shopper.deadline).await?;
    let decision = enforced(state, shopper).await?;
    let find = |snapshot: &Snapshot| {
        let found = find(snapshot).filter(|retailer| !decision.hides_retailer(&retailer.retailer_id));
        found.cloned()
    };
    let snapshot = shelf.retailers(&api).await?;
    if let Some(retailer) = find(&snapshot) {
        return Ok(retailer);
    }
    // A hidden one goes through the refresh too, or it could be told from a missing one while Subtotal is down.
    let newer = shelf.retailers_after(&api, snapshot).await?;
    find(&newer).ok_or(AppError::RetailerNotFound)
}
