//! What the merchant decides about events: whether a tool is paused, and for how many days what ended is kept. And which
//! deliveries are tests of the merchant's own.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("integrations", boolean("is_paused").default(false).take()),
            ("deliveries", boolean("is_test").default(false).take()),
            ("shops", integer("events_kept_days").default(30).take()),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("deliveries_ended_of_shop")
                    .table("deliveries")
                    .col("shop_id")
                    .col("ended_at")
                    .take(),
            )
            .await
    }
}
