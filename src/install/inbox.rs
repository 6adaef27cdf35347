//! The worker that does what Shopify's webhooks ask for: it leases deliveries one by one, beside those of other
//! processes, and tries those that fail again, ever later.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::webhooks::Webhooks;
use crate::store::Delivery;

/// Deliveries one process works on at once.
const AT_ONCE: usize = 16;
/// How long a lease lasts, in milliseconds. What a killed process held is taken over after that.
const LEASE_MS: i64 = 60_000;
/// How long one try may take; shorter than a lease.
const TRY: Duration = Duration::from_secs(45);
/// How often due work is looked for when nothing arrives here: other processes' leftovers, and tries that are due.
const POLL: Duration = Duration::from_secs(2);
/// How many polls lie between two prunings: about an hour.
const PRUNE_EVERY: u32 = 1800;
/// How long tries that run may take to end once the process stops. Others take over what does not.
const STOP: Duration = Duration::from_secs(8);
/// The gap after the first failure; each one is three times the one before.
const FIRST_GAP: Duration = Duration::from_secs(10);
/// Tries of what may be given up: the gaps between them last more than a day.
const TRIES: i32 = 10;
/// The longest gap of what is tried until it is done.
const LONGEST_GAP: Duration = Duration::from_hours(6);

/// Works until `stopped` says so, or its sender is gone. `wake` says that something arrived.
pub async fn run(webhooks: Arc<Webhooks>, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    let mut polls = 0;
    while !*stopped.borrow() {
        while running.len() < AT_ONCE {
            match webhooks.store().lease_delivery(LEASE_MS).await {
                Ok(Some(delivery)) => drop(running.spawn(work(webhooks.clone(), delivery))),
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "the webhook inbox could not be read");
                    break;
                }
            }
        }
        tokio::select! {
            changed = stopped.changed() => if changed.is_err() { break },
            Some(_) = running.join_next() => {}
            () = wake.notified() => {}
            () = sleep(POLL) => {
                if polls % PRUNE_EVERY == 0 {
                    webhooks.prune().await;
                }
                polls += 1;
            }
        }
    }
    let _ = timeout(STOP, async { while running.join_next().await.is_some() {} }).await;
}

async fn work(webhooks: Arc<Webhooks>, delivery: Delivery) {
    let notice = match serde_json::from_str(&delivery.work) {
        Ok(notice) => notice,
        Err(_) => return fail(&webhooks, &delivery, "the stored work is unreadable", None).await,
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
    fail(&webhooks, &delivery, &problem, next).await;
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
    if attempt >= TRIES && !persistent {
        return None;
    }
    let tripled = u32::try_from(attempt.clamp(1, TRIES) - 1).unwrap_or(0);
    let gap = FIRST_GAP * 3_u32.pow(tripled);
    let gap = if persistent { gap.min(LONGEST_GAP) } else { gap };
    Some(gap.mul_f64(rand::rng().random_range(0.8..1.2)))
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
