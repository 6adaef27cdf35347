//! The audit trail of each shop: a chain in which every line holds the digest of the one before, and the head of the
//! chain beside it, so that a changed or removed line is found. No personal data.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_lines")
                    .col(big_integer("shop_id"))
                    .col(big_integer("seq"))
                    .col(big_integer("at"))
                    .col(text("actor"))
                    .col(text("action"))
                    .col(text("detail"))
                    .col(text("digest"))
                    .primary_key(Index::create().col("shop_id").col("seq"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("audit_lines", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_heads")
                    .col(big_integer("shop_id").primary_key())
                    .col(big_integer("seq"))
                    .col(text("digest"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("audit_heads", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
