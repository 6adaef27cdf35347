//! What the merchant's tools are told, by shop and destination. No row: the destination was never turned on.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("integrations")
                    .col(big_integer("shop_id"))
                    .col(text("destination"))
                    .col(boolean("is_on").default(false))
                    .col(text("identifier").default("email"))
                    .col(boolean("allow_simulated").default(false))
                    .col(big_integer("updated_at"))
                    .primary_key(Index::create().col("shop_id").col("destination"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("integrations", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
