//! What is given up half-way, by a deadline or by a client that leaves, leaves nothing behind in the database.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::support::app::{ENCRYPTION_KEYS, open_store};
use crate::support::cluster::Cluster;
use crate::support::database::TestDatabase;
use crate::support::process::PATIENCE;
use crate::support::relay::Relay;
use crate::support::wait::until;

/// How late PostgreSQL answers, in milliseconds.
const LATE: u64 = 200;

#[actix_web::test]
async fn a_transaction_that_is_given_up_while_it_begins_is_ended() {
    let Some(cluster) = Cluster::start().await else { return };
    let relay = Relay::start(cluster.port()).await;
    let settings = HashMap::from([
        ("DATABASE_URL".to_owned(), Cluster::url_at(relay.port)),
        ("ENCRYPTION_KEYS".to_owned(), ENCRYPTION_KEYS.to_owned()),
    ]);
    let store = open_store(&settings).await;
    store.migrate().await.unwrap();
    let server = TestDatabase::in_cluster(cluster.url());
    let open =
        async || server.count("SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'").await;
    // Given up at each of its first steps, the answer to BEGIN among them.
    for half_steps in 1..8 {
        relay.delay(LATE);
        let given_up = timeout(Duration::from_millis(LATE / 2 * half_steps), store.migrate()).await;
        assert!(given_up.is_err(), "it waits for the server");
        relay.delay(0);
        until(PATIENCE, "no transaction is open", async || open().await == 0).await;
        // What waited on the way has come by the time that this has.
        store.ping().await.unwrap();
        until(PATIENCE, "none is opened afterwards", async || open().await == 0).await;
    }
}
