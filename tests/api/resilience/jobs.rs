//! What is given to do later, and whether it was done. That is told by what reached the others: Subtotal, Klaviyo and
//! Shopify; the database says only that a try failed.

use std::time::Duration;

use serde_json::{Value, json};
use subtotal_connect::events::happening::{Happening, HappeningKind};
use subtotal_connect::store::{ListedConnection, ListedConnections};
use ulid::Ulid;

use super::columns::{Column, DONE, JOBS, WAITS};
use super::world::{Observed, RENEWING, Shopper, World};
use crate::support::app::SHOP;
use crate::support::event::purchase_event;
use crate::support::fake_admin::AdminFault;
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::Fault;
use crate::support::fake_tokens::TokenFault;
use crate::support::happenings::happened;

/// How often it is looked whether jobs are done before they are made due once more: queues are looked at every two seconds.
const LOOKS: u32 = 500;

/// One job of each kind.
pub(super) struct Jobs {
    shopper: Shopper,
    hook: String,
    connection: String,
    event: String,
    purchase: String,
    /// The connection that was lost.
    lost: String,
    /// The token that ends soon.
    access: String,
}

impl Jobs {
    /// Has one of each kind put, the webhook and the event as their senders put them. `access` is a token of
    /// [`World::expiring`].
    pub(super) async fn give(world: &World, access: String) -> Self {
        let (app, shopper) = (&world.app, world.shopper());
        let connection = app.subtotal.add_connection(&app.api_key, &shopper.id, "walmart", "active");
        let listed = ListedConnection {
            connection_id: connection.clone(),
            retailer_id: "walmart".to_owned(),
            status: "active".to_owned(),
        };
        let (shop_id, customer_id) = (app.shop_id(SHOP).await, shopper.id.clone());
        let listed = ListedConnections { shop_id, customer_id, connections: vec![listed] };
        app.store.note_connections(&[listed], app.clock.unix_ms()).await.unwrap();

        let gid = format!("gid://shopify/Customer/{}", shopper.id);
        let id: u64 = shopper.id.parse().unwrap();
        let (hook, request) = world.hook("customers/update", &json!({ "id": id, "admin_graphql_api_id": gid }));
        assert_eq!(world.send(request).await.unwrap().status, 200);

        let purchase = app.subtotal.add_purchase(&connection);
        let event = world.event_id();
        let request = world.event(&purchase_event(&event, &connection, &purchase));
        assert_eq!(world.send(request).await.unwrap().status, 200);

        let lost = Ulid::generate().to_string();
        let about = |kind| Happening { connection_id: lost.clone(), ..happened(&format!("evt-{lost}"), kind) };
        app.deliver(SHOP, &about(HappeningKind::Disconnected)).await;
        // It needs a token, and no list of retailers.
        app.deliver(RENEWING, &about(HappeningKind::Connected)).await;
        Self { shopper, hook, connection, event, purchase, lost, access }
    }

    /// The same, due only after `delay`: each of them has failed once. For a database that fails, where nothing could be
    /// put once it does.
    pub(super) async fn give_for_later(world: &World, delay: Duration) -> Self {
        let (app, access) = (&world.app, world.expiring().await);
        app.subtotal.break_everything(Fault::Status(500));
        app.admin.set_fault(AdminFault::Status(503));
        app.admin.tokens(|tokens| tokens.fault = TokenFault::Status(503));
        app.klaviyo.set_fault(KlaviyoFault::Status(503));
        let jobs = Self::give(world, access).await;
        let waiting = jobs.tried(world).await;
        assert!(waiting.values().all(|outcome| outcome == WAITS), "{waiting:?}");
        // A delivery that is on its way now comes back soon.
        world
            .until("all of it is put off", async || {
                due(world, &format!("{{clock}} + {}", delay.as_millis())).await;
                world.rows("deliveries").await.iter().all(|row| row["state"] != "sending")
            })
            .await;
        app.subtotal.mend();
        app.admin.set_fault(AdminFault::None);
        app.admin.tokens(|tokens| tokens.fault = TokenFault::None);
        app.klaviyo.set_fault(KlaviyoFault::None);
        jobs
    }

    /// Waits until each of them is done or has failed once, and says which.
    pub(super) async fn tried(&self, world: &World) -> Observed {
        world
            .until("each is done or has failed", async || {
                for job in JOBS {
                    if !self.is_done(world, job) && !self.has_failed(world, job).await {
                        return false;
                    }
                }
                true
            })
            .await;
        self.stand(world)
    }

    /// How each of them stands.
    pub(super) fn stand(&self, world: &World) -> Observed {
        let stands = |job| if self.is_done(world, job) { DONE } else { WAITS };
        JOBS.into_iter().map(|job| (job, stands(job).to_owned())).collect()
    }

    /// Waits until all of them are done, as if the gaps and leases that they wait for were over.
    pub(super) async fn are_done(&self, world: &World) {
        let mut looked = 0;
        world
            .until("everything that waited is done", async || {
                // What a lease was asked for before the database failed may be granted after.
                if looked % LOOKS == 0 {
                    due(world, "0").await;
                    world.app.database.execute("UPDATE webhook_deliveries SET lease_until = 0").await;
                    // A token that still lives is used as it is while another renewal may be under way; the next use renews.
                    if looked > 0 && !self.is_done(world, Column::Renewal) {
                        use_token(world).await;
                    }
                }
                looked += 1;
                let waiting: Vec<_> = JOBS.into_iter().filter(|job| !self.is_done(world, *job)).collect();
                if looked % LOOKS == 0 {
                    println!("not done yet: {waiting:?}");
                }
                waiting.is_empty()
            })
            .await;
    }

    fn is_done(&self, world: &World, job: Column) -> bool {
        let app = &world.app;
        let fired = |shop: &str, what: &str| {
            let fires = |payload: &Value| payload.to_string().contains(what);
            app.admin.triggers().iter().any(|trigger| trigger.shop == shop && fires(&trigger.payload))
        };
        let told = |property: &str, what: &str| {
            app.klaviyo.events().values().any(|event| event["properties"][property] == what)
        };
        match job {
            Column::Webhooks => app.subtotal.connections().iter().any(|one| {
                one["connection_id"] == self.connection.as_str() && one["email"] == self.shopper.email.as_str()
            }),
            Column::Events => told("purchase_id", &self.purchase) || fired(SHOP, &self.purchase),
            Column::Klaviyo => told("connection_id", &self.lost),
            Column::Flow => fired(SHOP, &self.lost),
            Column::Renewal => app.admin.tokens(|tokens| tokens.is_renewed(RENEWING, &self.access)),
            other => unreachable!("{other:?} is no job"),
        }
    }

    async fn has_failed(&self, world: &World, job: Column) -> bool {
        let (table, column, id) = match job {
            Column::Webhooks => ("webhook_deliveries", "delivery_id", &self.hook),
            Column::Events => ("subtotal_events", "event_id", &self.event),
            _ => ("deliveries", "connection_id", &self.lost),
        };
        let destination = if job == Column::Klaviyo { "klaviyo" } else { "flow" };
        let shop = world.app.shop_id(if job == Column::Renewal { RENEWING } else { SHOP }).await;
        let own = |row: &&Value| {
            let of = row["destination"].is_null() || (row["destination"] == destination && row["shop_id"] == shop);
            row[column] == id.as_str() && of
        };
        world.rows(table).await.iter().filter(own).any(|row| !row["problem"].is_null())
    }
}

/// Gives one more thing to do that needs the token which ends soon.
async fn use_token(world: &World) {
    let id = Ulid::generate().to_string();
    let again = Happening { connection_id: id.clone(), ..happened(&format!("evt-{id}"), HappeningKind::Connected) };
    world.app.deliver(RENEWING, &again).await;
}

/// Makes everything that waits due at a time in the database's SQL.
async fn due(world: &World, at: &str) {
    for sql in [
        format!("UPDATE webhook_deliveries SET next_attempt_at = {at} WHERE state = 'waiting'"),
        format!("UPDATE subtotal_events SET due_at = {at} WHERE state = 'waiting'"),
        format!("UPDATE deliveries SET due_at = {at} WHERE due_at IS NOT NULL"),
    ] {
        world.app.database.execute(&sql).await;
    }
}
