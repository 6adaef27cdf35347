//! What storefront requests show in passing: a customer's connections as Subtotal lists them, and that the storefront
//! is in use. Written down by one task behind the requests, which never wait for it; what was written a moment ago, or
//! does not fit, is left out.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::store::{ListedConnection, ListedConnections, Store};
use crate::subtotal::wire::Connection;

/// Sightings that may wait to be written; more are dropped, and made again by the next request.
const WAITING: usize = 1024;
/// Sightings written at once.
const BATCH: usize = 64;
/// Customers whose last list is remembered; the least used leave first.
const REMEMBERED: u64 = 20_000;
/// How long an unchanged list costs no query.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
/// How often a shop's storefront is noted.
const STOREFRONT_EVERY: Duration = Duration::from_mins(1);

/// Notes sightings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sightings {
    waiting: mpsc::Sender<Sighting>,
    lists: moka::sync::Cache<(i64, String), u64>,
    storefronts: moka::sync::Cache<i64, ()>,
}

#[derive(Debug)]
enum Sighting {
    Connections(ListedConnections, u64),
    Storefront(i64),
}

impl Sightings {
    /// Starts the task that writes. It ends when the last clone is gone.
    #[must_use]
    pub fn start(store: Store, clock: Clock) -> Self {
        let (waiting, sightings) = mpsc::channel(WAITING);
        let lists = moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let storefronts = moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(STOREFRONT_EVERY).build();
        tokio::spawn(write(sightings, store, clock, lists.clone()));
        Self { waiting, lists, storefronts }
    }

    /// Subtotal listed these connections of a customer, and no others.
    pub fn listed<'c>(&self, shop_id: i64, customer: &str, connections: impl Iterator<Item = &'c Connection>) {
        let mut connections: Vec<_> = connections.collect();
        connections.sort_unstable_by(|one, other| one.connection_id.cmp(&other.connection_id));
        let digest = digest(&connections);
        let of = (shop_id, customer.to_owned());
        if self.lists.get(&of) == Some(digest) {
            return;
        }
        let connections = connections.into_iter().map(|connection| ListedConnection {
            connection_id: connection.connection_id.clone(),
            retailer_id: connection.retailer_id.clone(),
            status: connection.status.clone(),
        });
        let listed = ListedConnections { shop_id, customer_id: of.1, connections: connections.collect() };
        let _ = self.waiting.try_send(Sighting::Connections(listed, digest));
    }

    /// The storefront of a shop asked something, or its customer accounts.
    pub fn storefront(&self, shop_id: i64) {
        if !self.storefronts.contains_key(&shop_id) {
            self.storefronts.insert(shop_id, ());
            let _ = self.waiting.try_send(Sighting::Storefront(shop_id));
        }
    }
}

async fn write(
    mut sightings: mpsc::Receiver<Sighting>,
    store: Store,
    clock: Clock,
    lists: moka::sync::Cache<(i64, String), u64>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while sightings.recv_many(&mut batch, BATCH).await > 0 {
        let now = clock.unix_ms();
        let mut listed = Vec::new();
        let mut digests = Vec::new();
        for sighting in batch.drain(..) {
            match sighting {
                Sighting::Storefront(shop_id) => {
                    note(store.note_storefront(shop_id, now).await);
                }
                Sighting::Connections(connections, digest) => {
                    digests.push(((connections.shop_id, connections.customer_id.clone()), digest));
                    listed.push(connections);
                }
            }
        }
        if note(store.note_connections(&listed, now).await) {
            digests.into_iter().for_each(|(customer, digest)| lists.insert(customer, digest));
        }
    }
}

/// A sighting that is not written is made again; nobody depends on it.
fn note<E: std::fmt::Display>(written: Result<(), E>) -> bool {
    written.inspect_err(|error| tracing::warn!(%error, "a sighting could not be written down")).is_ok()
}

/// Of what is written down.
fn digest(connections: &[&Connection]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for Connection { connection_id, retailer_id, status, .. } in connections {
        (connection_id, retailer_id, status).hash(&mut hasher);
    }
    hasher.finish()
}
