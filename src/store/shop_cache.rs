//! Shops in memory, so that most requests need no query for theirs.
//!
//! A shop is held under its domain *and a generation*, which grows when the shop changes. A load that began before a
//! change ends under the old generation, where nobody looks any more; so what it read can not outlive the change, however
//! long it took. Domains share generations, so that there are few: a change makes a handful of other shops load again.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Shop, StoreError};
use crate::shopify::ShopDomain;

/// Shops held in memory; the least used leave first.
const MAX_SHOPS: u64 = 20_000;
/// Generations that the domains share.
const GENERATIONS: usize = 4096;

type Held = moka::future::Cache<(ShopDomain, u64), Option<Arc<Shop>>>;

/// Shops that were loaded a moment ago, or found to be absent. Clones share them.
#[derive(Debug, Clone)]
pub struct ShopCache {
    /// `None` where every request loads its own.
    held: Option<Held>,
    generations: Arc<[AtomicU64]>,
}

impl ShopCache {
    /// Holds each shop for this long at most; not at all where that is zero.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        let held = moka::future::Cache::builder().max_capacity(MAX_SHOPS).time_to_live(longest);
        let generations = std::iter::repeat_with(AtomicU64::default).take(GENERATIONS).collect();
        Self { held: (!longest.is_zero()).then(|| held.build()), generations }
    }

    /// The shop as it was loaded a moment ago, or as `load` finds it. Many requests share one load.
    ///
    /// # Errors
    /// That of `load`; nothing is held then.
    pub async fn shop<L: Future<Output = Result<Option<Shop>, StoreError>>>(
        &self,
        domain: &ShopDomain,
        load: impl FnOnce() -> L,
    ) -> Result<Option<Arc<Shop>>, Arc<StoreError>> {
        let Some(held) = &self.held else {
            return Box::pin(load()).await.map(|shop| shop.map(Arc::new)).map_err(Arc::new);
        };
        let key = (domain.clone(), self.generation(domain).load(Ordering::SeqCst));
        if let Some(shop) = held.get(&key).await {
            return Ok(shop);
        }
        // Apart, as what a request holds is copied several times on its way, and a load is large.
        let load = Box::pin(load());
        Box::pin(held.try_get_with(key, async { Ok(load.await?.map(Arc::new)) })).await
    }

    /// Forgets a shop, because it changed.
    pub async fn forget(&self, domain: &ShopDomain) {
        let generation = self.generation(domain).fetch_add(1, Ordering::SeqCst);
        if let Some(held) = &self.held {
            held.invalidate(&(domain.clone(), generation)).await;
        }
    }

    /// Forgets all shops, because any of them may have changed.
    pub fn forget_all(&self) {
        self.generations.iter().for_each(|generation| {
            generation.fetch_add(1, Ordering::SeqCst);
        });
        if let Some(held) = &self.held {
            held.invalidate_all();
        }
    }

    /// How many shops are held.
    pub async fn held(&self) -> u64 {
        let Some(held) = &self.held else { return 0 };
        held.run_pending_tasks().await;
        held.entry_count()
    }

    fn generation(&self, domain: &ShopDomain) -> &AtomicU64 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(domain);
        &self.generations[usize::try_from(hash % GENERATIONS as u64).expect("fewer than there are addresses")]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::oneshot;

    use super::*;
    use crate::limits::RateOverrides;
    use crate::store::{Accounts, LinkStyle};
    use crate::visibility::{Decisions, NoEmail};

    const LONG: Duration = Duration::from_secs(600);

    fn domain() -> ShopDomain {
        ShopDomain::parse("one.myshopify.com").unwrap()
    }

    fn shop(version: i64) -> Shop {
        shop_of(domain(), version)
    }

    fn shop_of(domain: ShopDomain, version: i64) -> Shop {
        Shop {
            id: 1,
            domain,
            enforce_visibility: false,
            no_email: NoEmail::Hide,
            link_style: LinkStyle::Connection,
            accounts: Accounts::New,
            storefront_hosts: Vec::new(),
            redirect_hosts: Vec::new(),
            api_key: None,
            admin_token: None,
            has_list_on: false,
            decisions: Decisions::default(),
            rate_limits: RateOverrides::default(),
            version,
        }
    }

    async fn version(shops: &ShopCache, loaded: i64) -> i64 {
        shops.shop(&domain(), || async { Ok(Some(shop(loaded))) }).await.unwrap().unwrap().version
    }

    #[tokio::test]
    async fn a_shop_is_loaded_once_until_it_is_forgotten() {
        let shops = ShopCache::new(LONG);
        assert_eq!((version(&shops, 1).await, version(&shops, 2).await), (1, 1));
        shops.forget(&domain()).await;
        assert_eq!((version(&shops, 3).await, version(&shops, 4).await), (3, 3));
        shops.forget_all();
        assert_eq!(version(&shops, 5).await, 5);
        let never = ShopCache::new(Duration::ZERO);
        assert_eq!((version(&never, 1).await, version(&never, 2).await), (1, 2));
    }

    /// Loads version 1 of the shop, and forgets it while it is being loaded: nothing may answer version 1 afterwards.
    async fn forgotten_meanwhile(forget: impl AsyncFnOnce(&ShopCache)) {
        let shops = ShopCache::new(LONG);
        let (read, has_read) = oneshot::channel();
        let (go_on, told_to) = oneshot::channel::<()>();
        let slow = tokio::spawn({
            let shops = shops.clone();
            let load = || async {
                read.send(()).unwrap();
                told_to.await.unwrap();
                Ok(Some(shop(1)))
            };
            async move { shops.shop(&domain(), load).await.unwrap().unwrap().version }
        });
        has_read.await.unwrap();
        forget(&shops).await;
        // One that comes while the old load still runs does not join it.
        assert_eq!(version(&shops, 2).await, 2);
        go_on.send(()).unwrap();
        assert_eq!(slow.await.unwrap(), 1);
        assert_eq!(version(&shops, 3).await, 2);
    }

    /// What happens to one of many shops.
    #[derive(Debug, Clone)]
    enum Step {
        Ask,
        /// It changes, and is forgotten.
        Change,
        ForgetAll,
    }

    proptest! {
        #[test]
        fn a_shop_is_only_ever_answered_itself_as_it_stands(
            steps in proptest::collection::vec(
                (0..40_usize, prop_oneof![6 => Just(Step::Ask), 3 => Just(Step::Change), 1 => Just(Step::ForgetAll)]),
                1..200,
            )
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let shops = ShopCache::new(LONG);
                let mut versions = [1; 40];
                for (nth, step) in steps {
                    let domain = ShopDomain::parse(&format!("shop-{nth}.myshopify.com")).unwrap();
                    match step {
                        Step::Ask => {
                            let load = || async { Ok(Some(shop_of(domain.clone(), versions[nth]))) };
                            let found = shops.shop(&domain, load).await.unwrap().unwrap();
                            prop_assert_eq!((&found.domain, found.version), (&domain, versions[nth]));
                        }
                        Step::Change => {
                            versions[nth] += 1;
                            shops.forget(&domain).await;
                        }
                        Step::ForgetAll => {
                            versions.iter_mut().for_each(|version| *version += 1);
                            shops.forget_all();
                        }
                    }
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn what_a_load_read_before_a_change_does_not_outlive_it() {
        forgotten_meanwhile(async |shops| shops.forget(&domain()).await).await;
        forgotten_meanwhile(async |shops| shops.forget_all()).await;
    }
}
