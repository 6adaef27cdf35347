//! Working off a queue in the database: jobs are leased one by one, beside those of other processes, several at once, and
//! those that fail are tried again, ever later.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;
use tracing::field::Empty;

/// How long one try may take; shorter than a lease.
pub const TRY: Duration = Duration::from_secs(16);
/// Jobs one process works on at once.
const AT_ONCE: usize = 16;
/// How long a lease lasts, in milliseconds. What a killed process held is taken over after that.
const LEASE_MS: i64 = 19_000;
/// How often due work is looked for when nothing arrives here: other processes' leftovers, and tries that are due.
const POLL: Duration = Duration::from_secs(2);
/// How many polls lie between two prunings: about an hour.
const PRUNE_EVERY: u32 = 1800;
/// How long tries that run may take to end once the process stops. Others take over what does not.
const STOP: Duration = Duration::from_secs(8);

/// Work that waits in the database.
pub trait Queue: Send + Sync + 'static {
    /// What is in it, in few words, for traces.
    const NAME: &'static str;
    /// A piece of it, leased to this process.
    type Job: Send + 'static;
    /// Why nothing could be leased.
    type Error: Display + Send;

    /// Leases what is due, for so many milliseconds.
    fn lease(&self, lease_ms: i64) -> impl Future<Output = Result<Option<Self::Job>, Self::Error>> + Send;

    /// Does it, and writes down how it ended, within [`TRY`].
    fn work(&self, job: Self::Job) -> impl Future<Output = ()> + Send;

    /// Forgets what ended long ago.
    fn prune(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// The gaps between tries: each one is `factor` times the one before, give or take a fifth.
#[derive(Debug, Clone, Copy)]
pub struct Gaps {
    /// After the first failure.
    pub first: Duration,
    /// At least 1.
    pub factor: u32,
    /// How many tries there are.
    pub tries: i32,
}

impl Gaps {
    /// How long after the failed try `attempt` the next one is, or `None` when there is none.
    #[must_use]
    pub fn after(self, attempt: i32) -> Option<Duration> {
        let growths = u32::try_from(attempt.max(1) - 1).unwrap_or(u32::MAX);
        (attempt < self.tries).then(|| (self.first * self.factor.saturating_pow(growths)).mul_f64(jitter()))
    }
}

/// What a gap is multiplied by, so that tries that failed together do not come back together.
#[must_use]
pub fn jitter() -> f64 {
    rand::rng().random_range(0.8..1.2)
}

/// The span of a job, which begins a trace of its own. Whoever works on it adds the shop.
#[must_use]
pub fn job_span(queue: &'static str) -> tracing::Span {
    tracing::info_span!(parent: None, "job", otel.name = queue, otel.kind = "consumer", queue, shop = Empty)
}

/// Works until `stopped` says so, or its sender is gone. `wake` says that something arrived.
pub async fn run<Q: Queue>(queue: Arc<Q>, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    let mut polls = 0;
    while !*stopped.borrow() {
        while running.len() < AT_ONCE {
            match queue.lease(LEASE_MS).await {
                Ok(Some(job)) => {
                    let queue = queue.clone();
                    running.spawn(async move { queue.work(job).await }.instrument(job_span(Q::NAME)));
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "a queue could not be read");
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
                    queue.prune().await;
                }
                polls += 1;
            }
        }
    }
    let _ = timeout(STOP, async { while running.join_next().await.is_some() {} }).await;
}
