//! What is read for `/metrics` besides what is counted as it happens: what stands in the database every 15 s, and what is
//! near (memory, connections, breakers) whenever somebody asks.

mod process;
mod sealed;

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::AppState;
use crate::store::{PoolUse, Store, StoreError};

/// How often the database is read.
const EVERY: Duration = Duration::from_secs(15);

/// Reads the database for ever.
pub(super) async fn keep_reading(store: Store) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = HashSet::new();
    loop {
        every.tick().await;
        let read = read_stored(&store, &mut shown).await;
        metrics::gauge!("database_up").set(if read.is_ok() { 1.0 } else { 0.0 });
        if let Err(error) = read {
            tracing::warn!(%error, "what stands in the database could not be counted");
        }
    }
}

async fn read_stored(store: &Store, shown: &mut HashSet<(&'static str, String)>) -> Result<(), StoreError> {
    for backlog in store.backlogs().await? {
        let queue = backlog.queue;
        for (state, jobs) in [("waiting", backlog.waiting), ("tried", backlog.tried), ("dead", backlog.dead)] {
            metrics::gauge!("queue_jobs", "queue" => queue, "state" => state).set(jobs as f64);
        }
        metrics::gauge!("queue_oldest_job_seconds", "queue" => queue).set(seconds(backlog.oldest_ms));
        metrics::gauge!("queue_overdue_seconds", "queue" => queue).set(seconds(backlog.overdue_ms));
    }
    let tokens = store.token_counts().await?;
    for (state, shops) in [("good", tokens.good), ("ending", tokens.ending), ("dead", tokens.dead)] {
        metrics::gauge!("shopify_tokens", "state" => state).set(shops as f64);
    }
    sealed::count(store, shown).await
}

/// Reads what is near.
pub(super) async fn read_near(state: &AppState) {
    for PoolUse { name, open, idle, max } in state.store.pools() {
        for (state, connections) in [("idle", idle), ("in_use", open - idle)] {
            metrics::gauge!("database_connections", "pool" => name, "state" => state).set(connections);
        }
        metrics::gauge!("database_connections_max", "pool" => name).set(max);
    }
    let (shops, retailers, contacts) =
        (state.shops.held().await, state.retailers.held().await, state.contacts.held().await);
    for (cache, entries) in [("shops", shops), ("retailers", retailers), ("contacts", contacts)] {
        metrics::gauge!("cache_entries", "cache" => cache).set(entries as f64);
    }
    metrics::gauge!("subtotal_breakers_open").set(state.retailers.open_breakers() as f64);
    process::read();
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
