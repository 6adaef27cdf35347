//! Events from Subtotal, once each by their id, until what they tell is worked out. The body is sealed, because it holds
//! e-mail addresses and phone numbers, and goes when it is done with; ids stand in columns for search and redaction.
//!
//! `due_at` is when the next try is, or when the lease of the one that runs ends, in Unix milliseconds on the database's
//! clock. `attempts` is the fence of that try.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("subtotal_events")
                    .col(big_integer("shop_id"))
                    .col(text("event_id"))
                    .col(text("event_type"))
                    .col(text_null("connection_id"))
                    .col(text_null("customer_id"))
                    .col(text_null("retailer_id"))
                    .col(text_null("purchase_id"))
                    .col(boolean("is_simulated"))
                    .col(blob_null("sealed"))
                    .col(big_integer("sent_at"))
                    .col(big_integer("received_at"))
                    .col(text("state"))
                    .col(integer("attempts").default(0))
                    .col(big_integer("due_at"))
                    .col(text_null("problem"))
                    .primary_key(Index::create().col("shop_id").col("event_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("subtotal_events", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        for (name, columns) in [
            ("subtotal_events_due", ["state", "shop_id", "due_at"]),
            ("subtotal_events_of_shop", ["shop_id", "received_at", "event_id"]),
            ("subtotal_events_of_connection", ["shop_id", "connection_id", "received_at"]),
        ] {
            let mut index = Index::create().name(name).table("subtotal_events").take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
