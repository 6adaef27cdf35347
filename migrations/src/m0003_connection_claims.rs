//! Claims: the row that makes one creation at Subtotal out of many requests.
//!
//! `lease_until` is Unix milliseconds on the database's own clock, the one clock every process shares.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connection_claims")
                    .col(big_integer("shop_id"))
                    .col(text("customer_id"))
                    .col(text("retailer_id"))
                    .col(big_integer("version"))
                    .col(text("state"))
                    .col(text_null("connection_id"))
                    .col(text_null("problem"))
                    .col(big_integer("lease_until"))
                    .primary_key(Index::create().col("shop_id").col("customer_id").col("retailer_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("connection_claims", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
