//! The tables as SeaORM sees them: schema only, no behaviour. Claims and entries are written in plain SQL.
#![allow(unreachable_pub, reason = "SeaORM's macros require public models and columns")]

pub(crate) mod shop;
pub(crate) mod shop_host;
pub(crate) mod shop_secret;
pub(crate) mod visibility_list;
