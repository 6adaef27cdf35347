//! The workers that send deliveries, one for each destination: they lease what is due, a few of each shop in turn, beside
//! those of other processes, and try what fails again, ever later.
//!
//! Why this is not a job library: `docs/decisions/0010-deliveries.md`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{interval, sleep, timeout};
use tracing::Instrument;

use super::sender::{Account, Sender, Standing};
use crate::store::{Destination, DueDelivery, StoreError};
use crate::worker::job_span;

/// Deliveries one process sends to a destination at once, and those of one shop among them: so many slow shops must come
/// together before another one waits.
const AT_ONCE: usize = 256;
const OF_ONE_SHOP: usize = 32;
/// How often due deliveries are looked for when nothing ends here.
const POLL: Duration = Duration::from_millis(500);
/// How long ends are gathered before room is filled again.
const GATHER: Duration = Duration::from_millis(5);
/// What a lease has beyond the longest try, for writing down its end.
const LEASE_SPARE: Duration = Duration::from_secs(5);
/// How long what is known of an account is believed.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// How long tries that run may take to end once the process stops. Others take over what does not.
const STOP: Duration = Duration::from_secs(8);
/// How often old deliveries are forgotten.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// Tries before a delivery is given up, how much longer each gap is than the one before, and the longest gap, in first
/// gaps: with a first gap of 5 s that is 6 hours, and all of them last more than a day.
const TRIES: i32 = 13;
const GROWTH: f64 = 3.0;
const LONGEST_GAP: f64 = 4320.0;

/// One destination's worker.
struct Worker {
    sender: Arc<Sender>,
    destination: Destination,
    running: JoinSet<()>,
    shop_of: HashMap<Id, i64>,
    in_flight: HashMap<i64, usize>,
    accounts: moka::sync::Cache<i64, Arc<Account>>,
    /// The shop that was served last.
    served: i64,
}

/// Sends to one destination until `stopped` says so, or its sender is gone.
pub async fn run(sender: Arc<Sender>, destination: Destination, mut stopped: watch::Receiver<bool>) {
    let accounts = moka::sync::Cache::builder().max_capacity(10_000).time_to_live(KNOWN_FOR).build();
    let mut worker = Worker {
        sender,
        destination,
        running: JoinSet::new(),
        shop_of: HashMap::new(),
        in_flight: HashMap::new(),
        accounts,
        served: 0,
    };
    let mut pruning = interval(PRUNE_EVERY);
    while !*stopped.borrow() {
        if let Err(error) = worker.fill().await {
            tracing::error!(%error, "due deliveries could not be read");
        }
        tokio::select! {
            changed = stopped.changed() => if changed.is_err() { break },
            Some(ended) = worker.running.join_next_with_id() => worker.gather(ended).await,
            _ = pruning.tick(), if destination == Destination::Klaviyo => worker.prune(),
            () = sleep(POLL) => {}
        }
    }
    let _ = timeout(STOP, async { while worker.running.join_next().await.is_some() {} }).await;
}

impl Worker {
    /// Fills the room there is with what is due, each shop its share in turn, from after the one served last on.
    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.running.len() >= AT_ONCE {
            return Ok(());
        }
        let mut shops = self.sender.store.shops_with_due(self.destination).await?;
        let after = shops.iter().position(|shop| *shop > self.served).unwrap_or(0);
        shops.rotate_left(after);
        let share = (AT_ONCE - self.running.len()) / shops.len().max(1);
        for shop in shops {
            let busy = self.in_flight.get(&shop).copied().unwrap_or(0);
            let room = (AT_ONCE - self.running.len()).min(OF_ONE_SHOP.saturating_sub(busy)).min(share.max(1));
            if room == 0 {
                continue;
            }
            match self.account(shop).await {
                Ok(Some(account)) => self.start(shop, &account, u32::try_from(room).unwrap_or(1)).await?,
                Ok(None) => {}
                Err(error) => tracing::error!(shop, %error, "what a shop's deliveries need could not be read"),
            }
        }
        Ok(())
    }

    /// The account of a shop, or `None` where nothing is sent to any more: what is due is skipped then.
    async fn account(&self, shop: i64) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.accounts.get(&shop) {
            return Ok(Some(account));
        }
        match self.sender.standing(shop, self.destination).await? {
            Standing::Open(account) => {
                self.accounts.insert(shop, account.clone());
                Ok(Some(account))
            }
            Standing::Closed(why) => {
                let now = self.sender.clock.unix_ms();
                self.sender.store.skip_due(shop, self.destination, why, now).await?;
                Ok(None)
            }
        }
    }

    async fn start(&mut self, shop: i64, account: &Arc<Account>, room: u32) -> Result<(), StoreError> {
        let allowed = account.pace.take(room);
        if allowed == 0 {
            return Ok(());
        }
        let lease = self.sender.attempt_timeout * 2 + LEASE_SPARE;
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let leased = self.sender.store.lease_deliveries(shop, self.destination, allowed, lease_ms).await;
        let leased = leased.inspect_err(|_| account.pace.give_back(allowed))?;
        account.pace.give_back(allowed.saturating_sub(u32::try_from(leased.len()).unwrap_or(allowed)));
        if !leased.is_empty() {
            self.served = shop;
        }
        for due in leased {
            self.spawn(shop, account.clone(), due);
        }
        Ok(())
    }

    fn spawn(&mut self, shop: i64, account: Arc<Account>, due: DueDelivery) {
        let (sender, destination) = (self.sender.clone(), self.destination);
        let sending = async move { sender.send(&account, destination, &due).await };
        let task = self.running.spawn(sending.instrument(job_span(destination.as_str())));
        self.shop_of.insert(task.id(), shop);
        *self.in_flight.entry(shop).or_default() += 1;
    }

    /// Takes note of a try that ended, and of those that end with it. One that panicked is repeated when its lease ends.
    async fn gather(&mut self, first: Result<(Id, ()), JoinError>) {
        self.note(first);
        sleep(GATHER).await;
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.note(ended);
        }
    }

    fn note(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        let Some(shop) = self.shop_of.remove(&id) else { return };
        if let Some(busy) = self.in_flight.get_mut(&shop) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                self.in_flight.remove(&shop);
            }
        }
    }

    /// Forgets old deliveries, beside what is sent.
    fn prune(&mut self) {
        let sender = self.sender.clone();
        self.running.spawn(async move {
            match sender.store.prune_ended(sender.clock.unix_ms()).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "old deliveries forgotten"),
                Err(error) => tracing::error!(%error, "old deliveries could not be forgotten"),
            }
        });
    }
}

/// How long after the failed try `attempt` (from 1) the next one is, or `None` when there is none.
pub(super) fn next_try(attempt: i32, base: Duration) -> Option<Duration> {
    if attempt >= TRIES {
        return None;
    }
    let gaps = GROWTH.powi(attempt.max(1) - 1).min(LONGEST_GAP);
    Some(base.mul_f64(gaps * rand::rng().random_range(0.8..1.2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_with_jitter_over_a_day_and_then_end() {
        let base = Duration::from_secs(5);
        let gaps: Vec<Duration> = (1..).map_while(|attempt| next_try(attempt, base)).collect();
        assert_eq!(gaps.len(), 12);
        assert!((Duration::from_secs(4)..=Duration::from_secs(6)).contains(&gaps[0]), "{gaps:?}");
        assert!(gaps[..8].windows(2).all(|pair| pair[1] > pair[0]), "{gaps:?}");
        let whole: Duration = gaps.iter().sum();
        assert!((Duration::from_hours(22)..Duration::from_hours(36)).contains(&whole), "{whole:?}");
        let others: Vec<Duration> = (1..).map_while(|attempt| next_try(attempt, base)).collect();
        assert_ne!(gaps, others, "the gaps are jittered");
    }
}
