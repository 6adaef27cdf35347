//! What becomes of events: each thing that happened is told once, in whatever order and however often it is said.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use subtotal_connect::store::{PageEnd, SecretKind};

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::event::{
    SECRET, Sent, connection_event, due_now, id_from, kinds, purchase_event, settled, start, told, tried,
};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::process::Process;
use crate::support::wait::until;

/// An event `ago` milliseconds ago.
fn event(app: &TestApp, ago: i64, what: &str, connection: &str) -> Sent {
    Sent::new(&connection_event(&id_from(app, ago), what, connection))
}

/// A connection that is `status` at Subtotal, with so many purchases; their ids, newest first.
fn connection(app: &TestApp, status: &str, purchases: usize) -> (String, Vec<String>) {
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", status);
    let mut ids: Vec<String> = (0..purchases).map(|_| app.subtotal.add_purchase(&connection)).collect();
    ids.reverse();
    (connection, ids)
}

/// The purchases that were told, each as often as it was.
async fn purchases(app: &TestApp) -> Vec<String> {
    let told = told(app).await.into_iter().filter(|(kind, _)| kind == "purchased");
    told.map(|(_, id)| id.strip_prefix("purchase:").unwrap().to_owned()).collect()
}

async fn history(app: &TestApp) -> Value {
    app.database.table("followed_connections").await.remove(0)
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

#[actix_web::test]
async fn a_life_of_a_connection_is_told_as_it_was() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 0);
    let life = ["activated", "unauthenticated", "activated", "disconnected", "activated"];
    for (nth, what) in (0..).zip(life) {
        event(&app, 60_000 - nth * 1000, what, &connection).done(&app).await;
    }
    let expected = ["connected", "unauthenticated", "reauthenticated", "disconnected", "connected"];
    assert_eq!(kinds(&app).await, expected);
    let followed = history(&app).await;
    assert_eq!((&followed["status"], &followed["customer_id"]), (&json!("active"), &json!(ALICE)));
    assert_eq!(app.subtotal.count(Call::Connection), 3, "once for each history, never for a notice that is dated");
}

#[actix_web::test]
async fn a_notice_of_the_same_state_tells_nothing_twice() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 0);
    for (ago, what) in [(9, "activated"), (8, "activated"), (7, "unauthenticated"), (6, "unauthenticated")] {
        event(&app, ago * 1000, what, &connection).done(&app).await;
    }
    assert_eq!(kinds(&app).await, ["connected", "unauthenticated"]);
    assert_eq!(app.database.table("connection_notices").await.len(), 4);
}

#[actix_web::test]
async fn the_same_state_told_twice_the_wrong_way_round_tells_one_thing() {
    let app = start().await;
    let (connection, _) = connection(&app, "unauthenticated", 0);
    for ago in [6000, 8000, 7000, 9000] {
        event(&app, ago, "unauthenticated", &connection).done(&app).await;
    }
    assert_eq!(kinds(&app).await, ["unauthenticated"]);
}

#[actix_web::test]
async fn every_order_of_arrival_tells_the_same() {
    let life = [(4000, "activated"), (3000, "unauthenticated"), (2000, "activated")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0]] {
        let app = start().await;
        let (connection, _) = connection(&app, "active", 0);
        let events = life.map(|(ago, what)| event(&app, ago, what, &connection));
        for nth in order {
            events[nth].done(&app).await;
        }
        assert_eq!(kinds(&app).await, ["connected", "unauthenticated", "reauthenticated"], "{order:?}");
        assert_eq!(history(&app).await["status"], "active");
    }
}

#[actix_web::test]
async fn an_event_without_a_date_is_held_against_what_subtotal_says_now() {
    let app = start().await;
    let (connection, _) = connection(&app, "unauthenticated", 0);
    let undated = |id: &str, what: &str| Sent::new(&connection_event(id, what, &connection));
    undated("evt_2", "unauthenticated").done(&app).await;
    // It comes late: by now the login is lost, so it was before that.
    undated("evt_1", "activated").done(&app).await;
    assert_eq!(kinds(&app).await, ["connected", "unauthenticated"]);
    assert_eq!(history(&app).await["status"], "unauthenticated");
    app.subtotal.set_status(&connection, "active");
    undated("evt_3", "activated").done(&app).await;
    assert_eq!(kinds(&app).await, ["connected", "unauthenticated", "reauthenticated"]);
}

#[actix_web::test]
async fn events_of_one_connection_that_come_at_once_are_told_once_each() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 0);
    let life = ["activated", "unauthenticated"].repeat(10);
    let events: Vec<Sent> =
        (0..).zip(life).map(|(nth, what)| event(&app, 60_000 - nth * 1000, what, &connection)).collect();
    for answer in futures_util::future::join_all(events.iter().map(|sent| sent.send(&app))).await {
        assert_eq!(answer.status, 200);
    }
    settled(&app).await;
    let mut expected = vec!["connected"];
    expected.extend(["unauthenticated", "reauthenticated"].repeat(9));
    expected.push("unauthenticated");
    let kinds = kinds(&app).await;
    // A notice that came before its predecessor may have told `connected` where it was a reauthentication.
    let as_connections = |kind: &str| if kind == "reauthenticated" { "connected".to_owned() } else { kind.to_owned() };
    assert_eq!(
        kinds.iter().map(|kind| as_connections(kind)).collect::<Vec<_>>(),
        expected.iter().map(|kind| as_connections(kind)).collect::<Vec<_>>()
    );
}

#[actix_web::test]
async fn a_purchase_is_read_and_told_once_live_or_from_history() {
    let app = start().await;
    let (connection, bought) = connection(&app, "active", 3);
    let live = Sent::new(&purchase_event(&id_from(&app, 1000), &connection, &bought[1]));
    live.done(&app).await;
    assert_eq!(purchases(&app).await, [bought[1].clone()]);
    event(&app, 2000, "activated", &connection).done(&app).await;
    // The same purchase under another event, and one that is in no history yet.
    Sent::new(&purchase_event(&id_from(&app, 500), &connection, &bought[1])).done(&app).await;
    let newest = app.subtotal.add_purchase(&connection);
    Sent::new(&purchase_event(&id_from(&app, 400), &connection, &newest)).done(&app).await;
    let told = purchases(&app).await;
    assert_eq!((told.len(), set(&told)), (4, &set(&bought) | &set(&[newest])));
    assert_eq!(app.subtotal.count(Call::Purchase), 4, "none is read twice");
    let row = app.database.table("happenings").await.into_iter().find(|row| row["kind"] == "purchased").unwrap();
    assert_eq!((&row["at"], &row["customer_id"]), (&json!(1_748_702_903_000_i64), &json!(ALICE)));
}

#[actix_web::test]
async fn a_whole_history_is_paged_through_and_again_after_a_reauthentication() {
    let app = start().await;
    let (connection, bought) = connection(&app, "active", 120);
    event(&app, 9000, "activated", &connection).done(&app).await;
    assert_eq!(app.subtotal.count(Call::Purchases), 3);
    event(&app, 8000, "unauthenticated", &connection).done(&app).await;
    let missed = app.subtotal.add_purchase(&connection);
    app.subtotal.forget_calls();
    event(&app, 7000, "activated", &connection).done(&app).await;
    let told = purchases(&app).await;
    assert_eq!((told.len(), set(&told)), (121, &set(&bought) | &set(&[missed])));
    assert_eq!(app.subtotal.count(Call::Purchase), 1, "only the one that was missed");
}

#[actix_web::test]
async fn a_history_that_is_cut_short_goes_on_where_it_was() {
    let app = start().await;
    let (connection, bought) = connection(&app, "active", 120);
    app.subtotal.break_call_times(Call::Purchase, Fault::Status(500), 5);
    event(&app, 9000, "activated", &connection).send(&app).await;
    tried(&app).await;
    let told = purchases(&app).await.len();
    assert!((1..=45).contains(&told), "the rest of the page is told all the same: {told}");
    assert!(history(&app).await["cursor"].is_null());
    due_now(&app).await;
    settled(&app).await;
    let told = purchases(&app).await;
    assert_eq!((told.len(), set(&told)), (120, set(&bought)));
}

#[actix_web::test]
async fn a_purchase_that_can_not_be_read_stops_no_other() {
    let app = start().await;
    let (connection, bought) = connection(&app, "active", 60);
    app.subtotal.poison(&bought[10]);
    event(&app, 9000, "activated", &connection).send(&app).await;
    for _ in 0..12 {
        tried(&app).await;
        if history(&app).await["history"] == "done" {
            break;
        }
        app.database.execute("UPDATE followed_connections SET due_at = 0, problem = NULL").await;
        Sent::new(&json!({ "type": "connection.initialized", "id": id_from(&app, 0) })).send(&app).await;
    }
    settled(&app).await;
    let row = history(&app).await;
    assert_eq!((&row["history"], &row["skipped"]), (&json!("done"), &json!(1)));
    assert_eq!(purchases(&app).await.len(), 59);
    // The same as an event: it ends as failed, and the one after it is told.
    let poison = Sent::new(&purchase_event(&id_from(&app, 900), &connection, &bought[10]));
    poison.send(&app).await;
    let newest = app.subtotal.add_purchase(&connection);
    Sent::new(&purchase_event(&id_from(&app, 800), &connection, &newest)).send(&app).await;
    tried(&app).await;
    app.database.execute("UPDATE subtotal_events SET attempts = 20, due_at = 0 WHERE state = 'waiting'").await;
    settled(&app).await;
    let rows = app.database.table("subtotal_events").await;
    let failed: Vec<&Value> = rows.iter().filter(|row| row["state"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["problem"], "Subtotal is unavailable: server error");
    assert!(purchases(&app).await.contains(&newest));
}

#[actix_web::test]
async fn a_history_ends_when_the_connection_does() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 10);
    app.subtotal.break_call(Call::Purchases, Fault::Status(503));
    event(&app, 9000, "activated", &connection).send(&app).await;
    tried(&app).await;
    event(&app, 8000, "disconnected", &connection).send(&app).await;
    app.subtotal.mend();
    until(Duration::from_secs(60), "it is told", async || kinds(&app).await.len() == 2).await;
    due_now(&app).await;
    settled(&app).await;
    assert_eq!(history(&app).await["history"], "stopped");
    assert_eq!(purchases(&app).await, Vec::<String>::new());
}

#[actix_web::test]
async fn the_simulators_mark_is_kept_all_the_way() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 2);
    let mut simulated = connection_event(&id_from(&app, 9000), "activated", &connection);
    simulated["is_simulated"] = true.into();
    Sent::new(&simulated).done(&app).await;
    for table in ["subtotal_events", "connection_notices", "followed_connections", "happenings"] {
        for row in app.database.table(table).await {
            assert!(row["is_simulated"] == true || row["is_simulated"] == 1, "{table}: {row}");
        }
    }
    assert_eq!(kinds(&app).await, ["purchased", "purchased", "connected"]);
    event(&app, 8000, "unauthenticated", &connection).done(&app).await;
    let rows = app.database.table("happenings").await;
    let real = rows.iter().find(|row| row["kind"] == "unauthenticated").unwrap();
    assert!(real["is_simulated"] == false || real["is_simulated"] == 0, "{real}");
}

#[actix_web::test]
async fn two_processes_share_the_work_and_tell_each_thing_once() {
    let app = start().await;
    let second = Process::start(&app.settings, &[]).await;
    let mut expected = BTreeSet::new();
    let mut sends = Vec::new();
    for nth in 0..20 {
        let (connection, bought) = connection(&app, "active", 3);
        expected.extend(bought.iter().cloned());
        sends.push(event(&app, 60_000 + nth, "activated", &connection));
        sends.extend(
            bought.iter().map(|purchase| Sent::new(&purchase_event(&id_from(&app, 1000 + nth), &connection, purchase))),
        );
    }
    let requests = sends.iter().enumerate().flat_map(|(nth, sent)| {
        let address = if nth % 2 == 0 { &app.address } else { &second.address };
        [app.send(sent.request(&app, address), ""), app.send(sent.request(&app, &app.address), "")]
    });
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer.status, 200);
    }
    settled(&app).await;
    let told = purchases(&app).await;
    assert_eq!((told.len(), set(&told)), (60, expected));
    assert_eq!(kinds(&app).await.iter().filter(|kind| *kind == "connected").count(), 20);
}

#[actix_web::test]
async fn a_process_killed_in_the_middle_of_a_history_loses_and_repeats_nothing() {
    let app = start().await;
    app.stop().await;
    let (connection, bought) = connection(&app, "active", 130);
    app.subtotal.set_latency(Duration::from_millis(15));
    let mut first = Process::start(&app.settings, &[]).await;
    let sent = event(&app, 9000, "activated", &connection);
    assert_eq!(app.send(sent.request(&app, &first.address), "").await.status, 200);
    until(Duration::from_secs(30), "the second page is begun", async || purchases(&app).await.len() > 55).await;
    first.kill();
    let before = purchases(&app).await.len();
    assert!(before < 130, "it was killed in the middle");
    assert!(history(&app).await["cursor"].is_string());
    // Its lease runs out.
    due_now(&app).await;
    let _second = Process::start(&app.settings, &[]).await;
    settled(&app).await;
    let told = purchases(&app).await;
    assert_eq!((told.len(), set(&told)), (130, set(&bought)));
    assert_eq!(kinds(&app).await.iter().filter(|kind| *kind == "connected").count(), 1);
}

#[actix_web::test]
async fn who_was_taken_over_can_neither_tell_nor_move_on() {
    let app = start().await;
    let (connection, _) = connection(&app, "active", 0);
    event(&app, 9000, "activated", &connection).done(&app).await;
    app.stop().await;
    app.database.execute("UPDATE followed_connections SET history = 'waiting', due_at = 0").await;
    let held = app.store.lease_history(0, 60_000).await.unwrap().unwrap();
    assert!(app.store.lease_history(0, 60_000).await.unwrap().is_none(), "it is held");
    due_now(&app).await;
    let taken = app.store.lease_history(0, 60_000).await.unwrap().unwrap();
    assert!(!app.store.end_page(&held, &PageEnd::Done, 0).await.unwrap());
    app.store.fail_history(&held, "too late", None).await.unwrap();
    assert!(app.store.end_page(&taken, &PageEnd::Done, 0).await.unwrap());
    assert_eq!((&history(&app).await["history"], &history(&app).await["problem"]), (&json!("done"), &json!(null)));
}

#[actix_web::test]
async fn a_shop_with_many_waiting_events_does_not_keep_another_one_waiting() {
    const OTHER: &str = "other.myshopify.com";
    let app = start().await;
    app.install(OTHER).await;
    app.store_secret(OTHER, SecretKind::SubtotalWebhook, SECRET).await;
    app.subtotal.set_latency(Duration::from_millis(30));
    // Undated, so that each costs calls.
    let (connection, _) = connection(&app, "unauthenticated", 0);
    let many = (0..400).map(|nth| Sent::new(&connection_event(&format!("evt_{nth}"), "unauthenticated", &connection)));
    for sent in many {
        assert_eq!(sent.send(&app).await.status, 200);
    }
    let one = event(&app, 1000, "disconnected", "01OTHER");
    let started = std::time::Instant::now();
    Sent { path: format!("/webhooks/subtotal/{OTHER}"), ..one }.send(&app).await;
    let others = async || kinds(&app).await.iter().any(|kind| kind == "disconnected");
    until(Duration::from_secs(2), "the other shop's is told", others).await;
    println!("told after {:?}", started.elapsed());
    let waiting = app.database.table("subtotal_events").await.iter().filter(|row| row["state"] == "waiting").count();
    println!("{waiting} of the first shop's still waited");
    settled(&app).await;
    assert_eq!(app.database.table("connection_notices").await.len(), 401);
    assert_eq!(app.subtotal.connections().len(), 1);
    assert_ne!(SHOP, OTHER);
}
