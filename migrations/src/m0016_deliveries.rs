//! What is told to the merchant's tools, one row a thing and a destination. What a row holds of a person is sealed, and
//! struck out once it was delivered. `due_at` is on the database's clock, Unix milliseconds: when the next try may
//! start, or when a running one is given up; a row that ended has none. `fence` grows with every lease.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("deliveries")
                    .col(text("id").primary_key())
                    .col(big_integer("shop_id"))
                    .col(text("destination"))
                    .col(text("event_id"))
                    .col(integer("part").default(0))
                    .col(text("kind"))
                    .col(text("connection_id"))
                    .col(text("retailer_id"))
                    .col(text_null("customer_id"))
                    .col(boolean("is_simulated"))
                    .col(big_integer("happened_at"))
                    .col(big_integer("created_at"))
                    .col(blob_null("content"))
                    .col(text("key_id"))
                    .col(text("state"))
                    .col(integer("attempts").default(0))
                    .col(big_integer("fence").default(0))
                    .col(big_integer_null("due_at"))
                    .col(big_integer_null("ended_at"))
                    .col(text_null("problem"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("deliveries", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        // What is open, by shop: the workers ask which shops have something due, and take a few of each.
        let due = "CREATE INDEX deliveries_due ON deliveries (destination, shop_id, due_at) WHERE due_at IS NOT NULL";
        manager.get_connection().execute_unprepared(due).await?;
        for (name, columns) in [
            ("deliveries_of_shop", ["shop_id", "created_at", "id"].as_slice()),
            ("deliveries_of_state", ["shop_id", "state", "created_at", "id"].as_slice()),
            ("deliveries_of_connection", ["shop_id", "connection_id"].as_slice()),
            ("deliveries_of_customer", ["shop_id", "customer_id"].as_slice()),
            ("deliveries_ended", ["ended_at"].as_slice()),
        ] {
            let mut index = Index::create().name(name).table("deliveries").take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
