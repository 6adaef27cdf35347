//! What this process takes on: how often a shop, a customer or a member of staff may call ([`RateLimit`]), how many
//! requests may be in flight at once ([`Places`]), and fewer while the processor has more to do than it can ([`Pace`]).
//!
//! All of it is counted in memory and for this process alone, so that saying no never costs a query. Who calls is what a
//! verified request proves; an address says nothing here, as most calls come from Shopify's.

mod buckets;
mod pace;
mod places;
mod rate;
mod shards;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

pub use pace::{Pace, Turn};
pub use places::{Place, Places, ShopPlace};
pub use rate::{InvalidRateLimit, Rate, RateLimit};

use crate::clock::Clock;
use crate::shopify::{CustomerId, ShopDomain};
use buckets::Buckets;

/// The limits of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// All of a shop's calls together.
    pub shop: RateLimit,
    /// The calls of one customer, or of one member of staff, in one shop.
    pub customer: RateLimit,
}

/// What one shop has instead of the installation's limits; `None` where it has no limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateOverrides {
    /// See [`RateLimits::shop`].
    pub shop: Option<RateLimit>,
    /// See [`RateLimits::customer`].
    pub customer: Option<RateLimit>,
}

/// Who calls, as the request proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller<'a> {
    /// A shopper who is signed in.
    Customer(&'a CustomerId),
    /// A shopper who is not: counted for the shop alone.
    Visitor,
    /// A member of the shop's staff, by Shopify user id. Not counted for the shop, or a crowd on the storefront would lock
    /// the merchant out of the pages that show it.
    Staff(&'a str),
}

/// A call too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls of this {scope}")]
pub struct RateLimited {
    /// Whose: `shop`, `customer` or `staff`.
    pub scope: &'static str,
    /// After how many seconds a call is let in, if nobody else calls; 1 at least.
    pub retry_after_seconds: u64,
}

/// How often everybody called. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    defaults: RateLimits,
    clock: Clock,
    /// Seeded for this process, so that nobody can choose ids that share a bucket.
    keys: RandomState,
    shops: Buckets,
    people: Buckets,
    /// The limits of shops that have their own, as they were loaded last.
    overrides: RwLock<HashMap<ShopDomain, RateOverrides>>,
}

impl Limits {
    /// Nobody called yet.
    #[must_use]
    pub fn new(defaults: RateLimits, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            defaults,
            clock,
            keys: RandomState::new(),
            shops: Buckets::new(),
            people: Buckets::new(),
            overrides: RwLock::default(),
        }))
    }

    /// Counts a call. The caller's own limit comes first: who is over it takes nothing from the shop's.
    ///
    /// # Errors
    /// [`RateLimited`]; the call is not counted for whom it was one too many.
    pub fn admit(&self, shop: &ShopDomain, caller: Caller<'_>) -> Result<(), RateLimited> {
        let Inner { defaults, clock, keys, shops, people, .. } = &*self.0;
        let own = self.known(shop);
        let now = clock.age_ms().saturating_mul(1_000_000);
        let refused =
            |scope| move |wait: u64| RateLimited { scope, retry_after_seconds: wait.div_ceil(1_000_000_000).max(1) };
        if let RateLimit::Of(rate) = own.customer.unwrap_or(defaults.customer) {
            let scope = match caller {
                Caller::Customer(_) => Some("customer"),
                Caller::Staff(_) => Some("staff"),
                Caller::Visitor => None,
            };
            if let Some(scope) = scope {
                people.take(keys.hash_one((shop, caller)), rate, now).map_err(refused(scope))?;
            }
        }
        match own.shop.unwrap_or(defaults.shop) {
            RateLimit::Of(rate) if !matches!(caller, Caller::Staff(_)) => {
                shops.take(keys.hash_one(shop), rate, now).map_err(refused("shop"))
            }
            _ => Ok(()),
        }
    }

    /// Notes the limits a shop was loaded with; they count from its next call on. A call is judged before the shop is
    /// loaded, so that one too many asks the database nothing.
    pub fn learn(&self, shop: &ShopDomain, own: RateOverrides) {
        if self.known(shop) == own {
            return;
        }
        let mut overrides = self.0.overrides.write().unwrap_or_else(PoisonError::into_inner);
        if own == RateOverrides::default() {
            overrides.remove(shop);
        } else {
            overrides.insert(shop.clone(), own);
        }
    }

    /// Forgets everybody who may call as if they had never called.
    pub fn forget_idle(&self) {
        let now = self.0.clock.age_ms().saturating_mul(1_000_000);
        self.0.shops.forget_idle(now);
        self.0.people.forget_idle(now);
    }

    fn known(&self, shop: &ShopDomain) -> RateOverrides {
        let overrides = self.0.overrides.read().unwrap_or_else(PoisonError::into_inner);
        overrides.get(shop).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(shop: &str, customer: &str) -> (Limits, Clock) {
        let clock = Clock::manual(0);
        let rates = RateLimits { shop: shop.parse().unwrap(), customer: customer.parse().unwrap() };
        (Limits::new(rates, clock.clone()), clock)
    }

    fn shop(name: &str) -> ShopDomain {
        ShopDomain::parse(&format!("{name}.myshopify.com")).unwrap()
    }

    fn customer(id: &str) -> CustomerId {
        CustomerId::parse(id).unwrap()
    }

    fn let_in(limits: &Limits, shop: &ShopDomain, caller: Caller<'_>, calls: usize) -> usize {
        (0..calls).filter(|_| limits.admit(shop, caller).is_ok()).count()
    }

    #[test]
    fn customers_and_shops_are_counted_apart() {
        let (limits, clock) = limits("10:30", "5:20");
        let (alice, bob) = (customer("1"), customer("2"));
        assert_eq!(let_in(&limits, &shop("a"), Caller::Customer(&alice), 100), 20);
        let refused = limits.admit(&shop("a"), Caller::Customer(&alice)).unwrap_err();
        assert_eq!(refused, RateLimited { scope: "customer", retry_after_seconds: 1 });
        // What was refused took nothing of the shop's 30.
        assert_eq!(let_in(&limits, &shop("a"), Caller::Customer(&bob), 100), 10);
        assert_eq!(limits.admit(&shop("a"), Caller::Customer(&customer("3"))).unwrap_err().scope, "shop");
        assert_eq!(let_in(&limits, &shop("b"), Caller::Customer(&alice), 100), 20, "the same id elsewhere");
        clock.advance(Duration::from_secs(1));
        assert_eq!(let_in(&limits, &shop("a"), Caller::Customer(&alice), 100), 5);
    }

    #[test]
    fn visitors_count_for_the_shop_alone_and_staff_not_at_all_for_it() {
        let (limits, _) = limits("1:30", "1:5");
        assert_eq!(let_in(&limits, &shop("a"), Caller::Visitor, 100), 30);
        assert_eq!(let_in(&limits, &shop("a"), Caller::Staff("7"), 100), 5);
        assert_eq!(limits.admit(&shop("a"), Caller::Staff("7")).unwrap_err().scope, "staff");
        assert_eq!(let_in(&limits, &shop("b"), Caller::Staff("7"), 100), 5);
        assert_eq!(let_in(&limits, &shop("b"), Caller::Visitor, 100), 30);
    }

    #[test]
    fn a_shops_own_limits_count_from_its_next_call_on() {
        let (limits, clock) = limits("10:30", "10:30");
        let own = RateOverrides { shop: Some(RateLimit::Off), customer: Some("1:3".parse().unwrap()) };
        limits.learn(&shop("a"), own);
        let alice = customer("1");
        assert_eq!(let_in(&limits, &shop("a"), Caller::Visitor, 1000), 1000);
        assert_eq!(let_in(&limits, &shop("a"), Caller::Customer(&alice), 100), 3);
        assert_eq!(let_in(&limits, &shop("b"), Caller::Visitor, 1000), 30, "another shop has the installation's");
        limits.learn(&shop("a"), RateOverrides::default());
        clock.advance(Duration::from_secs(60));
        assert_eq!(let_in(&limits, &shop("a"), Caller::Visitor, 1000), 30);
    }

    #[test]
    fn off_is_no_limit() {
        let (limits, _) = limits("off", "off");
        assert_eq!(let_in(&limits, &shop("a"), Caller::Customer(&customer("1")), 10_000), 10_000);
    }
}
