//! Many buckets, by a hash of whose they are. One that is full again is forgotten, so there are never more than there were
//! callers in the last seconds.

use super::rate::Rate;
use super::shards::Shards;

/// Buckets held at once; about 8 MB. Whoever comes on top is not counted, which no limit of a shop notices: a shop has one.
const MOST: usize = 1 << 18;

/// When each is full again, in nanoseconds.
#[derive(Debug)]
pub(super) struct Buckets(Shards<u64>);

impl Buckets {
    pub(super) fn new() -> Self {
        Self(Shards::new())
    }

    /// Counts one call at `now`, in nanoseconds.
    ///
    /// # Errors
    /// How many nanoseconds to wait, when it is one too many; it is not counted then.
    pub(super) fn take(&self, key: u64, rate: Rate, now: u64) -> Result<(), u64> {
        let mut buckets = self.0.of(key);
        if let Some(full_at) = buckets.get_mut(&key) {
            *full_at = rate.take(*full_at, now)?;
            return Ok(());
        }
        let full_at = rate.take(0, now)?;
        if buckets.len() >= Shards::<u64>::share(MOST) {
            buckets.retain(|_, full_at| *full_at > now);
        }
        if buckets.len() < Shards::<u64>::share(MOST) {
            buckets.insert(key, full_at);
        }
        Ok(())
    }

    /// Forgets those that are full at `now`, and gives back what they took.
    pub(super) fn forget_idle(&self, now: u64) {
        for mut buckets in self.0.all() {
            buckets.retain(|_, full_at| *full_at > now);
            let needed = buckets.len() * 2;
            buckets.shrink_to(needed);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.all().map(|buckets| buckets.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;
    use crate::limits::RateLimit;

    fn rate(text: &str) -> Rate {
        match text.parse() {
            Ok(RateLimit::Of(rate)) => rate,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_full_again_is_forgotten_and_nothing_else() {
        let (buckets, rate) = (Buckets::new(), rate("1:2"));
        for key in 0..1000 {
            buckets.take(key, rate, 0).unwrap();
        }
        buckets.take(7, rate, 0).unwrap();
        buckets.forget_idle(1_000_000_000);
        assert_eq!(buckets.len(), 1, "the one that was emptied");
        assert!(buckets.take(7, rate, 0).is_err(), "still counted");
        buckets.forget_idle(2_000_000_000);
        assert_eq!(buckets.len(), 0);
    }

    #[test]
    fn there_are_never_more_than_a_fixed_number() {
        let (buckets, rate, keys) = (Buckets::new(), rate("1:2"), RandomState::new());
        for nth in 0..2 * MOST {
            buckets.take(keys.hash_one(nth), rate, 0).unwrap();
        }
        assert!(buckets.len() <= MOST);
        // Once the others are full again, a newcomer is counted.
        let (late, key) = (3_000_000_000, keys.hash_one("late"));
        let taken = (0..5).filter(|_| buckets.take(key, rate, late).is_ok()).count();
        assert_eq!(taken, 2);
    }
}
