//! Letting a verified call in: within its limits, and with a place of its shop's part. Nothing is loaded before.

use super::error::AppError;
use crate::app::AppState;
use crate::limits::{Caller, ShopPlace};
use crate::shopify::ShopDomain;

impl AppState {
    /// The place of a call, to be held while it is worked on.
    ///
    /// # Errors
    /// 429 when the caller or the shop calls too often, 503 when the shop has too many calls in flight.
    pub(super) fn admit(&self, shop: &ShopDomain, caller: Caller<'_>) -> Result<ShopPlace, AppError> {
        self.limits.admit(shop, caller).map_err(|refused| {
            metrics::counter!("rate_limited_total", "scope" => refused.scope).increment(1);
            AppError::RateLimited(refused)
        })?;
        self.places.enter_shop(shop).ok_or_else(|| {
            metrics::counter!("requests_shed_total", "scope" => "shop").increment(1);
            AppError::Overloaded
        })
    }
}
