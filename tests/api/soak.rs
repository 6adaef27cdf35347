//! Mixed load for a while: neither memory nor open files grow, and no table but those whose rows age away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::fleet::proxy::Proxy;
use crate::fleet::site::Site;
use crate::fleet::traffic::send;
use crate::fleet::{Fleet, Footprint};
use crate::support::app::TestApp;
use crate::support::wait::until;

/// Requests a second.
const RATE: u32 = 30;
/// How much more a replica may hold at the end than when it was warm: room for the allocator, not for a leak.
const MORE_MEMORY: u64 = 12 * 1024 * 1024;
/// Connections of the proxy, each with two handles, and of database and upstreams come and go with the load. A leak would be
/// thousands.
const MORE_FILES: usize = 100;
/// Tables with a row for each event or webhook, which go when the shop's days are over, and the column that says how old
/// a row is.
const AGING: [(&str, &str); 3] =
    [("subtotal_events", "received_at"), ("deliveries", "ended_at"), ("webhook_deliveries", "received_at")];
/// Tables with a row for each shopper, connection or thing that happened. They stay as long as the shop.
const STAYING: [&str; 6] = [
    "connection_claims",
    "connections",
    "followed_connections",
    "connection_notices",
    "happenings",
    "compliance_receipts",
];

/// How long; CI and `just soak` say.
#[expect(clippy::disallowed_methods, reason = "whoever runs it says how long")]
fn seconds() -> u64 {
    std::env::var("SOAK_SECONDS").map_or(120, |text| text.parse().expect("SOAK_SECONDS is a number"))
}

/// `SOAK_SECONDS=1800 cargo test --test api -- --ignored --nocapture soak`, with `TEST_DATABASE_URL` for PostgreSQL.
#[actix_web::test]
#[ignore = "takes as long as it is told to"]
async fn nothing_grows_under_a_load_that_goes_on() {
    assert!(Proxy::is_installed());
    let app = TestApp::start().await;
    let sites = Site::several(&app, 3).await;
    let mut fleet = Fleet::start(&app, &[("RUST_LOG", "warn,subtotal_connect::commands=info")]).await;
    let (address, stop) = (fleet.proxy.address.clone(), Arc::new(AtomicBool::new(false)));
    let span = Duration::from_secs(seconds());
    let begun = Instant::now();
    let watching = async {
        // Caches, pools and the allocator are warm after a quarter.
        sleep_until(begun + span / 4).await;
        let (warm, rows) = (fleet.footprint(), sizes(&app).await);
        print("warm", &warm);
        for part in 2..=4 {
            sleep_until(begun + span / 4 * part).await;
            print(&format!("{part}/4"), &fleet.footprint());
        }
        let end = fleet.footprint();
        stop.store(true, Ordering::Relaxed);
        (warm, end, rows)
    };
    let (ended, (warm, end, rows)) = tokio::join!(send(&app, &address, &sites, RATE, stop.clone()), watching);
    for (warm, end) in warm.iter().zip(&end) {
        assert!(end.resident < warm.resident + MORE_MEMORY, "memory grew: {warm:?} {end:?}");
        assert!(end.files < warm.files + MORE_FILES, "open files grew: {warm:?} {end:?}");
    }
    for (table, count) in sizes(&app).await {
        let grown = count - rows[&table];
        let may = STAYING.contains(&table.as_str())
            || AGING.iter().any(|(aging, _)| *aging == table)
            || table == "delivery_attempts";
        println!("{table}: {count} rows, {grown} more than when it was warm");
        assert!(may || grown <= 2, "{table} grew by {grown} rows");
    }
    let failed: Vec<_> = ended.iter().filter(|one| one.failure.is_some()).collect();
    println!("{} requests, {} failed", ended.len(), failed.len());
    assert!(failed.is_empty(), "{:?}", failed[0]);
    // Once they are old, they go: processes look when they start, and every hour.
    for (table, at) in AGING {
        app.database.execute(&format!("UPDATE {table} SET {at} = 1000 WHERE {at} IS NOT NULL")).await;
    }
    fleet.restart(0).await;
    until(Duration::from_secs(60), "what is old goes", async || {
        let sizes = sizes(&app).await;
        AGING.iter().all(|(table, _)| sizes[*table] == 0) && sizes["delivery_attempts"] == 0
    })
    .await;
}

fn print(when: &str, footprints: &[Footprint]) {
    for (nth, Footprint { resident, files }) in footprints.iter().enumerate() {
        println!("{when}: replica {nth} holds {} MiB and {files} files", resident / 1024 / 1024);
    }
}

/// How many rows each table has.
async fn sizes(app: &TestApp) -> BTreeMap<String, usize> {
    app.database.rows().await.into_iter().map(|(table, rows)| (table, rows.len())).collect()
}
