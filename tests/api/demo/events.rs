//! What happens in the demo reaches the service as events, over real HTTP.

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use super::world::{Demo, until};

/// Kind and mark of everything that was told, in the order in which it was.
async fn told(demo: &Demo) -> Vec<(String, bool)> {
    let db = Database::connect(demo.database_url()).await.unwrap();
    let sql = "SELECT kind, is_simulated FROM happenings ORDER BY told_at, at, id";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    let told = rows.iter().map(|row| (row.try_get("", "kind").unwrap(), row.try_get("", "is_simulated").unwrap()));
    let told = told.collect();
    db.close().await.unwrap();
    told
}

async fn count(demo: &Demo, kind: &str) -> usize {
    told(demo).await.iter().filter(|(told, _)| told == kind).count()
}

async fn set(demo: &Demo, connection: &Value, status: &str) {
    demo.pull(json!({ "action": "status", "connection_id": connection["connection_id"], "status": status })).await;
}

#[actix_web::test]
async fn a_connections_life_and_its_purchases_are_told() {
    let demo = Demo::start();
    let connection = demo.state().await["connections"][3].clone();
    assert_eq!(connection["status"], "initialized");
    set(&demo, &connection, "active").await;
    until("it is connected, with its history", async || told(&demo).await.len() == 4).await;
    assert_eq!((count(&demo, "connected").await, count(&demo, "purchased").await), (1, 3));
    set(&demo, &connection, "unauthenticated").await;
    until("the login is lost", async || count(&demo, "unauthenticated").await == 1).await;
    demo.pull(json!({ "action": "events", "duplicate": true, "simulated": true })).await;
    set(&demo, &connection, "active").await;
    until("it is reauthenticated", async || count(&demo, "reauthenticated").await == 1).await;
    demo.pull(json!({ "action": "purchase", "connection_id": connection["connection_id"] })).await;
    until("it is bought", async || count(&demo, "purchased").await == 4).await;
    assert_eq!(told(&demo).await.iter().filter(|(_, simulated)| *simulated).count(), 2);
    // The first one waits for the second one, which is sent before it.
    demo.pull(json!({ "action": "events", "reorder": true })).await;
    set(&demo, &connection, "unauthenticated").await;
    set(&demo, &connection, "disconnected").await;
    until("both are told", async || told(&demo).await.len() == 9).await;
    demo.pull(json!({ "action": "events", "wrong_signature": true })).await;
    set(&demo, &connection, "active").await;
    until("it is refused", async || demo.state().await["events"][0]["status"] == 401).await;
    assert_eq!(told(&demo).await.len(), 9);
}
