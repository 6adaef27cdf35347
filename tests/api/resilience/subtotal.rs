//! Subtotal fails.

use super::columns::Column;
use super::row;
use super::table::Row;
use super::world::World;
use crate::support::fake_subtotal::Fault;

/// Every call to Subtotal goes wrong in one way, for a while.
async fn every_call_ends_in(fault: Fault, row: &Row) {
    let begin = async |world: &World| world.app.subtotal.break_everything(fault);
    World::start().await.endures(row, begin, async |world| world.app.subtotal.mend()).await;
}

#[actix_web::test]
async fn subtotal_is_slow() {
    every_call_ends_in(Fault::Hang, row!()).await;
}

#[actix_web::test]
async fn subtotal_is_down() {
    let begin = async |world: &World| world.app.subtotal.shut_down();
    World::start().await.endures(row!(), begin, async |world| world.app.subtotal.come_back().await).await;
}

#[actix_web::test]
async fn subtotal_has_had_too_many_requests() {
    every_call_ends_in(Fault::StatusRetryAfter(429, 1), row!()).await;
}

#[actix_web::test]
async fn subtotal_talks_nonsense() {
    every_call_ends_in(Fault::Html, row!()).await;
}

#[actix_web::test]
async fn subtotal_rejects_the_key() {
    let begin = async |world: &World| {
        world.app.subtotal.revoke_key(&world.app.api_key);
        // Somebody's request finds it out; until then the list that is held goes on.
        assert_eq!(world.ask_for(Column::Retailers).await, "502 `subtotal_api_key_rejected`");
    };
    let end = async |world: &World| world.app.subtotal.add_key(&world.app.api_key);
    World::start().await.endures(row!(), begin, end).await;
}
