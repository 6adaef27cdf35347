//! Shops, the hosts they are known under, and their sealed secrets. Times are Unix milliseconds.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("shops")
                    .col(big_pk_auto("id"))
                    .col(text_uniq("domain"))
                    .col(boolean("enforce_visibility").default(false))
                    .col(text("no_email").default("hide"))
                    .col(text("link_style").default("connection"))
                    .col(text("accounts").default("new"))
                    .col(big_integer("version").default(1))
                    .col(big_integer_null("uninstalled_at"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("shop_hosts")
                    .col(big_integer("shop_id"))
                    .col(text("purpose"))
                    .col(text("host"))
                    .primary_key(Index::create().col("shop_id").col("purpose").col("host"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("shop_hosts", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("shop_secrets")
                    .col(big_integer("shop_id"))
                    .col(text("kind"))
                    .col(blob("sealed"))
                    .col(text("key_id"))
                    .col(text("hint"))
                    .col(big_integer("version").default(1))
                    .col(big_integer("updated_at"))
                    .primary_key(Index::create().col("shop_id").col("kind"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("shop_secrets", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
