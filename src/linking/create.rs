//! Exactly one creation at Subtotal for one shopper and retailer, whatever arrives at once, in however many processes.
//!
//! Subtotal has no idempotency key, so the database decides. Every request reads the claim, then Subtotal, and only
//! then takes the claim *as it was read*: whoever read Subtotal before somebody else's creation fails to take it, and
//! uses that outcome instead. A claim whose holder died, or never learned how its call ended, keeps everybody from
//! creating until its lease has run out; by then the call has ended one way or the other, and the next request reads
//! Subtotal back before it takes the claim over. See `docs/decisions/0003-exactly-once-creation.md`.

use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;
use tracing::Instrument;

use super::choose::{Choice, ConnectionNotFound, choose};
use crate::store::{Claim, ClaimKey, ClaimState, Store, StoreError};
use crate::subtotal::wire::{Connection, NewConnection};
use crate::subtotal::{Deadline, ShopApi, SubtotalError};

/// How long a claim keeps others away. Longer than any creation call may take, shorter than 10 s.
const LEASE: Duration = Duration::from_secs(8);
/// How long a creation call may take, counted from just before the claim is taken.
const CALL: Duration = Duration::from_secs(5);
/// Pauses between two looks at somebody else's claim.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_millis(150);

/// What a request wants linked.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The shop, the shopper and the retailer.
    pub key: ClaimKey,
    /// The connection the page named, if any.
    pub connection_id: Option<String>,
}

/// The connection to link with.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Its id.
    pub connection_id: String,
    /// The customer's connections, this one among them.
    pub connections: Vec<Connection>,
}

/// Why there is no connection to link with.
#[derive(Debug, thiserror::Error)]
pub enum LinkingError {
    /// The page named a connection that is not this shopper's.
    #[error(transparent)]
    ConnectionNotFound(#[from] ConnectionNotFound),
    /// Subtotal did not answer as it should.
    #[error(transparent)]
    Subtotal(#[from] SubtotalError),
    /// The database did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The connection to link with: one that is there, or one that is created, once.
///
/// `contact` gives the shopper's e-mail address and phone number; it is awaited only when a connection has to be
/// created.
///
/// # Errors
/// [`LinkingError`]. Requests that waited for a creation that failed get its error.
pub async fn connection_for(
    store: &Store,
    api: &ShopApi,
    wanted: &Wanted,
    contact: impl Future<Output = (Option<String>, Option<String>)>,
) -> Result<Linked, LinkingError> {
    let Wanted { key, connection_id } = wanted;
    let mut contact = Some(contact);
    let mut new = None;
    loop {
        let seen = store.claim(key).await?;
        let connections = api.connections(&key.customer_id).await?;
        if let Choice::Reuse(id) = choose(&connections, &key.retailer_id, connection_id.as_deref())? {
            return Ok(Linked { connection_id: id.to_owned(), connections });
        }
        if let Some(contact) = contact.take() {
            new = Some(new_connection(key, contact.await));
        }
        if !matches!(&seen, Some(Claim { state: ClaimState::Pending, .. })) {
            // Counted from before the claim is taken, so that the call ends before the lease does.
            let call = api.until(sooner(api.deadline(), CALL));
            let new = new.clone().unwrap_or_else(|| new_connection(key, (None, None)));
            if let Some(id) = create(store.clone(), call, key.clone(), seen, new).await? {
                return Ok(Linked::created(id, key, connections));
            }
        }
        match outcome(store, key, api.deadline()).await? {
            Some(id) => return Ok(Linked::created(id?, key, connections)),
            None => tracing::info!("taking over a claim whose holder did not finish"),
        }
    }
}

impl Linked {
    /// Beside the connections there were before. Subtotal calls a new one initialized.
    fn created(connection_id: String, key: &ClaimKey, mut connections: Vec<Connection>) -> Self {
        if !connections.iter().any(|connection| connection.connection_id == connection_id) {
            connections.push(Connection {
                connection_id: connection_id.clone(),
                customer_id: key.customer_id.clone(),
                retailer_id: key.retailer_id.clone(),
                status: "initialized".to_owned(),
            });
        }
        Self { connection_id, connections }
    }
}

/// Takes the claim as it was `seen`, creates the connection and writes the outcome down. Once begun it is done to the
/// end, even when the request that wanted it goes away meanwhile, so that no claim is left without a holder. `None` when
/// somebody else took the claim.
async fn create(
    store: Store,
    api: ShopApi,
    key: ClaimKey,
    seen: Option<Claim>,
    new: NewConnection,
) -> Result<Option<String>, LinkingError> {
    let creation = async move {
        let Some(version) = store.take_claim(&key, seen.as_ref(), lease_ms()).await? else { return Ok(None) };
        let result = api.create_connection(&new).await;
        let outcome = match &result {
            Ok(id) => ClaimState::Created(id.clone()),
            // Subtotal may still be at work on it: the claim keeps others away until its lease runs out.
            Err(failure) if failure.in_doubt => return Err(failure.error.into()),
            Err(failure) => ClaimState::Failed(failure.error.code().to_owned()),
        };
        // An outcome that can not be written is found again at Subtotal once the lease has run out.
        if let Err(error) = store.settle_claim(&key, version, &outcome).await {
            tracing::error!(%error, "the outcome of a creation could not be written down");
        }
        Ok(Some(result.map_err(|failure| failure.error)?))
    };
    let lost = |_| SubtotalError::Unavailable("the creation was interrupted");
    tokio::spawn(creation.in_current_span()).await.map_err(lost)?
}

/// Waits for somebody else's creation. `None` when its claim was abandoned and may be taken over.
async fn outcome(
    store: &Store,
    key: &ClaimKey,
    deadline: Deadline,
) -> Result<Option<Result<String, SubtotalError>>, LinkingError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.claim(key).await?.map(|claim| claim.state) {
            Some(ClaimState::Created(id)) => return Ok(Some(Ok(id))),
            Some(ClaimState::Failed(code)) => {
                let unknown = SubtotalError::Unavailable("another request's creation failed");
                return Ok(Some(Err(SubtotalError::from_code(&code).unwrap_or(unknown))));
            }
            Some(ClaimState::Abandoned) | None => return Ok(None),
            Some(ClaimState::Pending) => {}
        }
        if deadline.remaining() <= pause {
            return Err(SubtotalError::TimedOut.into());
        }
        sleep(pause.mul_f64(rand::rng().random_range(0.7..1.0))).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

fn new_connection(key: &ClaimKey, (email, mobile): (Option<String>, Option<String>)) -> NewConnection {
    NewConnection::new(key.customer_id.clone(), key.retailer_id.clone(), email, mobile)
}

fn sooner(deadline: Deadline, limit: Duration) -> Deadline {
    Deadline::after(deadline.remaining().min(limit))
}

fn lease_ms() -> i64 {
    i64::try_from(LEASE.as_millis()).expect("a lease is seconds long")
}
