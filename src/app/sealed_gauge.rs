//! The gauge that says which encryption keys are still needed: `sealed_values`, by table and key.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::store::{SealedCount, Store, StoreError};

/// How often it is counted.
const EVERY: Duration = Duration::from_secs(15);

/// Counts for ever.
pub(super) async fn keep_counting(store: Store) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = HashSet::new();
    loop {
        every.tick().await;
        if let Err(error) = count(&store, &mut shown).await {
            tracing::warn!(%error, "sealed values could not be counted");
        }
    }
}

/// A key that is configured, or was seen once, is shown with 0 where nothing stands under it: an alert on a series that is
/// gone would never end.
async fn count(store: &Store, shown: &mut HashSet<(&'static str, String)>) -> Result<(), StoreError> {
    let counts = store.sealed_counts().await?;
    for table in Store::sealed_tables() {
        shown.extend(store.key_ids().into_iter().map(|key| (table, key)));
    }
    shown.extend(counts.iter().map(|count| (count.table, count.key.clone())));
    for (table, key) in &*shown {
        let found = counts.iter().find(|count| count.table == *table && count.key == *key);
        let rows = found.map_or(0, |SealedCount { rows, .. }| *rows);
        metrics::gauge!("sealed_values", "table" => *table, "key" => key.clone()).set(rows as f64);
    }
    Ok(())
}
