//! Storefront requests that were refused, counted in memory by shop and problem code and stored every few seconds. A
//! request that succeeds costs nothing, and one that does not costs a look into a map.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::shopify::ShopDomain;
use crate::store::{NewRefusals, Store};

/// How often what was counted is stored.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// Shops and codes held at once; what comes on top before the next storing is not counted.
const MAX_COUNTS: usize = 50_000;

type Counts = HashMap<(ShopDomain, &'static str), (i64, i64)>;

/// What was refused since it was stored last. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Counts>>);

impl Refusals {
    /// Counts one. `now` is Unix milliseconds.
    pub(super) fn count(&self, shop: &ShopDomain, code: &'static str, now: i64) {
        self.add(NewRefusals { shop: shop.clone(), code, count: 1, last_at: now });
    }

    /// Stores what was counted. What can not be stored is kept for the next time.
    pub(crate) async fn flush(&self, store: &Store) {
        let counted: Vec<_> = self
            .counts()
            .drain()
            .map(|((shop, code), (count, last_at))| NewRefusals { shop, code, count, last_at })
            .collect();
        if counted.is_empty() {
            return;
        }
        if let Err(error) = store.add_refusals(&counted).await {
            tracing::warn!(%error, "refusals could not be stored yet");
            counted.into_iter().for_each(|refusals| self.add(refusals));
        }
    }

    /// Stores every few seconds, until it is dropped.
    pub(crate) async fn keep_storing(self, store: Store) {
        let mut every = tokio::time::interval(STORE_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.flush(&store).await;
        }
    }

    fn add(&self, new: NewRefusals) {
        let mut counts = self.counts();
        let full = counts.len() >= MAX_COUNTS;
        match counts.get_mut(&(new.shop.clone(), new.code)) {
            Some((count, last_at)) => {
                *count += new.count;
                *last_at = new.last_at.max(*last_at);
            }
            None if full => {}
            None => drop(counts.insert((new.shop, new.code), (new.count, new.last_at))),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
