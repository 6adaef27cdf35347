//! Waiting for something to come true, for a bounded time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until `condition` holds, and gives up loudly after `limit`.
pub(crate) async fn until(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < limit, "waited {limit:?} in vain: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
