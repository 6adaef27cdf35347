//! What Shopify's compliance webhooks leave: requests for a customer's data, which the merchant answers, and receipts of
//! what was done. A receipt names nobody: its id is the delivery's, its subject a digest of the shop's domain.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("data_requests")
                    .col(big_integer("shop_id"))
                    .col(text("id"))
                    .col(text("customer_id"))
                    .col(big_integer("requested_at"))
                    .primary_key(Index::create().col("shop_id").col("id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("data_requests", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("compliance_receipts")
                    .col(text("id").primary_key())
                    .col(text("kind"))
                    .col(text("subject"))
                    .col(text("outcome"))
                    .col(big_integer("at"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("compliance_receipts_of_shop")
                    .table("compliance_receipts")
                    .col("subject")
                    .col("at")
                    .take(),
            )
            .await
    }
}
