//! `backup` and `restore`: what was acknowledged is in the copy, what is no whole copy is refused, and nothing is lost on
//! the way back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, Deed, Store};
use tokio::task::spawn_blocking;

use crate::support::app::{ENCRYPTION_KEYS, SHOP, open_store};
use crate::support::command::CommandLine;
use crate::support::wait::until;

const OTHER_KEY: &str = "k9:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";
const SECRET: &str = "subtotal-secret-key-of-the-backup";
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a SQLite database, `test.db`, in which a shop is installed.
fn with_shop() -> CommandLine {
    let line = CommandLine::new([
        ("DATABASE_URL", "sqlite://test.db?mode=rwc"),
        ("ENCRYPTION_KEYS", ENCRYPTION_KEYS),
        ("SHOPIFY_API_KEY", "client-id"),
        ("SHOPIFY_API_SECRET", "client-secret"),
        ("SHOPIFY_APP_URL", "https://app.example.com"),
        ("PORT", "0"),
    ]);
    line.run_with_input(&["shop", "set", SHOP, "--api-key-stdin"], SECRET.as_bytes()).done();
    line
}

async fn store_of(file: &Path) -> Store {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let settings = [("DATABASE_URL", url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)];
    open_store(&settings.map(|(name, value)| (name.into(), value.into())).into()).await
}

async fn change(file: &Path, sql: &str) {
    let db = Database::connect(format!("sqlite://{}?mode=rw", file.display())).await.unwrap();
    db.execute_unprepared(&format!("PRAGMA foreign_keys = off; {sql}")).await.unwrap();
    db.close().await.unwrap();
}

/// Makes the database large enough for a copy to take a while.
async fn grow(file: &Path) {
    let sql = "INSERT INTO visibility_lists (id, shop_id, retailer_id, generation, updated_at) \
         SELECT 900, id, 'grown', 1, 1 FROM shops; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
         INSERT INTO visibility_entries (list_id, generation, value) \
         SELECT 900, 1, 'somebody-with-a-long-name-' || i || '@example.com' FROM n";
    change(file, sql).await;
}

fn names_with(line: &CommandLine, part: &str) -> Vec<String> {
    line.files().into_iter().filter(|name| name.contains(part)).collect()
}

fn lines_in(line: &CommandLine, copy: &str) -> i64 {
    let mut reader = CommandLine::new([("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    let read = reader.folder().join("read.db");
    fs::copy(line.folder().join(copy), &read).unwrap();
    reader.set("DATABASE_URL", Some(&format!("sqlite://{}", read.display())));
    reader.run(&["audit", "verify", SHOP, "--json"]).json()["trails"][0]["lines"].as_i64().unwrap()
}

#[actix_web::test]
async fn a_copy_made_while_others_write_holds_everything_acknowledged_before_it_began() {
    let line = with_shop();
    let file = line.folder().join("test.db");
    grow(&file).await;
    let store = store_of(&file).await;
    let shop_id = store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    let (acknowledged, stop) = (Arc::<AtomicI64>::default(), Arc::<AtomicBool>::default());
    let (count, stopped) = (acknowledged.clone(), stop.clone());
    let writer = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            let deed = Deed { actor: Actor::CommandLine, action: "settings.changed", detail: json!({}) };
            store.record(shop_id, &deed, 1).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    until(PATIENCE, "somebody writes", async || acknowledged.load(Ordering::Relaxed) > 20).await;
    let line = Arc::new(line);
    for copy in ["one.db", "two.db", "three.db"] {
        let before = acknowledged.load(Ordering::Relaxed);
        let runner = line.clone();
        let told = spawn_blocking(move || runner.run(&["backup", copy, "--json"])).await.unwrap().json();
        let after = acknowledged.load(Ordering::Relaxed);
        assert!(after > before, "nobody wrote meanwhile");
        let held = told["contents"]["rows"]["audit_lines"].as_i64().unwrap();
        // One line is the shop's own, of when it was installed; one may be written and not counted yet.
        assert!((before + 1..=after + 2).contains(&held), "{before} ≤ {held} ≤ {after}");
        assert_eq!(lines_in(&line, copy), held, "the chain is whole");
        assert_eq!((&told["trouble"], &told["sealsChecked"]), (&Value::Null, &json!(true)));
        let mode = fs::metadata(line.folder().join(copy)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert_eq!(names_with(&line, "partial"), Vec::<String>::new());
}

#[actix_web::test]
async fn a_copy_replaces_nothing_unasked_and_never_the_database_itself() {
    let line = with_shop();
    line.write("there.db", "something else");
    assert!(line.run(&["backup", "there.db"]).failed(1).contains("--force"));
    assert_eq!(fs::read_to_string(line.folder().join("there.db")).unwrap(), "something else");
    for used in ["test.db", "./test.db"] {
        assert!(line.run(&["backup", used, "--force"]).failed(1).contains("the database itself"));
    }
    let said = line.run(&["backup", "there.db", "--force"]).done();
    assert!(said.contains("ENCRYPTION_KEYS") && !said.contains(SECRET), "{said}");
    line.run(&["backup", "no/such/folder/copy.db"]).failed(1);
    assert_eq!(line.run(&["shop", "list", "--json"]).json()[0]["domain"], SHOP);
}

#[actix_web::test]
async fn postgresql_is_copied_by_its_own_tools() {
    let line = CommandLine::new([("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]);
    for command in ["backup", "restore"] {
        let reason = line.run(&[command, "copy.db"]).failed(1);
        assert!(reason.contains("docs/runbook.md") && reason.contains("Backup and restore"), "{reason}");
    }
    assert!(include_str!("../../../docs/runbook.md").contains("\n## Backup and restore\n"));
}

#[actix_web::test]
async fn a_copy_that_is_killed_leaves_no_file_of_its_name() {
    let line = with_shop();
    grow(&line.folder().join("test.db")).await;
    let mut cut_short = 0;
    for nth in 0..20 {
        let copy = format!("copy-{nth}.db");
        let mut command = Command::new(env!("CARGO_BIN_EXE_subtotal-connect"));
        command.args(["backup", &copy]).current_dir(line.folder()).env_clear();
        command.envs([("DATABASE_URL", "sqlite://test.db"), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let part = format!(".{copy}.partial-");
        until(PATIENCE, "a part is written, or all of it", async || {
            let parts = names_with(&line, &part);
            let written = |name: &String| fs::metadata(line.folder().join(name)).is_ok_and(|file| file.len() > 0);
            parts.iter().any(written) || child.try_wait().unwrap().is_some()
        })
        .await;
        let _ = child.kill();
        let ended = child.wait().unwrap();
        assert!(ended.success() || ended.code().is_none(), "it failed by itself: {ended}");
        if line.folder().join(&copy).exists() {
            assert_eq!(lines_in(&line, &copy), 1, "what has the name is whole");
        } else {
            cut_short += 1;
        }
        if cut_short == 3 {
            break;
        }
    }
    assert!(cut_short > 0, "none was killed in time");
}

#[actix_web::test]
async fn what_is_no_whole_copy_is_not_restored() {
    let line = with_shop();
    grow(&line.folder().join("test.db")).await;
    line.run(&["backup", "copy.db"]).done();
    let folder = line.folder().to_owned();
    let whole = fs::read(folder.join("copy.db")).unwrap();
    let before = fs::read(folder.join("test.db")).unwrap();
    let damaged = |name: &str, bytes: Vec<u8>| {
        fs::write(folder.join(name), bytes).unwrap();
        name.to_owned()
    };
    let mut overwritten = whole.clone();
    overwritten[whole.len() / 2..whole.len() / 2 + 4096].fill(0x5a);
    fs::write(folder.join("orphan.db"), &whole).unwrap();
    change(&folder.join("orphan.db"), "INSERT INTO shop_hosts VALUES (77, 'storefront', 'x.example.com')").await;
    let cases = [
        (damaged("half.db", whole[..whole.len() / 2].to_vec()), "damaged"),
        (damaged("overwritten.db", overwritten), "damaged"),
        ("orphan.db".to_owned(), "shop_hosts belongs to nothing"),
        (damaged("text.db", b"not a database, and long enough to be looked at".repeat(100)), "not a database of"),
        (damaged("empty.db", Vec::new()), "not a database of"),
        ("missing.db".to_owned(), "can not be read"),
    ];
    for (copy, reason) in cases {
        let said = line.run(&["restore", &copy, "--force", "--accept-damage"]).failed(1);
        assert!(said.contains(reason), "{copy}: {said}");
    }
    assert_eq!(fs::read(folder.join("test.db")).unwrap(), before, "the database is as it was");
    assert_eq!(names_with(&line, "restore"), Vec::<String>::new());
    assert_eq!(line.run(&["shop", "list", "--json"]).json()[0]["domain"], SHOP);
}

#[actix_web::test]
async fn a_copy_with_seals_or_trails_that_are_wrong_is_restored_only_when_told_so() {
    let mut line = with_shop();
    line.run(&["backup", "copy.db"]).done();
    fs::copy(line.folder().join("copy.db"), line.folder().join("tampered.db")).unwrap();
    change(&line.folder().join("tampered.db"), "UPDATE audit_lines SET actor = 'staff:1'").await;
    let said = line.run(&["restore", "tampered.db", "--force"]).failed(1);
    assert!(said.contains(&format!("line 1 of the audit trail of {SHOP}")), "{said}");
    line.set("ENCRYPTION_KEYS", Some(OTHER_KEY));
    let said = line.run(&["restore", "copy.db", "--force"]).failed(1);
    assert!(said.contains("1 of 1 sealed values do not open") && said.contains("\"k1\""), "{said}");
    line.run(&["restore", "copy.db", "--force", "--accept-damage"]).done();
    line.set("ENCRYPTION_KEYS", Some(ENCRYPTION_KEYS));
    change(&line.folder().join("test.db"), "UPDATE audit_lines SET actor = 'staff:1'").await;
    // A copy of what is wrong already is still better than none.
    let outcome = line.run(&["backup", "again.db"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("the copy is as the database is") && line.folder().join("again.db").exists());
}

#[actix_web::test]
async fn what_is_restored_is_the_database_of_then_and_that_of_now_is_kept() {
    let line = with_shop();
    line.run_with_input(&["rules", "set", SHOP, "--on", "--file", "-"], b"maya@example.org\n").done();
    let shop = line.run(&["shop", "show", SHOP, "--json"]).json();
    line.run(&["backup", "copy.db"]).done();
    line.run(&["shop", "remove", SHOP]).done();
    assert!(line.run(&["restore", "copy.db"]).failed(1).contains("--force"));

    let serve = line.start(&["serve"]);
    serve.url_after("listening on ");
    assert!(line.run(&["restore", "copy.db", "--force"]).failed(1).contains("stop every process"));
    assert_eq!(serve.terminate(), Some(0));

    let told = line.run(&["restore", "copy.db", "--force", "--json"]).json();
    assert_eq!(line.run(&["shop", "show", SHOP, "--json"]).json(), shop);
    assert_eq!(line.run(&["rotate-keys", "--check", "--json"]).json()["left"], 0);
    assert!(line.run(&["rules", "show", SHOP]).done().contains("maya@example.org"));
    assert!(line.run(&["audit", "verify"]).done().contains(SHOP));
    let store = store_of(&line.folder().join("test.db")).await;
    let loaded = store.load_shop(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&loaded.api_key.unwrap().0), SECRET);
    store.close().await.unwrap();
    // The one before, with what was still in its log.
    let mut before = CommandLine::new([("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    let kept = line.folder().join(told["keptAs"].as_str().unwrap());
    before.set("DATABASE_URL", Some(&format!("sqlite://{}", kept.display())));
    assert_eq!(before.run(&["shop", "list", "--json"]).json(), json!([]));
    assert!(before.run(&["audit", "verify"]).done().contains("service: whole, 1 lines"));

    // And into a place where nothing is.
    fs::remove_file(line.folder().join("test.db")).unwrap();
    let _ = fs::remove_file(line.folder().join("test.db-wal"));
    let _ = fs::remove_file(line.folder().join("test.db-shm"));
    assert!(line.run(&["restore", "copy.db"]).done().contains("1 sealed values"));
    assert_eq!(line.run(&["shop", "show", SHOP, "--json"]).json(), shop);
}

#[actix_web::test]
async fn a_damaged_database_with_its_log_is_kept_whole_when_a_copy_takes_its_place() {
    let line = with_shop();
    line.run(&["backup", "copy.db"]).done();
    line.write("test.db", "what a broken disk left");
    line.write("test.db-wal", "and its log");
    let told = line.run(&["restore", "copy.db", "--force", "--json"]).json();
    let kept = line.folder().join(told["keptAs"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&kept).unwrap(), "what a broken disk left");
    assert_eq!(fs::read_to_string(format!("{}-wal", kept.display())).unwrap(), "and its log");
    assert_eq!(line.run(&["shop", "list", "--json"]).json()[0]["domain"], SHOP);
}

#[actix_web::test]
async fn a_copy_with_an_older_schema_is_brought_up() {
    const UNDO: &str = "ALTER TABLE audit_heads DROP COLUMN pruned_seq; ALTER TABLE audit_heads DROP COLUMN pruned_digest; \
         ALTER TABLE service_audit_heads DROP COLUMN pruned_seq; \
         ALTER TABLE service_audit_heads DROP COLUMN pruned_digest; \
         DELETE FROM seaql_migrations WHERE version = 'm0023_pruned_trails'";
    let line = with_shop();
    change(&line.folder().join("test.db"), UNDO).await;
    let told = line.run(&["backup", "old.db", "--json"]).json();
    assert_eq!((&told["contents"]["pendingMigrations"], &told["contents"]["trails"]), (&json!(1), &json!(2)));
    assert!(line.run(&["restore", "old.db", "--force"]).done().contains("lacked 1 migrations"));
    assert_eq!(line.run(&["shop", "list", "--json"]).json()[0]["domain"], SHOP);
    assert_eq!(names_with(&line, "scratch"), Vec::<String>::new());
    assert_eq!(names_with(&line, "subtotal-connect-restore"), Vec::<String>::new());
}
