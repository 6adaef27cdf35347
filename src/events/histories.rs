//! The queue of purchase histories: when a connection becomes active, everything its customer bought before is told too,
//! a page at a time and each purchase once.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::reader::{Reader, Sources, Trouble, happening_id};
use crate::store::{LeasedHistory, PageEnd, StoreError};
use crate::subtotal::SubtotalError;
use crate::subtotal::purchases::ConnectionDetail;
use crate::worker::{Gaps, Queue, TRY};

/// The gap after the first failure is five seconds; together they last more than a day.
const GAPS: Gaps = Gaps { first: Duration::from_secs(5), factor: 3, tries: 11 };
/// Purchases of one page that are read at once.
const AT_ONCE: usize = 4;

/// The histories, as a [`Queue`].
#[derive(Debug)]
pub struct Histories {
    sources: Sources,
    /// The shop whose turn it was.
    turn: AtomicI64,
}

impl Histories {
    /// A queue.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self { sources, turn: AtomicI64::new(i64::MIN) }
    }

    /// Tells what is on the next page, and moves on behind it. Answers how many purchases were told.
    async fn page(&self, history: &LeasedHistory) -> Result<usize, Trouble> {
        let store = &self.sources.store;
        if history.status == "disconnected" || !self.sources.is_installed(history.shop_id).await? {
            store.end_page(history, &PageEnd::Stopped, 0).await?;
            return Ok(0);
        }
        let reader = self.sources.open(&history.shop_domain, &history.connection_id).await?;
        let mut connection = reader.connection().await?;
        connection.is_simulated |= history.is_simulated;
        let page = reader.page(history.cursor.as_deref()).await?;
        let ids: Vec<String> = page.purchases.into_iter().map(|purchase| purchase.purchase_id).collect();
        let last = ids.last().cloned().filter(|last| page.has_more && history.cursor.as_ref() != Some(last));
        let known = store.told(history.shop_id, &ids.iter().map(|id| happening_id(id)).collect::<Vec<_>>()).await?;
        let new: Vec<String> = ids.into_iter().filter(|id| !known.contains(&happening_id(id))).collect();
        let tells = new.into_iter().map(|id| self.tell(history, &reader, &connection, id));
        let tried: Vec<Result<bool, Trouble>> = stream::iter(tells).buffer_unordered(AT_ONCE).collect().await;
        let mut skipped = 0;
        let mut told = 0;
        for outcome in tried {
            match outcome {
                Ok(true) => told += 1,
                // Somebody else has it now.
                Ok(false) => return Ok(told),
                // One that can not be read must not stop the older ones, once it was tried often enough.
                Err(Trouble::Subtotal(error)) if is_its_own(error) && GAPS.after(history.attempt).is_none() => {
                    skipped += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let end = last.map_or(PageEnd::Done, PageEnd::More);
        store.end_page(history, &end, skipped).await?;
        Ok(told)
    }

    async fn tell(
        &self,
        history: &LeasedHistory,
        reader: &Reader,
        connection: &ConnectionDetail,
        purchase_id: String,
    ) -> Result<bool, Trouble> {
        let now = self.sources.clock.unix_ms();
        let happening = reader.purchased(&purchase_id, connection, now).await?;
        Ok(self.sources.store.tell_purchase(history, &happening, now).await?)
    }
}

/// Whether an error is about this one purchase, so that another may do better.
fn is_its_own(error: SubtotalError) -> bool {
    !matches!(error, SubtotalError::KeyRejected | SubtotalError::Busy { .. })
}

impl Queue for Histories {
    const NAME: &'static str = "purchase_histories";
    type Job = LeasedHistory;
    type Error = StoreError;

    async fn lease(&self, lease_ms: i64) -> Result<Option<LeasedHistory>, StoreError> {
        let leased = self.sources.store.lease_history(self.turn.load(Ordering::Relaxed), lease_ms).await?;
        if let Some(history) = &leased {
            self.turn.store(history.shop_id, Ordering::Relaxed);
        }
        Ok(leased)
    }

    async fn work(&self, history: LeasedHistory) {
        tracing::Span::current().record("shop", &history.shop_domain);
        let problem = match timeout(TRY, self.page(&history)).await {
            Ok(Ok(told)) => {
                tracing::info!(shop = history.shop_domain, told, "a page of purchases done");
                return;
            }
            Ok(Err(trouble)) => trouble.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        let next = GAPS.after(history.attempt);
        let (attempt, is_given_up) = (history.attempt, next.is_none());
        tracing::warn!(shop = history.shop_domain, attempt, is_given_up, problem, "purchases not read");
        if let Err(error) = self.sources.store.fail_history(&history, &problem, next).await {
            tracing::error!(%error, "a failed try could not be written down; it is repeated when its lease ends");
        }
    }
}
