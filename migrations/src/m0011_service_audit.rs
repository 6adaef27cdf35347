//! The installation's own audit trail, a chain like a shop's. It outlives every shop, so what was done to a shop that is
//! gone is still told. `shop_id` is always 0: the two kinds of trail are read by the same statements.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("service_audit_lines")
                    .col(big_integer("shop_id"))
                    .col(big_integer("seq"))
                    .col(big_integer("at"))
                    .col(text("actor"))
                    .col(text("action"))
                    .col(text("detail"))
                    .col(text("digest"))
                    .primary_key(Index::create().col("shop_id").col("seq"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("service_audit_heads")
                    .col(big_integer("shop_id").primary_key())
                    .col(big_integer("seq"))
                    .col(text("digest"))
                    .take(),
            )
            .await
    }
}
