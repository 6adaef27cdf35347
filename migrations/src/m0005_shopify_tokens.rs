//! The pair of expiring Admin API tokens of each shop: sealed together, so that it is stored in one step.
//!
//! `version` grows with every stored pair, from a random start. `refresh_until` is the lease of the one process that
//! refreshes, in Unix milliseconds on the database's clock; `problem` says why the pair is of no use any more.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("shopify_tokens")
                    .col(big_integer("shop_id").primary_key())
                    .col(blob("sealed"))
                    .col(text("key_id"))
                    .col(big_integer("access_expires_at"))
                    .col(big_integer("refresh_expires_at"))
                    .col(big_integer("version"))
                    .col(big_integer("refresh_until").default(0))
                    .col(text_null("problem"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("shopify_tokens", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
