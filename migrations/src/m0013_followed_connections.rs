//! What events told of each connection: ids and statuses only.
//!
//! `followed_connections` has the newest status, and how far the connection's purchase history is read: `cursor` is the
//! last purchase that was told, `due_at` and `version` the next try (or the lease of the one that runs) and its fence.
//! `connection_notices` has every status that was ever told, with the kind of happening that was made of it, so that
//! notices that come late find their place.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_shop = |table: &str| {
            ForeignKey::create()
                .from(table.to_owned(), "shop_id")
                .to("shops", "id")
                .on_delete(ForeignKeyAction::Cascade)
                .take()
        };
        manager
            .create_table(
                Table::create()
                    .table("followed_connections")
                    .col(big_integer("shop_id"))
                    .col(text("connection_id"))
                    .col(text_null("customer_id"))
                    .col(text("retailer_id"))
                    .col(text("status"))
                    .col(big_integer("status_at"))
                    .col(boolean("is_simulated"))
                    .col(text("history").default("none"))
                    .col(text_null("cursor"))
                    .col(integer("attempts").default(0))
                    .col(integer("skipped").default(0))
                    .col(big_integer("version").default(0))
                    .col(big_integer("due_at").default(0))
                    .col(text_null("problem"))
                    .primary_key(Index::create().col("shop_id").col("connection_id"))
                    .foreign_key(&mut of_shop("followed_connections"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("connection_notices")
                    .col(big_integer("shop_id"))
                    .col(text("event_id"))
                    .col(text("connection_id"))
                    .col(text("status"))
                    .col(big_integer("at"))
                    .col(boolean("is_simulated"))
                    .col(text_null("told"))
                    .primary_key(Index::create().col("shop_id").col("event_id"))
                    .foreign_key(&mut of_shop("connection_notices"))
                    .take(),
            )
            .await?;
        for (name, table, columns) in [
            ("followed_connections_due", "followed_connections", ["history", "shop_id", "due_at"]),
            ("followed_connections_of_customer", "followed_connections", ["shop_id", "customer_id", "connection_id"]),
            ("connection_notices_of_connection", "connection_notices", ["shop_id", "connection_id", "at"]),
        ] {
            let mut index = Index::create().name(name).table(table).take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
