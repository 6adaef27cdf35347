//! Events as Subtotal sends them to a webhook destination: signed, tried six times on its schedule
//! (<https://www.subtotal.com/docs/webhooks/delivery-and-retries>), only faster, and as wrong as the levers say.

use std::collections::VecDeque;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use ulid::Ulid;
use url::Url;

use super::SubtotalWorld;
use super::state::State;

/// Subtotal waits ten seconds for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
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
    /// The gap after the first attempt, in place of five minutes.
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
}

/// What is being sent, and what was.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) levers: EventLevers,
    held: Option<(String, String)>,
    sent: VecDeque<SentEvent>,
}

impl Outbox {
    /// Newest first.
    pub(super) fn sent(&self) -> impl Iterator<Item = &SentEvent> {
        self.sent.iter().rev()
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
        let Some(destination) = &self.config().events else { return };
        let Some(connection) = state.connections.get(connection_id) else { return };
        let (levers, id) = (state.outbox.levers, Ulid::generate().to_string());
        let mut event = serde_json::json!({ "type": kind, "id": id, "payload": { "connection": connection } });
        if let Some(purchase) = purchase {
            event["payload"]["purchase"] = serde_json::json!({ "purchase_id": purchase });
        }
        if levers.simulated {
            event["is_simulated"] = true.into();
        }
        let outbox = &mut state.outbox;
        if outbox.sent.len() == KEPT {
            outbox.sent.pop_front();
        }
        let (noted, kind, connection_id) = (id.clone(), kind.to_owned(), connection_id.to_owned());
        outbox.sent.push_back(SentEvent { id: noted, kind, connection_id, attempts: 0, status: None });
        let parcel = (id, event.to_string());
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
        let (world, destination) = (self.clone(), destination.clone());
        tokio::spawn(async move {
            for (id, body) in due {
                // The next one is sent when this one was tried once, so that their order is what it is meant to be.
                let first = world.attempt(&destination, &id, &body, levers).await;
                let (world, destination) = (world.clone(), destination.clone());
                tokio::spawn(async move { world.retry(&destination, &id, &body, levers, first).await });
            }
        });
    }

    async fn retry(&self, destination: &WebhookDestination, id: &str, body: &str, levers: EventLevers, taken: bool) {
        let mut taken = taken;
        for gap in GAPS {
            if taken {
                return;
            }
            tokio::time::sleep(destination.retry_base * gap).await;
            taken = self.attempt(destination, id, body, levers).await;
        }
    }

    /// Sends it once, or twice; whether it was taken.
    async fn attempt(&self, destination: &WebhookDestination, id: &str, body: &str, levers: EventLevers) -> bool {
        let timestamp = (self.now().unix_timestamp()).to_string();
        let secret = destination.secret.expose_secret();
        let secret = if levers.wrong_signature { format!("{secret}, but another") } else { secret.to_owned() };
        let keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        let signature = hex::encode(keyed.chain_update(format!("{timestamp}.{body}")).finalize().into_bytes());
        let mut status = None;
        for _ in 0..if levers.duplicate { 2 } else { 1 } {
            let request = self.client().post(destination.url.clone()).timeout(TIMEOUT);
            let request = request.header("X-Subtotal-Signature", &signature).header("X-Subtotal-Timestamp", &timestamp);
            let request = request.header("Content-Type", "application/json").body(body.to_owned());
            status = request.send().await.ok().map(|answer| answer.status().as_u16());
            let mut state = self.state();
            if let Some(sent) = state.outbox.sent.iter_mut().rfind(|sent| sent.id == id) {
                sent.attempts += 1;
                sent.status = status;
            }
        }
        status.is_some_and(|status| (200..300).contains(&status))
    }
}
