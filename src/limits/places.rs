//! How many requests are in flight. Whoever finds no place is turned away at once: a queue would only make everybody in it
//! late, and grow.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::Gauge;

use super::shards::Shards;
use crate::shopify::ShopDomain;

/// A shop may always hold one part in so many.
const LEAST_PART: usize = 8;

/// The places of a process. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    most: usize,
    taken: AtomicUsize,
    keys: RandomState,
    of_shops: Shards<usize>,
    /// `requests_in_flight`
    gauge: Gauge,
}

/// One of the process's places, as long as it lives.
pub struct Place(Arc<Inner>);

/// One of a shop's part, as long as it lives.
pub struct ShopPlace {
    places: Arc<Inner>,
    key: u64,
}

impl Places {
    /// `most` places, all free.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            taken: AtomicUsize::new(0),
            keys: RandomState::new(),
            of_shops: Shards::new(),
            gauge: metrics::gauge!("requests_in_flight"),
        }))
    }

    /// A place for a request of which nothing is known yet; `None` when all are taken.
    #[must_use]
    pub fn enter(&self) -> Option<Place> {
        let more = |taken| (taken < self.0.most).then_some(taken + 1);
        self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).ok()?;
        self.0.gauge.increment(1.0);
        Some(Place(self.0.clone()))
    }

    /// Counts a request that has a place already for its shop; `None` when the shop has its part.
    ///
    /// A shop may hold as many as are free, and an eighth of all at least: alone it gets half, three that hang leave an
    /// eighth to the others, and where many shops share the work none meets its part before the process is full.
    #[must_use]
    pub fn enter_shop(&self, shop: &ShopDomain) -> Option<ShopPlace> {
        let places = &self.0;
        let free = places.most.saturating_sub(places.taken.load(Ordering::Relaxed));
        let part = free.max(places.most / LEAST_PART).max(1);
        let key = places.keys.hash_one(shop);
        let mut of_shops = places.of_shops.of(key);
        let held = of_shops.entry(key).or_default();
        if *held >= part {
            return None;
        }
        *held += 1;
        Some(ShopPlace { places: places.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge.decrement(1.0);
    }
}

impl Drop for ShopPlace {
    fn drop(&mut self) {
        let mut of_shops = self.places.of_shops.of(self.key);
        if let Some(held) = of_shops.get_mut(&self.key) {
            *held -= 1;
            if *held == 0 {
                of_shops.remove(&self.key);
            }
        }
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let taken = self.0.taken.load(Ordering::Relaxed);
        formatter.debug_struct("Places").field("most", &self.0.most).field("taken", &taken).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Place")
    }
}

impl std::fmt::Debug for ShopPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ShopPlace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(nth: usize) -> ShopDomain {
        ShopDomain::parse(&format!("shop-{nth}.myshopify.com")).unwrap()
    }

    /// A shop's requests that never end, until it gets no more places.
    fn hang(places: &Places, nth: usize) -> Vec<(Place, ShopPlace)> {
        let enter = || Some((places.enter()?, places.enter_shop(&shop(nth))?));
        std::iter::from_fn(enter).collect()
    }

    #[test]
    fn there_are_so_many_places_and_each_comes_back() {
        let places = Places::new(3);
        for _ in 0..3 {
            let held: Vec<_> = std::iter::from_fn(|| places.enter()).collect();
            assert_eq!(held.len(), 3);
            assert!(places.enter().is_none());
        }
    }

    #[test]
    fn shops_that_hang_leave_room_for_another() {
        let places = Places::new(240);
        let mut held = vec![hang(&places, 0)];
        assert_eq!(held[0].len(), 120, "alone it gets half");
        held.push(hang(&places, 1));
        held.push(hang(&places, 2));
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [120, 60, 30]);
        let place = places.enter().unwrap();
        assert!(places.enter_shop(&shop(3)).is_some(), "a fourth shop gets in");
        drop(place);
        drop(held);
        assert_eq!(hang(&places, 0).len(), 120, "everything came back");
    }

    #[test]
    fn shops_that_share_evenly_meet_the_process_before_their_part() {
        let places = Places::new(160);
        let mut held = Vec::new();
        for nth in 0..160 {
            held.push((places.enter().unwrap(), places.enter_shop(&shop(nth % 16)).expect("no shop is refused")));
        }
        assert!(places.enter().is_none());
    }

    #[test]
    fn one_place_is_enough_for_one_request() {
        let places = Places::new(1);
        assert_eq!(hang(&places, 0).len(), 1);
    }

    #[test]
    fn a_shop_that_is_gone_is_forgotten() {
        let places = Places::new(100);
        drop(hang(&places, 0));
        assert_eq!(places.0.of_shops.all().map(|shops| shops.len()).sum::<usize>(), 0);
    }
}
