//! What fails is the process itself: its clock, its life, or the secrets it knows.

use std::time::Duration;

use subtotal_connect::clock::Clock;
use subtotal_connect::store::SecretKind;

use super::columns::Column;
use super::jobs::Jobs;
use super::row;
use super::world::World;
use crate::support::app::{ENCRYPTION_KEYS, SHOP, unix_now};
use crate::support::database::TestDatabase;
use crate::support::process::Process;

const TWO_MINUTES: Duration = Duration::from_secs(120);
const SECONDS: i64 = 120;
/// When what waits is due; the process is dead by then.
const DUE_AFTER: Duration = Duration::from_millis(500);
const NEWER_KEY: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";
const NEWER_CLIENT_SECRET: &str = "a-newer-client-secret-of-the-app";
const NEWER_WEBHOOK_SECRET: &str = "whsec-of-the-demo-shop-the-newer";

/// The world, with its clock two minutes behind the database's and everybody else's once `ahead` says so.
async fn at(unix_seconds: i64) -> World {
    World::start_on(TestDatabase::create().await, Clock::manual(unix_seconds * 1000)).await
}

#[actix_web::test]
async fn the_clock_is_two_minutes_behind() {
    let world = at(unix_now() - SECONDS).await;
    let begin = async |world: &World| world.signing.ahead.set(SECONDS);
    let end = async |world: &World| {
        world.app.clock.advance(TWO_MINUTES);
        world.signing.ahead.set(0);
    };
    world.endures(row!(), begin, end).await;
}

#[actix_web::test]
async fn the_clock_is_two_minutes_ahead() {
    let world = at(unix_now()).await;
    let begin = async |world: &World| {
        world.app.clock.advance(TWO_MINUTES);
        world.signing.ahead.set(-SECONDS);
    };
    // It can not go back here, so everybody else follows.
    world.endures(row!(), begin, async |world| world.signing.ahead.set(0)).await;
}

#[actix_web::test]
async fn the_process_is_killed() {
    let mut world = World::start().await;
    world.app.stop().await;
    let mut process = Process::start(&world.app.settings, &[]).await;
    world.address = process.address.clone();
    world.is_well("before").await;
    let jobs = Jobs::give_for_later(&world, DUE_AFTER).await;
    process.kill();
    let mut seen = world.ask().await;
    seen.extend(jobs.stand(&world));
    row!().assert_holds(&seen);
    let process = Process::start(&world.app.settings, &[]).await;
    world.address = process.address.clone();
    jobs.are_done(&world).await;
    world.is_well("afterwards").await;
}

/// A process with further settings takes the place of the one before.
async fn replaced(world: &mut World, before: Option<Process>, settings: &[(&str, &str)]) -> Process {
    let process = Process::start(&world.app.settings, settings).await;
    world.address = process.address.clone();
    if let Some(mut before) = before {
        before.terminate();
        before.ended().await;
    }
    process
}

#[actix_web::test]
async fn secrets_are_rotated() {
    let mut world = World::start().await;
    world.app.stop().await;
    let before = replaced(&mut world, None, &[]).await;
    world.is_well("before").await;

    // The old ones are still known, and who sends has heard of nothing.
    let both = format!("{NEWER_CLIENT_SECRET},{}", world.app.client_secret);
    let keys = format!("{NEWER_KEY},{ENCRYPTION_KEYS}");
    let settings = [("SHOPIFY_API_SECRET", both.as_str()), ("ENCRYPTION_KEYS", keys.as_str())];
    let during = replaced(&mut world, Some(before), &settings).await;
    world.app.store_secret(SHOP, SecretKind::SubtotalWebhook, NEWER_WEBHOOK_SECRET).await;
    world.load_version().await;
    let access = world.expiring().await;
    let jobs = Jobs::give(&world, access).await;
    let mut seen = world.ask().await;
    seen.extend(jobs.tried(&world).await);
    row!().assert_holds(&seen);

    // They have heard of it.
    let old = std::mem::replace(&mut world.signing.client_secret, NEWER_CLIENT_SECRET.to_owned());
    world.signing.webhook_secret = NEWER_WEBHOOK_SECRET.to_owned();
    world.is_well("with the newer secrets").await;

    // The old client secret is known no more.
    let settings = [("SHOPIFY_API_SECRET", NEWER_CLIENT_SECRET), ("ENCRYPTION_KEYS", keys.as_str())];
    let _afterwards = replaced(&mut world, Some(during), &settings).await;
    world.is_well("afterwards").await;
    world.signing.client_secret = old;
    for (column, refused) in [
        (Column::Retailers, "401 `invalid_signature`"),
        (Column::CustomerAccount, "401 `invalid_session_token`"),
        (Column::ShopifyDoor, "401 `invalid_signature`"),
        (Column::AdminHome, "401 `invalid_session_token`"),
    ] {
        assert_eq!(world.ask_for(column).await, refused, "{column:?}");
    }
}
