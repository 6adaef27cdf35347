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
    pub async fn contact(
        &self,
        shop: &ShopDomain,
        token: Option<&SecretString>,
        customer: &CustomerId,
    ) -> Option<Arc<Contact>> {
        let token = token?;
        let ask = async {
            let answer = self.api.contact(shop, token, customer).await;
            let outcome = if answer.is_ok() { "ok" } else { "failed" };
            metrics::counter!("shopify_contact_lookups_total", "outcome" => outcome).increment(1);
            answer
                .inspect_err(|error| tracing::warn!(shop = %shop, %error, "customer contact not available"))
                .ok()
                .map(Arc::new)
        };
        self.held.get_with((shop.clone(), customer.clone()), ask).await
    }
}
