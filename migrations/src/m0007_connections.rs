//! The last known status of each connection: ids and status only.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connections")
                    .col(big_integer("shop_id"))
                    .col(text("connection_id"))
                    .col(text("customer_id"))
                    .col(text("retailer_id"))
                    .col(text("status"))
                    .col(big_integer("since"))
                    .primary_key(Index::create().col("shop_id").col("connection_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("connections", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("connections_of_customer")
                    .table("connections")
                    .col("shop_id")
                    .col("customer_id")
                    .take(),
            )
            .await
    }
}
