//! A shop's own limits on how often it and each of its customers may call, as `rate:burst` or `off`. Without one, the
//! installation's count.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["rate_limit_shop", "rate_limit_customer"] {
            manager.alter_table(Table::alter().table("shops").add_column(string_null(column)).take()).await?;
        }
        Ok(())
    }
}
