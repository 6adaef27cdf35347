//! The database fails. What waits was put before, because nothing can be put once it does.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use subtotal_connect::clock::Clock;
use tokio::time::{Instant, sleep_until};

use super::jobs::Jobs;
use super::row;
use super::table::Row;
use super::world::World;
use crate::support::cluster::Cluster;
use crate::support::database::TestDatabase;
use crate::support::process::Process;
use crate::support::relay::Relay;

/// When what waits is due; the fault has begun by then.
const DUE_AFTER: Duration = Duration::from_millis(2000);
/// How late each answer of a slow server comes, in milliseconds; the page says it too.
const LATE: u64 = 100;
/// How long the fault lasts from then on. Queues are looked at every two seconds.
const LASTS: Duration = Duration::from_millis(2500);

/// As [`World::endures`], with jobs that become due while the database fails.
async fn endures(world: &World, row: &Row, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    world.is_well("before").await;
    let jobs = Jobs::give_for_later(world, DUE_AFTER).await;
    let due = Instant::now() + DUE_AFTER;
    begin().await;
    assert!(Instant::now() < due, "the fault began too late");
    let mut seen = world.ask().await;
    sleep_until(due + LASTS).await;
    seen.extend(jobs.stand(world));
    row.assert_holds(&seen);
    end().await;
    jobs.are_done(world).await;
    world.is_well("afterwards").await;
}

/// The world on a server of its own; `None` where the suite runs on SQLite.
async fn on_a_server_of_its_own() -> Option<(World, Cluster)> {
    let cluster = Cluster::start().await?;
    let database = TestDatabase::in_cluster(cluster.url());
    Some((World::start_on(database, Clock::system()).await, cluster))
}

#[actix_web::test]
async fn postgres_is_slow() {
    let Some(cluster) = Cluster::start().await else { return };
    let relay = Relay::start(cluster.port()).await;
    let database = TestDatabase::in_cluster(Cluster::url_at(relay.port));
    let world = World::start_on(database, Clock::system()).await;
    world.endures(row!(), async |_| relay.delay(LATE), async |_| relay.delay(0)).await;
    world.app.stop().await;
}

#[actix_web::test]
async fn postgres_does_not_answer() {
    let Some((world, cluster)) = on_a_server_of_its_own().await else { return };
    endures(&world, row!(), async || cluster.pause(), async || cluster.resume()).await;
    world.app.stop().await;
}

#[actix_web::test]
async fn postgres_is_gone() {
    let Some((world, cluster)) = on_a_server_of_its_own().await else { return };
    endures(&world, row!(), async || cluster.down(), async || cluster.up()).await;
    world.app.stop().await;
}

/// No row can be written: the server says of each what it says of a full disk.
#[actix_web::test]
async fn postgres_is_full() {
    if !TestDatabase::is_postgres() {
        return;
    }
    let world = World::start().await;
    let database = &world.app.database;
    let says = async |what: &str| {
        let body = format!("RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what}; RETURN NEW; END $$");
        database.execute(&format!("CREATE OR REPLACE FUNCTION before_write() {body}")).await;
    };
    says("NULL").await;
    for table in database.rows().await.into_keys() {
        let trigger = format!("CREATE TRIGGER before_write BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW");
        database.execute(&format!("{trigger} EXECUTE FUNCTION before_write()")).await;
    }
    let no_space = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'";
    endures(&world, row!(), async || says(no_space).await, async || says("NULL").await).await;
}

#[actix_web::test]
async fn another_writer_holds_sqlite() {
    let world = World::start_on(TestDatabase::sqlite(), Clock::system()).await;
    let mut options = ConnectOptions::new(world.app.database.url.clone());
    let other = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    let hold = async || {
        world.until("the file is held", async || other.execute_unprepared("BEGIN EXCLUSIVE").await.is_ok()).await;
    };
    let let_go = async || {
        other.execute_unprepared("ROLLBACK").await.unwrap();
    };
    endures(&world, row!(), hold, let_go).await;
}

#[actix_web::test]
async fn the_disk_below_sqlite_is_full() {
    let mut world = World::start_on(TestDatabase::sqlite(), Clock::system()).await;
    world.app.stop().await;
    let process = Process::start(&world.app.settings, &[]).await;
    world.address = process.address.clone();
    endures(&world, row!(), async || process.limit_files("0"), async || process.limit_files("unlimited")).await;
}
