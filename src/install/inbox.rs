//! The worker that does what Shopify's webhooks ask for: it leases deliveries one by one, beside those of other
//! processes, and tries those that fail again, ever later.

use std::time::Duration;

use tokio::time::timeout;

use super::webhooks::Webhooks;
use crate::store::{Delivery, StoreError};
use crate::worker::{self, Gaps, Queue, TRY};

/// The gap after the first failure is ten seconds; the gaps of what may be given up last more than a day together.
const GAPS: Gaps = Gaps { first: Duration::from_secs(10), factor: 3, tries: 10 };
/// The longest gap of what is tried until it is done.
const LONGEST_GAP: Duration = Duration::from_hours(6);

/// The deliveries, as a [`Queue`].
#[derive(Debug)]
pub struct Inbox(pub Webhooks);

impl Queue for Inbox {
    const NAME: &'static str = "shopify_webhooks";
    type Job = Delivery;
    type Error = StoreError;

    async fn lease(&self, lease_ms: i64) -> Result<Option<Delivery>, StoreError> {
        self.0.store().lease_delivery(lease_ms).await
    }

    async fn work(&self, delivery: Delivery) {
        work(&self.0, delivery).await;
    }

    async fn prune(&self) {
        self.0.prune().await;
    }
}

async fn work(webhooks: &Webhooks, delivery: Delivery) {
    tracing::Span::current().record("shop", &delivery.shop_domain);
    let notice = match serde_json::from_str(&delivery.work) {
        Ok(notice) => notice,
        Err(_) => return fail(webhooks, &delivery, "the stored work is unreadable", None).await,
    };
    let problem = match timeout(TRY, webhooks.work(&delivery, &notice)).await {
        Ok(Ok(())) => {
            metrics::counter!("webhook_work_total", "outcome" => "done").increment(1);
            tracing::info!(shop = delivery.shop_domain, what = ?notice, attempt = delivery.attempt, "webhook done");
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    let next = next_try(delivery.attempt, Webhooks::is_persistent(&notice));
    fail(webhooks, &delivery, &problem, next).await;
}

async fn fail(webhooks: &Webhooks, delivery: &Delivery, problem: &str, next: Option<Duration>) {
    let outcome = if next.is_some() { "failed" } else { "dead" };
    metrics::counter!("webhook_work_total", "outcome" => outcome).increment(1);
    tracing::warn!(shop = delivery.shop_domain, attempt = delivery.attempt, problem, outcome, "webhook not done");
    if let Err(error) = webhooks.store().fail_delivery(delivery, problem, next).await {
        tracing::error!(%error, "a failed try could not be written down; it is repeated when its lease ends");
    }
}

/// How long after the failed try `attempt` the next one is, or `None` when there is none.
fn next_try(attempt: i32, persistent: bool) -> Option<Duration> {
    let gap = GAPS.after(attempt);
    if persistent { Some(gap.unwrap_or(Duration::MAX).min(LONGEST_GAP.mul_f64(worker::jitter()))) } else { gap }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_from_ten_seconds_to_more_than_a_day_and_then_end() {
        let gaps: Vec<Duration> = (1..).map_while(|attempt| next_try(attempt, false)).collect();
        assert!((Duration::from_secs(8)..=Duration::from_secs(12)).contains(&gaps[0]), "{gaps:?}");
        assert!(gaps.windows(2).all(|pair| pair[1] > pair[0]), "{gaps:?}");
        let whole: Duration = gaps.iter().sum();
        assert!((Duration::from_hours(20)..Duration::from_hours(40)).contains(&whole), "{whole:?}");
        assert_eq!(gaps.len(), 9);
    }

    #[test]
    fn what_must_be_done_is_tried_for_ever() {
        for attempt in [10, 100, i32::MAX] {
            let gap = next_try(attempt, true).unwrap();
            assert!(gap > Duration::from_hours(4) && gap < Duration::from_hours(8), "{gap:?}");
        }
    }
}
