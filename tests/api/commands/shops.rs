//! `shop`: what is stored, what of it is shown, and that secrets are sealed.

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use subtotal_connect::store::SecretKind;

use super::with_database;
use crate::support::app::{ALICE, ENCRYPTION_KEYS, SHOP, TestApp, open_store};
use crate::support::captured_log;
use crate::support::command::{CommandLine, Outcome};

const API_KEY: &str = "sk_live_0123456789_AbCd";
const SECRETS: [(&str, &str, &str); 3] = [
    ("--api-key-stdin", "apiKeyHint", API_KEY),
    ("--webhook-secret-stdin", "webhookSecretHint", "whsec_9876543210_EfGh"),
    ("--admin-token-stdin", "adminTokenHint", "shpat_0000111122223333_IjKl"),
];

fn store_secret(line: &CommandLine, option: &str, input: &str) -> Outcome {
    line.run_with_input(&["shop", "set", SHOP, option], input.as_bytes())
}

fn shown(line: &CommandLine) -> Value {
    line.run(&["shop", "show", SHOP, "--json"]).json()
}

#[actix_web::test]
async fn a_shop_is_installed_listed_shown_and_removed() {
    let (line, _database) = with_database().await;
    line.run(&["shop", "set", SHOP]).done();
    line.run(&["shop", "set", "another.myshopify.com"]).done();
    store_secret(&line, "--api-key-stdin", API_KEY).done();
    let list = "another.myshopify.com\tno Subtotal API key\ndemo.myshopify.com\tconfigured\n";
    assert_eq!(line.run(&["shop", "list"]).done(), list);
    let fresh = json!({
        "domain": SHOP, "configured": true, "domains": [], "redirectHosts": [], "enforceVisibility": false,
        "apiKeyHint": "AbCd", "webhookSecretHint": null, "adminTokenHint": null,
        "noEmail": "hide", "linkStyle": "connection", "accounts": "new",
        "rateLimitShop": "default", "rateLimitCustomer": "default",
    });
    assert_eq!(shown(&line), fresh);
    let listed = line.run(&["shop", "list", "--json"]).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[1]), (2, &fresh));

    line.run(&["rules", "set", SHOP, "--on"]).done();
    line.run(&["shop", "remove", SHOP]).done();
    assert_eq!(line.run(&["shop", "list"]).done(), "another.myshopify.com\tno Subtotal API key\n");
    assert!(line.run(&["shop", "show", SHOP]).failed(1).contains("is not installed"));

    // Installed again, it is a new shop: nothing of the old one is left.
    line.run(&["shop", "set", SHOP]).done();
    assert_eq!(shown(&line)["configured"], false);
    assert_eq!(line.run(&["rules", "show", SHOP, "--json"]).json(), json!([]));
}

#[actix_web::test]
async fn every_option_of_a_shop_is_stored_and_only_what_is_given_changes() {
    let (line, _database) = with_database().await;
    let all = ["--enforce-visibility", "on", "--no-email", "show", "--link-style", "token", "--accounts", "classic"];
    let domains = ["--domain", "shop.example.com", "--domain", "BÜCHER.example", "--redirect-host", "app.example.org"];
    line.run(&[&["shop", "set", SHOP][..], &all, &domains].concat()).done();
    let stored = shown(&line);
    assert_eq!(stored["enforceVisibility"], true);
    assert_eq!(stored["noEmail"], "show");
    assert_eq!(stored["linkStyle"], "token");
    assert_eq!(stored["accounts"], "classic");
    let mut hosts: Vec<_> = stored["domains"].as_array().unwrap().iter().map(|host| host.as_str().unwrap()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["shop.example.com", "xn--bcher-kva.example"]);
    assert_eq!(stored["redirectHosts"], json!(["app.example.org"]));

    line.run(&["shop", "set", SHOP, "--enforce-visibility", "off"]).done();
    let mut expected = stored.clone();
    expected["enforceVisibility"] = json!(false);
    assert_eq!(shown(&line), expected);
}

#[actix_web::test]
async fn a_shops_own_rate_limits_are_stored_shown_audited_and_taken_back() {
    let (line, database) = with_database().await;
    let limits = |line: &CommandLine| {
        let shown = shown(line);
        [&shown["rateLimitShop"], &shown["rateLimitCustomer"]].map(|limit| limit.as_str().unwrap().to_owned())
    };
    line.run(&["shop", "set", SHOP, "--rate-limit-shop", "500:1000", "--rate-limit-customer", "off"]).done();
    assert_eq!(limits(&line), ["500:1000", "off"]);
    let whole = line.run(&["shop", "show", SHOP]).done();
    assert!(whole.contains("500:1000") && whole.contains("of each customer         off"), "{whole}");
    line.run(&["shop", "set", SHOP, "--rate-limit-customer", "5:9"]).done();
    assert_eq!(limits(&line), ["500:1000", "5:9"], "only what is given changes");
    line.run(&["shop", "set", SHOP, "--rate-limit-shop", "default"]).done();
    assert_eq!(limits(&line), ["default", "5:9"]);
    let trail: Vec<Value> = database
        .table("audit_lines")
        .await
        .iter()
        .map(|line| serde_json::from_str(line["detail"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(
        trail,
        [
            json!({ "rateLimitShop": "500:1000", "rateLimitCustomer": "off" }),
            json!({ "rateLimitCustomer": "5:9" }),
            json!({ "rateLimitShop": "default" }),
        ]
    );
}

#[actix_web::test]
async fn repeated_domains_replace_those_that_were_stored() {
    let (line, _database) = with_database().await;
    line.run(&["shop", "set", SHOP, "--domain", "a.example", "--domain", "b.example"]).done();
    line.run(&["shop", "set", SHOP, "--redirect-host", "r.example"]).done();
    line.run(&["shop", "set", SHOP, "--domain", "c.example"]).done();
    assert_eq!(shown(&line)["domains"], json!(["c.example"]));
    assert_eq!(shown(&line)["redirectHosts"], json!(["r.example"]));
}

#[actix_web::test]
async fn a_secret_is_standard_input_less_its_line_end() {
    let (line, database) = with_database().await;
    let settings = [("DATABASE_URL", database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for end in ["", "\n", "\r\n"] {
        store_secret(&line, "--api-key-stdin", &format!("{API_KEY}{end}")).done();
        let store = open_store(&settings).await;
        let shop = store.load_shop(&SHOP.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&shop.api_key.unwrap().0), API_KEY, "{end:?}");
    }
}

#[actix_web::test]
async fn a_secret_that_is_empty_or_not_one_line_is_refused() {
    let (line, _database) = with_database().await;
    for input in [&b""[..], b"\n", b"\r\n", b"two\nlines", b"with space", b"tab\t", b"caf\xc3\xa9", b"\xff\xfe"] {
        let outcome = line.run_with_input(&["shop", "set", SHOP, "--api-key-stdin"], input);
        assert!(outcome.failed(1).contains("standard input"), "{input:?}");
    }
    assert_eq!(line.run(&["shop", "list"]).done(), "");
}

#[actix_web::test]
async fn one_call_takes_one_secret() {
    let (line, _database) = with_database().await;
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let arguments = ["shop", "set", SHOP, SECRETS[one].0, SECRETS[other].0];
        line.run_with_input(&arguments, API_KEY.as_bytes()).failed(2);
    }
    assert_eq!(line.run(&["shop", "list"]).done(), "");
}

#[actix_web::test]
async fn a_secret_needs_an_encryption_key() {
    let (mut line, _database) = with_database().await;
    line.set("ENCRYPTION_KEYS", None);
    let stderr = store_secret(&line, "--api-key-stdin", API_KEY).failed(1);
    assert!(stderr.contains("ENCRYPTION_KEYS") && !stderr.contains(API_KEY), "{stderr}");
    assert_eq!(line.run(&["shop", "list"]).done(), "", "a shop without its secret was left behind");
    // What touches no secret needs none.
    line.run(&["shop", "set", SHOP, "--accounts", "classic"]).done();
}

#[actix_web::test]
async fn no_command_shows_more_of_a_secret_than_its_last_four_characters() {
    let (line, _database) = with_database().await;
    for (option, hint, secret) in SECRETS {
        let said = store_secret(&line, option, secret);
        assert!(!format!("{said:?}").contains(&secret[secret.len() - 4..]), "{said:?}");
        assert_eq!(shown(&line)[hint], secret[secret.len() - 4..]);
    }
    for arguments in [&["shop", "show", SHOP][..], &["shop", "show", SHOP, "--json"], &["shop", "list", "--json"]] {
        let said = line.run(arguments).done();
        for (_, _, secret) in SECRETS {
            assert!(said.contains(&secret[secret.len() - 4..]), "{said}");
            assert!(!said.contains(&secret[secret.len() - 5..]) && !said.contains(&secret[..8]), "{said}");
        }
    }
    // Of a short secret four characters would be much.
    store_secret(&line, "--api-key-stdin", "sk_12345678").done();
    assert_eq!((shown(&line)["apiKeyHint"].as_str(), shown(&line)["configured"].as_bool()), (Some(""), Some(true)));
    assert!(line.run(&["shop", "show", SHOP]).done().contains("Subtotal API key         stored\n"));
}

#[actix_web::test]
async fn secrets_are_nowhere_in_the_databases_files() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("shops.db").display());
    let line = CommandLine::new([("DATABASE_URL", &*url), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    // A connection that stays open keeps the write-ahead log from being folded into the database.
    let open = Database::connect(url.as_str()).await.unwrap();
    for sql in ["PRAGMA journal_mode=WAL", "CREATE TABLE held_open (id INTEGER)"] {
        open.execute_unprepared(sql).await.unwrap();
    }
    for (option, _, secret) in SECRETS {
        store_secret(&line, option, secret).done();
        store_secret(&line, option, &format!("{secret}-2")).done();
    }
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().any(|path| path.to_string_lossy().ends_with("-wal")), "{files:?}");
    let mut sealed = 0;
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        for (_, _, secret) in SECRETS {
            assert!(!holds(secret) && !holds(&secret[..12]) && !holds(&secret[8..]), "{}", path.display());
        }
        sealed += usize::from(holds("subtotal_api_key"));
    }
    assert!(sealed > 0, "the search finds nothing at all");
}

#[actix_web::test]
async fn a_sealed_secret_copied_to_another_shop_does_not_open() {
    let log_start = captured_log::start();
    let app = TestApp::start().await;
    let other = "other.myshopify.com";
    app.install(other).await;
    assert_eq!(app.call(reqwest::Method::GET, other, "/retailers", ALICE, |request| request).await.status, 200);

    let db = Database::connect(app.database.url.as_str()).await.unwrap();
    let copied = db
        .execute_unprepared(
            "UPDATE shop_secrets SET sealed = (SELECT s.sealed FROM shop_secrets s JOIN shops p ON p.id = s.shop_id \
             WHERE p.domain = 'demo.myshopify.com' AND s.kind = 'subtotal_api_key') WHERE kind = 'subtotal_api_key' \
             AND shop_id = (SELECT id FROM shops WHERE domain = 'other.myshopify.com')",
        )
        .await
        .unwrap();
    assert_eq!(copied.rows_affected(), 1);
    db.close().await.unwrap();

    let answer = app.call(reqwest::Method::GET, other, "/retailers", ALICE, |request| request).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal_error"));
    let log = captured_log::since(log_start);
    let id = answer.header("x-request-id");
    let cause = log.lines().find(|line| line.contains(id) && line.contains("internal error")).unwrap();
    assert!(cause.contains("does not open"), "{cause}");
    assert!(!answer.body.contains("does not open"));
    // The shop it was copied from is as it was, and a fresh secret mends the other.
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
    app.subtotal.add_key("fresh-subtotal-api-key");
    app.store_secret(other, SecretKind::SubtotalApiKey, "fresh-subtotal-api-key").await;
    assert_eq!(app.call(reqwest::Method::GET, other, "/retailers", ALICE, |request| request).await.status, 200);
}

#[actix_web::test]
async fn a_change_by_command_is_seen_by_the_running_service() {
    let app = TestApp::start().await;
    let line = CommandLine::new(app.settings.clone());
    line.run(&["shop", "remove", SHOP]).done();
    assert_eq!(app.get("/configuration", ALICE).await.code(), "shop_not_configured");
    line.run(&["shop", "set", SHOP]).done();
    assert_eq!(app.get("/configuration", ALICE).await.code(), "shop_not_configured");
    store_secret(&line, "--api-key-stdin", &app.api_key).done();
    assert_eq!(app.get("/configuration", ALICE).await.status, 200);
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
}
