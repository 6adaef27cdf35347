//! What was told on, once each by its id: ids only. It is kept as long as the shop is, because a purchase comes again
//! whenever its connection's history is read. And digests of connections whose customer was redacted, of which nothing
//! is taken in any more.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_shop = |table: &str| {
            ForeignKey::create()
                .from(table.to_owned(), "shop_id")
                .to("shops", "id")
                .on_delete(ForeignKeyAction::Cascade)
                .take()
        };
        manager
            .create_table(
                Table::create()
                    .table("happenings")
                    .col(big_integer("shop_id"))
                    .col(text("id"))
                    .col(text("kind"))
                    .col(text("connection_id"))
                    .col(text_null("customer_id"))
                    .col(boolean("is_simulated"))
                    .col(big_integer("at"))
                    .col(big_integer("told_at"))
                    .primary_key(Index::create().col("shop_id").col("id"))
                    .foreign_key(&mut of_shop("happenings"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("happenings_of_connection")
                    .table("happenings")
                    .col("shop_id")
                    .col("connection_id")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("erased_connections")
                    .col(big_integer("shop_id"))
                    .col(text("digest"))
                    .primary_key(Index::create().col("shop_id").col("digest"))
                    .foreign_key(&mut of_shop("erased_connections"))
                    .take(),
            )
            .await
    }
}
