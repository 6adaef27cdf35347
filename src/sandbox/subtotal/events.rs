//! Events as Subtotal sends them to a webhook destination: signed, tried six times on its schedule
//! (<https://www.subtotal.com/docs/webhooks/delivery-and-retries>), only faster, and as wrong as the levers say.

use std::collections::VecDeque;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::SubtotalWorld;
use super::state::State;
use crate::sandbox::courier::{self, Parcel, Said, Signed};

/// Subtotal's own gap after the first attempt.
pub(super) const SUBTOTALS_RETRY_BASE: Duration = Duration::from_secs(300);
/// The gaps between attempts as multiples of the first one, which is five minutes at Subtotal. The last two are not
/// documented; together they are 15 hours.
const GAPS: [u32; 5] = [1, 6, 24, 60, 120];
/// How many deliveries are remembered.
const KEPT: usize = 100;

/// Where events go.
#[derive(Debug, Clone)]
pub struct WebhookDestination {
    /// The receiver.
    pub url: Url,
    /// What they are signed with.
    pub secret: SecretString,
    /// The gap after the first attempt, in place of five minutes, until a lever sets another.
    pub retry_base: Duration,
}

/// How events are sent at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventLevers {
    /// Each one is sent twice at once.
    pub duplicate: bool,
    /// Each one is held until the next one was sent.
    pub reorder: bool,
    /// Each one carries the simulator's mark.
    pub simulated: bool,
    /// Each one is signed with another secret.
    pub wrong_signature: bool,
    /// None is sent at all.
    pub lose: bool,
}

/// One event and how its delivery went.
#[derive(Debug, Clone, Serialize)]
pub struct SentEvent {
    /// Stable over its attempts.
    pub id: String,
    /// Such as `connection.activated`.
    pub kind: String,
    /// The connection it is about.
    pub connection_id: String,
    /// Attempts so far; 0 while it is held or when it is lost.
    pub attempts: u32,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// The status of each attempt's answer, if there was one.
    pub answers: Vec<Option<u16>>,
}

/// What is being sent, and what was.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) levers: EventLevers,
    held: Option<Parcel>,
    sent: VecDeque<SentEvent>,
}

impl Outbox {
    /// Newest first.
    pub(super) fn sent(&self) -> impl Iterator<Item = &SentEvent> {
        self.sent.iter().rev()
    }

    /// How the delivery of an event went so far.
    pub(super) fn answers(&self, id: &str) -> &[Option<u16>] {
        self.sent.iter().rfind(|sent| sent.id == id).map_or(&[], |sent| &sent.answers)
    }
}

impl SubtotalWorld {
    /// Gives a connection a status, and says so where Subtotal would. `None` when there is no such connection.
    pub(super) fn set_status(&self, state: &mut State, connection_id: &str, status: &str) -> Option<()> {
        status.clone_into(&mut state.connections.get_mut(connection_id)?.status);
        let kind = match status {
            "active" => {
                state.remember_purchases(connection_id, self.now());
                "connection.activated"
            }
            "unauthenticated" => "connection.unauthenticated",
            "disconnected" => "connection.disconnected",
            _ => return Some(()),
        };
        self.emit(state, kind, connection_id, None);
        Some(())
    }

    /// Makes a purchase, and says so.
    pub(super) fn buy(&self, state: &mut State, connection_id: &str) -> Option<()> {
        state.connections.get(connection_id)?;
        let (now, is_simulated) = (self.now(), state.outbox.levers.simulated);
        let purchase = state.add_purchase(connection_id, now, is_simulated);
        self.emit(state, "purchase.created", connection_id, Some(&purchase));
        Some(())
    }

    fn emit(&self, state: &mut State, kind: &str, connection_id: &str, purchase: Option<&str>) {
        let (levers, now) = (state.outbox.levers, self.unix_ms());
        let Some(parcel) = self.note(state, kind, connection_id, purchase, now) else { return };
        let outbox = &mut state.outbox;
        if levers.lose {
            return;
        }
        let due = match (levers.reorder, outbox.held.take()) {
            (true, None) => {
                outbox.held = Some(parcel);
                Vec::new()
            }
            (_, held) => std::iter::once(parcel).chain(held).collect(),
        };
        let world = self.clone();
        tokio::spawn(async move {
            for parcel in due {
                // The next one is sent when this one was tried once, so that their order is what it is meant to be.
                world.deliver(parcel, levers, levers).await;
            }
        });
    }

    /// Writes an event that happened at `at`, in Unix milliseconds, into the list of those that were sent. `None` where
    /// events go nowhere or are about nothing.
    pub(super) fn note(
        &self,
        state: &mut State,
        kind: &str,
        connection_id: &str,
        purchase: Option<&str>,
        at: i64,
    ) -> Option<Parcel> {
        self.config().events.as_ref()?;
        let connection = json!(state.connections.get(connection_id)?);
        let outbox = &mut state.outbox;
        let parcel = Said { kind, at, connection, purchase, is_simulated: outbox.levers.simulated }.written();
        if outbox.sent.len() == KEPT {
            outbox.sent.pop_front();
        }
        let (id, kind, connection_id) = (parcel.id.clone(), kind.to_owned(), connection_id.to_owned());
        outbox.sent.push_back(SentEvent { id, kind, connection_id, attempts: 0, status: None, answers: Vec::new() });
        Some(parcel)
    }

    /// Tries it once as `first` says, and goes on by itself as `then` says until it is taken or given up.
    pub(super) async fn deliver(&self, parcel: Parcel, first: EventLevers, then: EventLevers) {
        if self.attempt(&parcel, first).await {
            return;
        }
        let world = self.clone();
        tokio::spawn(async move {
            for gap in GAPS {
                world.wait(gap).await;
                if world.attempt(&parcel, then).await {
                    return;
                }
            }
        });
    }

    /// Waits for a gap of the schedule, also when the schedule changes meanwhile.
    async fn wait(&self, gap: u32) {
        let (started, mut base) = (Instant::now(), self.retry_base().subscribe());
        loop {
            let due = started + *base.borrow_and_update() * gap;
            tokio::select! {
                () = sleep_until(due) => return,
                // The sender lives as long as the world, which this holds.
                _ = base.changed() => {}
            }
        }
    }

    /// Sends it once, or twice; whether it was taken.
    async fn attempt(&self, parcel: &Parcel, levers: EventLevers) -> bool {
        let Some(destination) = &self.config().events else { return false };
        let signed = if levers.wrong_signature { Signed::Wrongly } else { Signed::Rightly };
        let mut status = None;
        for _ in 0..if levers.duplicate { 2 } else { 1 } {
            let (to, now) = ((&destination.url, &destination.secret), self.now().unix_timestamp());
            status = courier::post(self.client(), to, parcel, signed, now).await.ok();
            let mut state = self.state();
            if let Some(sent) = state.outbox.sent.iter_mut().rfind(|sent| sent.id == parcel.id) {
                sent.attempts += 1;
                sent.status = status;
                sent.answers.push(status);
            }
        }
        status.is_some_and(|status| (200..300).contains(&status))
    }
}
