//! Customers' contact details, held in memory for minutes: one look-up for many requests at once, bounded in size,
//! never written anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// `token` is asked for only when the customer is not held.
    pub async fn contact<E: std::fmt::Display, T: Future<Output = Result<Option<SecretString>, E>>>(
        &self,
        shop: &ShopDomain,
        customer: &CustomerId,
        token: impl FnOnce() -> T,
    ) -> Option<Arc<Contact>> {
        let key = (shop.clone(), customer.clone());
        if let Some(contact) = self.held.get(&key).await {
            looked_up("hit");
            return contact;
        }
        let is_asked = AtomicBool::new(false);
        let ask = Box::pin(async {
            is_asked.store(true, Ordering::Relaxed);
            let answer = match token().await {
                // Not held: the shop may get a token any moment.
                Ok(None) => return None,
                Ok(Some(token)) => self.api.contact(shop, &token, customer).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let known = answer.inspect_err(|error| tracing::warn!(%shop, error, "customer contact not available")).ok();
            Some(known.map(Arc::new))
        });
        let contact = Box::pin(self.held.optionally_get_with(key, ask)).await.flatten();
        looked_up(if is_asked.load(Ordering::Relaxed) { "miss" } else { "hit" });
        contact
    }

    /// Customers that are held.
    pub async fn held(&self) -> u64 {
        self.held.run_pending_tasks().await;
        self.held.entry_count()
    }

    /// Forgets what is held of a customer.
    pub async fn forget(&self, shop: &ShopDomain, customer: &CustomerId) {
        self.held.invalidate(&(shop.clone(), customer.clone())).await;
    }

    /// Forgets what is held of everybody.
    pub fn forget_all(&self) {
        self.held.invalidate_all();
    }
}

fn looked_up(result: &'static str) {
    metrics::counter!("cache_requests_total", "cache" => "contacts", "result" => result).increment(1);
}
