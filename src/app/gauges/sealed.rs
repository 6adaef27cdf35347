//! Which encryption keys are still needed: `sealed_values`, by table and key.

use std::collections::HashSet;

use crate::store::{SealedCount, Store, StoreError};

/// A key that is configured, or was seen once, is shown with 0 where nothing stands under it: an alert on a series that is
/// gone would never end.
pub(super) async fn count(store: &Store, shown: &mut HashSet<(&'static str, String)>) -> Result<(), StoreError> {
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
