//! The queue of events: what each of them tells is worked out and put to the merchant's tools, in one step with ending
//! the event. Every try may have been cut short before, and events come late, twice and out of order.

use std::time::Duration;

use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::happening::{Happening, HappeningKind};
use super::reader::{Sources, Trouble, happening_id};
use crate::store::{LeasedEvent, Notice, StoreError};
use crate::subtotal::event::{Event, News, Status, ToldConnection};
use crate::worker::{Gaps, Queue, TRY};

/// The gap after the first failure is five seconds; together they last more than a day.
const GAPS: Gaps = Gaps { first: Duration::from_secs(5), factor: 3, tries: 11 };

/// The events, as a [`Queue`].
#[derive(Debug)]
pub struct Events {
    sources: Sources,
    /// The shop whose turn it was.
    turn: AtomicI64,
    /// Says that a history is to be read.
    histories: Arc<Notify>,
}

impl Events {
    /// A queue that wakes the one of histories.
    #[must_use]
    pub fn new(sources: Sources, histories: Arc<Notify>) -> Self {
        Self { sources, turn: AtomicI64::new(i64::MIN), histories }
    }

    /// Does what an event asks for, and ends it. Answers what was told, for the log.
    async fn settle(&self, leased: &LeasedEvent, event: &Event) -> Result<Vec<HappeningKind>, Trouble> {
        if !self.sources.is_installed(leased.shop_id).await? {
            self.sources.store.ignore_event(leased).await?;
            return Ok(Vec::new());
        }
        match &event.news {
            News::Connection(status, of) => self.connection(leased, event, *status, of).await,
            News::Purchase(purchase_id, of) => self.purchase(leased, event, purchase_id, of).await,
            News::Nothing | News::Unreadable(_) => {
                self.sources.store.ignore_event(leased).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn connection(
        &self,
        leased: &LeasedEvent,
        event: &Event,
        status: Status,
        of: &ToldConnection,
    ) -> Result<Vec<HappeningKind>, Trouble> {
        // An event that does not say when it happened may be an old one that is sent again.
        let says = if event.is_dated {
            None
        } else {
            Some(self.sources.open(&leased.shop_domain, &of.connection_id).await?.connection().await?.status)
        };
        let happening = Happening {
            id: event.id.clone(),
            kind: HappeningKind::Connected,
            at: event.at,
            is_simulated: event.is_simulated,
            connection_id: of.connection_id.clone(),
            retailer_id: of.retailer_id.clone(),
            customer_id: of.customer_id.clone(),
            email: of.email.clone(),
            mobile: of.mobile.clone(),
            purchase: None,
        };
        let notice = Notice {
            event: leased,
            status: status.as_str(),
            at: event.at,
            outdated_by: says.as_deref().filter(|says| *says != status.as_str()),
            happening: &happening,
        };
        let kinds = self.sources.store.settle_notice(&notice, self.sources.clock.unix_ms()).await?;
        self.histories.notify_one();
        Ok(kinds.unwrap_or_default())
    }

    async fn purchase(
        &self,
        leased: &LeasedEvent,
        event: &Event,
        purchase_id: &str,
        of: &ToldConnection,
    ) -> Result<Vec<HappeningKind>, Trouble> {
        let store = &self.sources.store;
        let mut happening = None;
        if store.told(leased.shop_id, &[happening_id(purchase_id)]).await?.is_empty() {
            let reader = self.sources.open(&leased.shop_domain, &of.connection_id).await?;
            let mut connection = reader.connection().await?;
            connection.is_simulated |= event.is_simulated;
            happening = Some(reader.purchased(purchase_id, &connection, event.at).await?);
        }
        store.settle_purchase(leased, happening.as_ref(), self.sources.clock.unix_ms()).await?;
        Ok(happening.iter().map(|happening| happening.kind).collect())
    }

    async fn fail(&self, leased: &LeasedEvent, problem: &str, next: Option<Duration>) {
        let outcome = if next.is_some() { "failed" } else { "dead" };
        metrics::counter!("subtotal_events_worked_total", "outcome" => outcome).increment(1);
        tracing::warn!(
            shop = leased.shop_domain,
            kind = leased.kind,
            attempt = leased.attempt,
            problem,
            outcome,
            "event not done"
        );
        if let Err(error) = self.sources.store.fail_event(leased, problem, next).await {
            tracing::error!(%error, "a failed try could not be written down; it is repeated when its lease ends");
        }
    }
}

impl Queue for Events {
    const NAME: &'static str = "subtotal_events";
    type Job = LeasedEvent;
    type Error = StoreError;

    async fn lease(&self, lease_ms: i64) -> Result<Option<LeasedEvent>, StoreError> {
        let leased = self.sources.store.lease_event(self.turn.load(Ordering::Relaxed), lease_ms).await?;
        if let Some(event) = &leased {
            self.turn.store(event.shop_id, Ordering::Relaxed);
        }
        Ok(leased)
    }

    async fn work(&self, leased: LeasedEvent) {
        tracing::Span::current().record("shop", &leased.shop_domain);
        if !leased.is_open() {
            return self.fail(&leased, "the stored event does not open; see ENCRYPTION_KEYS", None).await;
        }
        let event = Event::read(leased.body.expose_secret().as_bytes(), leased.sent_at);
        let problem = match timeout(TRY, self.settle(&leased, &event)).await {
            Ok(Ok(told)) => {
                metrics::counter!("subtotal_events_worked_total", "outcome" => "done").increment(1);
                tracing::info!(shop = leased.shop_domain, kind = event.kind, ?told, "event done");
                return;
            }
            Ok(Err(trouble)) => trouble.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        self.fail(&leased, &problem, GAPS.after(leased.attempt)).await;
    }

    async fn prune(&self) {
        if let Err(error) = self.sources.store.prune_events(self.sources.clock.unix_ms()).await {
            tracing::warn!(%error, "old events could not be pruned");
        }
    }
}
