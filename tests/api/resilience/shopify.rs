//! Shopify fails, or Klaviyo does.

use super::columns::Column;
use super::row;
use super::table::Row;
use super::world::{RENEWING, World};
use crate::support::app::SHOP;
use crate::support::fake_admin::AdminFault;
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_tokens::TokenFault;

/// Everything that is asked of Shopify goes wrong, for a while.
async fn shopify_fails(fault: AdminFault, tokens: TokenFault, row: &Row) {
    let set = |world: &World, fault, fault_of_tokens| {
        world.app.admin.set_fault(fault);
        world.app.admin.tokens(|tokens| tokens.fault = fault_of_tokens);
    };
    let begin = async |world: &World| set(world, fault, tokens);
    let end = async |world: &World| set(world, AdminFault::None, TokenFault::None);
    World::start().await.endures(row, begin, end).await;
}

#[actix_web::test]
async fn shopify_is_down() {
    shopify_fails(AdminFault::Status(503), TokenFault::Status(503), row!()).await;
}

#[actix_web::test]
async fn shopify_does_not_answer() {
    shopify_fails(AdminFault::Hang, TokenFault::Hang, row!()).await;
}

#[actix_web::test]
async fn shopify_throttles() {
    shopify_fails(AdminFault::Throttled, TokenFault::Status(429), row!()).await;
}

#[actix_web::test]
async fn the_shops_token_is_dead() {
    let begin = async |world: &World| {
        world.app.admin.set_fault(AdminFault::Status(401));
        for shop in [SHOP, RENEWING] {
            world.app.admin.tokens(|tokens| tokens.revoke(shop));
        }
        world.app.database.execute("UPDATE shopify_tokens SET access_expires_at = {clock} - 1").await;
        // Somebody's request finds it out.
        let sees = world.ask_for(Column::Visibility).await;
        assert_eq!(sees, "200, block hidden");
    };
    let end = async |world: &World| {
        world.app.admin.set_fault(AdminFault::None);
        for shop in [SHOP, RENEWING] {
            assert_eq!(world.opens_admin(shop).await.unwrap().status, 200, "{shop}");
        }
    };
    World::start().await.endures(row!(), begin, end).await;
}

#[actix_web::test]
async fn klaviyo_is_down() {
    let begin = async |world: &World| world.app.klaviyo.set_fault(KlaviyoFault::Status(503));
    let end = async |world: &World| world.app.klaviyo.set_fault(KlaviyoFault::None);
    World::start().await.endures(row!(), begin, end).await;
}
