//! Deliveries from Shopify, once each by their id, and the work they ask for. The work holds ids only, never what a
//! delivery says about a person.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("webhook_deliveries")
                    .col(text("delivery_id").primary_key())
                    .col(text("topic"))
                    .col(text("shop_domain"))
                    .col(text("work"))
                    .col(big_integer_null("triggered_at"))
                    .col(big_integer("received_at"))
                    .col(text("state"))
                    .col(integer("attempts").default(0))
                    .col(big_integer("next_attempt_at"))
                    .col(big_integer("lease_until").default(0))
                    .col(text_null("problem"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("webhook_deliveries_due")
                    .table("webhook_deliveries")
                    .col("state")
                    .col("next_attempt_at")
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("webhook_deliveries_of_shop")
                    .table("webhook_deliveries")
                    .col("shop_domain")
                    .col("received_at")
                    .take(),
            )
            .await
    }
}
