//! Where a trail begins once its oldest lines were pruned: the number and the digest of the last of them, which the chain
//! is followed from. 0 and empty: nothing was pruned.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["audit_heads", "service_audit_heads"] {
            for column in [big_integer("pruned_seq").default(0).take(), text("pruned_digest").default("").take()] {
                manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
            }
        }
        Ok(())
    }
}
