//! Customers' contact details, held in memory for minutes: one look-up for many requests at once, bounded in size,
//! never written anywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use secrecy::SecretString;

use super::admin_api::{AdminApi, Contact};
use super::{CustomerId, ShopDomain};

/// Customers held at most; the least used leave first.
const MAX_CUSTOMERS: u64 = 20_000;
/// How long what Shopify said is held.
const KNOWN_FOR: Duration = Duration::from_mins(5);
/// How long a failure is held, so that a Shopify in trouble is not asked by every request.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);

/// Looks customers up and remembers them for a while.
#[derive(Debug, Clone)]
pub struct Contacts {
    api: AdminApi,
    held: moka::future::Cache<(ShopDomain, CustomerId), Option<Arc<Contact>>>,
}

struct HoldFor;

impl Expiry<(ShopDomain, CustomerId), Option<Arc<Contact>>> for HoldFor {
    fn expire_after_create(
        &self,
        _customer: &(ShopDomain, CustomerId),
        contact: &Option<Arc<Contact>>,
        _at: Instant,
    ) -> Option<Duration> {
        Some(if contact.is_some() { KNOWN_FOR } else { UNKNOWN_FOR })
    }
}

impl Contacts {
    /// Nothing held yet.
    #[must_use]
    pub fn new(api: AdminApi) -> Self {
        let held = moka::future::Cache::builder().max_capacity(MAX_CUSTOMERS).expire_after(HoldFor).build();
        Self { api, held }
    }

    /// What Shopify says of the customer, or `None` when it does not say: there is no token, or it can not be asked.
    /// `token` is awaited only when the customer is not held.
    pub async fn contact<E: std::fmt::Display>(
        &self,
        shop: &ShopDomain,
        customer: &CustomerId,
        token: impl Future<Output = Result<Option<SecretString>, E>>,
    ) -> Option<Arc<Contact>> {
        let ask = async {
            let answer = match token.await {
                // Not held: the shop may get a token any moment.
                Ok(None) => return None,
                Ok(Some(token)) => self.api.contact(shop, &token, customer).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let outcome = if answer.is_ok() { "ok" } else { "failed" };
            metrics::counter!("shopify_contact_lookups_total", "outcome" => outcome).increment(1);
            let known = answer.inspect_err(|error| tracing::warn!(%shop, error, "customer contact not available")).ok();
            Some(known.map(Arc::new))
        };
        self.held.optionally_get_with((shop.clone(), customer.clone()), ask).await.flatten()
    }

    /// Forgets what is held of a customer.
    pub async fn forget(&self, shop: &ShopDomain, customer: &CustomerId) {
        self.held.invalidate(&(shop.clone(), customer.clone())).await;
    }
}
