//! A shop with a row in every table there is, for tests of what is deleted.

use subtotal_connect::events::happening::{Happening, HappeningKind};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{
    Destination, ListedConnection, ListedConnections, NewRefusals, SecretKind, ShopChanges, ShopTold,
};

use super::app::{ALICE, BOB, TestApp};
use super::happenings::{PATIENCE, happened};
use super::wait::until;

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const EMAIL: &str = "alice@private.example";

pub(crate) fn domain(shop: &str) -> ShopDomain {
    ShopDomain::parse(shop).unwrap()
}

/// A shop with a row in every table there is.
pub(crate) async fn fill(app: &TestApp, shop: &str) {
    let now = app.clock.unix_ms();
    let text = |prefix: &str| format!("{prefix}_{shop}");
    let pair = TokenPair {
        access: text("shpat").into(),
        refresh: text("shprt").into(),
        access_lives: 3600,
        refresh_lives: 7_776_000,
        scopes: "read_customers".to_owned(),
    };
    let id = app.store.install(&domain(shop), &pair, now - 100 * HOUR).await.unwrap();
    app.store_secret(shop, SecretKind::SubtotalWebhook, &text("a-webhook-secret")).await;
    let hosts = |name: &str| Some(vec![format!("{name}.{shop}.example")]);
    let changes = ShopChanges { storefront_hosts: hosts("a"), redirect_hosts: hosts("b"), ..ShopChanges::default() };
    app.change(shop, changes).await;
    let told = ShopTold { hosts: vec![format!("told.{shop}.example")], ..ShopTold::default() };
    app.store.note_shop(id, &told, now).await.unwrap();
    app.store.note_storefront(id, now - 100 * HOUR).await.unwrap();
    let refusals = NewRefusals { shop: domain(shop), code: "customer_not_signed_in", count: 1, last_at: now };
    app.store.add_refusals(&[refusals]).await.unwrap();
    app.turn_on(shop, Destination::Klaviyo).await;
    for customer in [ALICE, BOB] {
        let listed = ListedConnection {
            connection_id: format!("connection-{customer}-{shop}"),
            retailer_id: "walmart".to_owned(),
            status: "active".to_owned(),
        };
        // One names the customer; two are known to be the customer's by the connection alone, seen in a list or told of.
        let (seen, told) = (&listed.connection_id, format!("told-{customer}-{shop}"));
        for (nth, customer_id, connection_id) in
            [(1, Some(customer.to_owned()), seen), (2, None, seen), (3, None, &told)]
        {
            let happening = Happening {
                id: format!("evt-{customer}-{nth}"),
                connection_id: connection_id.clone(),
                email: Some(EMAIL.to_owned()),
                customer_id,
                ..happened("", HappeningKind::Connected)
            };
            app.deliver(shop, &happening).await;
        }
        let listed = ListedConnections { shop_id: id, customer_id: customer.to_owned(), connections: vec![listed] };
        app.store.note_connections(&[listed], now).await.unwrap();
        app.database
            .execute(&format!(
                "INSERT INTO connection_claims (shop_id, customer_id, retailer_id, version, state, lease_until) \
                 VALUES ({id}, '{customer}', 'walmart', 1, 'created', 0)"
            ))
            .await;
        app.database
            .execute(&format!("INSERT INTO data_requests VALUES ({id}, 'r{customer}', '{customer}', {now})"))
            .await;
        fill_events(app, id, shop, customer).await;
    }
    // Each delivery leaves a try.
    until(PATIENCE, "every delivery was tried", async || {
        app.in_state(shop, "delivered").await + app.in_state(shop, "dead").await == 6
    })
    .await;
}

/// What events of a customer's connection leave: one is done, one waits, one could not be read.
async fn fill_events(app: &TestApp, id: i64, shop: &str, customer: &str) {
    let connection = format!("told-{customer}-{shop}");
    let digest = format!("{customer}0").repeat(8);
    let event = |event: &str, state: &str, who: &str| {
        format!(
            "INSERT INTO subtotal_events (shop_id, event_id, event_type, connection_id, customer_id, is_simulated, \
             sealed, sent_at, received_at, state, due_at) VALUES ({id}, '{event}', 'connection.activated', {who}, \
             false, NULL, 1, {{clock}}, '{state}', 9000000000000)"
        )
    };
    let about = format!("'{connection}', '{customer}'");
    for sql in [
        event(&format!("e1-{customer}"), "done", &about),
        event(&format!("e2-{customer}"), "waiting", &format!("'{connection}', NULL")),
        event(&format!("e3-{customer}"), "unreadable", "NULL, NULL"),
        format!(
            "INSERT INTO followed_connections (shop_id, connection_id, customer_id, retailer_id, status, status_at, \
             is_simulated) VALUES ({id}, {about}, 'walmart', 'active', 1, false)"
        ),
        format!(
            "INSERT INTO connection_notices (shop_id, event_id, connection_id, status, at, is_simulated, told) \
             VALUES ({id}, 'e1-{customer}', '{connection}', 'active', 1, false, 'connected')"
        ),
        format!(
            "INSERT INTO happenings (shop_id, id, kind, connection_id, customer_id, is_simulated, at, told_at) \
             VALUES ({id}, 'e1-{customer}', 'connected', {about}, false, 1, 1)"
        ),
        format!("INSERT INTO erased_connections (shop_id, digest) VALUES ({id}, '{digest}')"),
    ] {
        app.database.execute(&sql).await;
    }
}
