//! Visibility lists and their entries.
//!
//! `retailer_id` is empty for the shop's global list. Entries belong to a generation of their list, so that a new set
//! is written beside the one in force and takes over in one step.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("visibility_lists")
                    .col(big_pk_auto("id"))
                    .col(big_integer("shop_id"))
                    .col(text("retailer_id"))
                    .col(boolean("is_on").default(false))
                    .col(big_integer("version").default(1))
                    .col(big_integer("entry_count").default(0))
                    .col(big_integer("generation").default(0))
                    .col(big_integer("last_generation").default(0))
                    .col(big_integer("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("visibility_lists", "shop_id")
                            .to("shops", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("visibility_lists_of_shop")
                    .table("visibility_lists")
                    .col("shop_id")
                    .col("retailer_id")
                    .unique()
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("visibility_entries")
                    .col(big_integer("list_id"))
                    .col(big_integer("generation"))
                    .col(text("value"))
                    .primary_key(Index::create().col("list_id").col("generation").col("value"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("visibility_entries", "list_id")
                            .to("visibility_lists", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .take(),
            )
            .await
    }
}
