//! `shops`: one row a shop, and what its merchant chose.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shops")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub domain: String,
    pub enforce_visibility: bool,
    pub no_email: String,
    pub link_style: String,
    pub accounts: String,
    pub rate_limit_shop: Option<String>,
    pub rate_limit_customer: Option<String>,
    pub version: i64,
    pub uninstalled_at: Option<i64>,
    pub installed_at: Option<i64>,
    pub previous_uninstalled_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
