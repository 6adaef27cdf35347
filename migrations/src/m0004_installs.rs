//! When a shop was installed, what it was granted, and when its storefront was last seen. Times are Unix milliseconds.
//!
//! `installed_at` is when Shopify last proved that the app is installed; `previous_uninstalled_at` is the
//! uninstallation before that one; `scopes_at` is when the scopes were what they are.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            big_integer_null("installed_at"),
            big_integer_null("previous_uninstalled_at"),
            text_null("scopes"),
            big_integer_null("scopes_at"),
            big_integer_null("storefront_seen_at"),
        ] {
            manager.alter_table(Table::alter().table("shops").add_column(column).take()).await?;
        }
        Ok(())
    }
}
