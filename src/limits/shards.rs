//! A map in several parts, each behind a lock of its own that is held for a few instructions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// Values by a hash of what they belong to. Two that share a hash share a value: at 2⁻⁶⁴ that is cheaper than keeping names.
#[derive(Debug)]
pub(super) struct Shards<V>(Box<[Mutex<HashMap<u64, V>>]>);

impl<V> Shards<V> {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// The part that `key` is in.
    pub(super) fn of(&self, key: u64) -> MutexGuard<'_, HashMap<u64, V>> {
        let nth = usize::try_from(key % SHARDS as u64).expect("less than the number of shards");
        self.0[nth].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every part, one after the other.
    pub(super) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<u64, V>>> {
        self.0.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many entries each part may have when there are to be `most` together.
    pub(super) fn share(most: usize) -> usize {
        most / SHARDS
    }
}
