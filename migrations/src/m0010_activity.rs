//! What the activity page reads beside the audit trail: refusals counted by day, and the trail by time.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("refusals")
                    .col(big_integer("shop_id"))
                    .col(text("code"))
                    .col(big_integer("day"))
                    .col(big_integer("count"))
                    .col(big_integer("last_at"))
                    .primary_key(Index::create().col("shop_id").col("code").col("day"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("refusals", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_lines_by_time")
                    .table("audit_lines")
                    .col("shop_id")
                    .col("at")
                    .col("seq")
                    .take(),
            )
            .await
    }
}
