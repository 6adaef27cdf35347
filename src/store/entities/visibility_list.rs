//! `visibility_lists`: the global list (empty `retailer_id`) and one list a retailer.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "visibility_lists")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub shop_id: i64,
    pub retailer_id: String,
    pub is_on: bool,
    pub version: i64,
    pub entry_count: i64,
    pub generation: i64,
    pub last_generation: i64,
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
