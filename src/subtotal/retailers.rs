//! The retailer lists, kept per shop: fresh for a minute, then served while one refresh runs, and served stale for a
//! day while Subtotal is down. Never after Subtotal rejected the key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout_at;
use tracing::Instrument;

use super::client::ShopApi;
use super::gate::Gate;
use super::wire::Retailer;
use super::{Deadline, SubtotalError};
use crate::clock::Clock;

/// Shops whose lists are kept; the least recently used leave first.
const MAX_SHOPS: u64 = 10_000;
/// How long a list may be served while Subtotal is down.
const STALE: Duration = Duration::from_hours(24);
/// How often one shop's unknown ids may force a refresh.
const FORCED_EVERY: Duration = Duration::from_secs(5);
/// How long a refresh behind an answer that failed keeps the next one away, so that a list that can not be had does not
/// cost a call a request, and its failures do not open the breaker for calls that succeed.
const FAILED_PAUSE: Duration = Duration::from_secs(5);
/// How long a refresh that nobody waits for may take.
const BACKGROUND_DEADLINE: Duration = Duration::from_secs(4);

/// Every shop's way to Subtotal: its gate and its shelf.
#[derive(Debug, Clone)]
pub struct Retailers {
    shops: moka::future::Cache<(i64, i64), Arc<Shelf>>,
    fresh: Duration,
    clock: Clock,
}

/// One shop's retailers under one API key, and the gate to Subtotal.
#[derive(Debug)]
pub struct Shelf {
    gate: Arc<Gate>,
    list: Mutex<Option<Listed>>,
    /// Held by the one refresh that may run.
    refresh: AsyncMutex<RefreshLog>,
    /// Fetches that have ended, however they ended.
    fetches: AtomicU64,
    fresh: Duration,
    clock: Clock,
}

/// A list, which fetch brought it, and when.
#[derive(Debug, Clone)]
struct Listed {
    retailers: Arc<Vec<Retailer>>,
    edition: u64,
    fetched_at: u64,
}

#[derive(Debug, Default)]
struct RefreshLog {
    forced_at: Option<u64>,
    /// How the last fetch failed, for those who waited for it.
    failed: Option<SubtotalError>,
    /// When a refresh behind an answer failed.
    failed_behind_at: Option<u64>,
}

/// A shop's retailers, as one request sees them.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// In Subtotal's order.
    pub retailers: Arc<Vec<Retailer>>,
    edition: u64,
    /// Whether this request itself waited for the fetch.
    just_fetched: bool,
}

impl Retailers {
    /// Lists that are fresh for `fresh`.
    #[must_use]
    pub fn new(fresh: Duration, clock: Clock) -> Self {
        let shops = moka::future::Cache::builder().max_capacity(MAX_SHOPS).time_to_idle(STALE).build();
        Self { shops, fresh, clock }
    }

    /// The shelf of a shop under the API key it stored as `key_version`. A new key starts with an empty shelf.
    pub async fn shelf(&self, shop_id: i64, key_version: i64) -> Arc<Shelf> {
        let empty = async {
            Arc::new(Shelf {
                gate: Arc::new(Gate::new(self.clock.clone())),
                list: Mutex::default(),
                refresh: AsyncMutex::default(),
                fetches: AtomicU64::new(0),
                fresh: self.fresh,
                clock: self.clock.clone(),
            })
        };
        self.shops.get_with((shop_id, key_version), empty).await
    }

    /// Shops whose shelf is in memory.
    pub async fn held(&self) -> u64 {
        self.shops.run_pending_tasks().await;
        self.shops.entry_count()
    }

    /// Shops whose breaker refuses calls now.
    #[must_use]
    pub fn open_breakers(&self) -> usize {
        self.shops.iter().filter(|(_, shelf)| shelf.gate.is_open()).count()
    }
}

impl Shelf {
    /// The shop's gate.
    #[must_use]
    pub fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// The shop's retailers, from the shelf where that may be.
    ///
    /// # Errors
    /// [`SubtotalError`] when there is no list that may be served and none could be fetched.
    pub async fn retailers(self: &Arc<Self>, api: &ShopApi) -> Result<Snapshot, SubtotalError> {
        let now = self.clock.age_ms();
        let Some(listed) = self.listed().filter(|listed| within(listed.fetched_at, now, STALE)) else {
            return Box::pin(self.fetch_cold(api)).await;
        };
        if !within(listed.fetched_at, now, self.fresh) {
            self.refresh_behind(api, listed.edition);
            served("stale");
            tracing::info!(stale = true, age_ms = now.saturating_sub(listed.fetched_at), "retailers served stale");
        } else {
            served("hit");
        }
        Ok(listed.snapshot(false))
    }

    /// A newer list than `seen`, because something was not in it. At most one refresh every few seconds is spent on
    /// this; `seen` comes back when it is not spent or brings nothing.
    ///
    /// # Errors
    /// [`SubtotalError`] when the refresh failed.
    pub async fn retailers_after(self: &Arc<Self>, api: &ShopApi, seen: Snapshot) -> Result<Snapshot, SubtotalError> {
        if seen.just_fetched {
            return Ok(seen);
        }
        let locked = timeout_at(api.deadline().instant(), self.refresh.lock()).await;
        let mut log = locked.map_err(|_| SubtotalError::TimedOut)?;
        if let Some(newer) = self.listed().filter(|listed| listed.edition > seen.edition) {
            return Ok(newer.snapshot(true));
        }
        let now = self.clock.age_ms();
        if log.forced_at.is_some_and(|at| within(at, now, FORCED_EVERY)) {
            return Ok(seen);
        }
        log.forced_at = Some(now);
        self.fetch(api).await
    }

    /// Forgets the list, because Subtotal rejected the key.
    pub fn clear(&self) {
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// One fetch for everybody who waits, and its failure for them too.
    async fn fetch_cold(&self, api: &ShopApi) -> Result<Snapshot, SubtotalError> {
        let fetches_before = self.fetches.load(Ordering::SeqCst);
        let locked = timeout_at(api.deadline().instant(), self.refresh.lock()).await;
        let mut log = locked.map_err(|_| SubtotalError::TimedOut)?;
        if self.fetches.load(Ordering::SeqCst) > fetches_before {
            if let Some(listed) = self.listed() {
                return Ok(listed.snapshot(true));
            }
            if let Some(error) = log.failed {
                return Err(error);
            }
        }
        served("miss");
        let fetched = self.fetch(api).await;
        log.failed = fetched.as_ref().err().copied();
        fetched
    }

    /// Starts a refresh nobody waits for, unless one runs already.
    fn refresh_behind(self: &Arc<Self>, api: &ShopApi, seen: u64) {
        let shelf = self.clone();
        let api = api.until(Deadline::after(BACKGROUND_DEADLINE));
        let refresh = async move {
            let Ok(mut log) = shelf.refresh.try_lock() else { return };
            let failed_just_now = log.failed_behind_at.is_some_and(|at| within(at, shelf.clock.age_ms(), FAILED_PAUSE));
            if !failed_just_now
                && shelf.listed().is_some_and(|listed| listed.edition == seen)
                && let Err(error) = shelf.fetch(&api).await
            {
                log.failed_behind_at = Some(shelf.clock.age_ms());
                tracing::warn!(%error, "retailers could not be refreshed");
            }
        };
        tokio::spawn(refresh.in_current_span());
    }

    async fn fetch(&self, api: &ShopApi) -> Result<Snapshot, SubtotalError> {
        let answer = api.retailers().await;
        let edition = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        match answer {
            Ok(retailers) => {
                let listed = Listed { retailers: Arc::new(retailers), edition, fetched_at: self.clock.age_ms() };
                *self.list.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed.clone());
                Ok(listed.snapshot(true))
            }
            Err(error) => {
                if error == SubtotalError::KeyRejected {
                    self.clear();
                }
                Err(error)
            }
        }
    }

    fn listed(&self) -> Option<Listed> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listed {
    fn snapshot(self, just_fetched: bool) -> Snapshot {
        Snapshot { retailers: self.retailers, edition: self.edition, just_fetched }
    }
}

impl Snapshot {
    /// The retailer with this id.
    #[must_use]
    pub fn by_id(&self, retailer_id: &str) -> Option<&Retailer> {
        self.retailers.iter().find(|retailer| retailer.retailer_id == retailer_id)
    }

    /// The retailer whose `link_url` ends in this link id.
    #[must_use]
    pub fn by_link_id(&self, link_id: &str) -> Option<&Retailer> {
        self.retailers.iter().find(|retailer| retailer.link_id().as_deref() == Some(link_id))
    }
}

fn served(result: &'static str) {
    metrics::counter!("cache_requests_total", "cache" => "retailers", "result" => result).increment(1);
}

fn within(then: u64, now: u64, span: Duration) -> bool {
    u128::from(now.saturating_sub(then)) < span.as_millis()
}
