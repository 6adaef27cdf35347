//! What Shopify's compliance webhooks leave: requests for a customer's data, which the merchant answers, and receipts of
//! what was deleted. A receipt names nobody: its subject is a digest.

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
                    .col(text("id").primary_key())
                    .col(big_integer("shop_id"))
                    .col(text("customer_id"))
                    .col(big_integer("requested_at"))
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
            .await
    }
}
