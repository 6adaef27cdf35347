//! The last tries of each delivery: how they went, and what was asked and answered, masked before it is written. `at` is
//! Unix milliseconds. `fence` is the lease the try was made under; a try that was taken over leaves no row.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("delivery_attempts")
                    .col(text("delivery_id"))
                    .col(big_integer("fence"))
                    .col(big_integer("shop_id"))
                    .col(big_integer("at"))
                    .col(big_integer("duration_ms"))
                    .col(text("outcome"))
                    .col(text_null("problem"))
                    .col(text_null("request"))
                    .col(text_null("response"))
                    .primary_key(Index::create().col("delivery_id").col("fence"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("delivery_attempts", "delivery_id")
                            .to("deliveries", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
