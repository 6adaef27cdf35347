//! `rules`: setting, showing and explaining a shop's lists.

use serde_json::{Value, json};

use super::with_database;
use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::command::CommandLine;
use crate::support::database::TestDatabase;

async fn installed() -> (CommandLine, TestDatabase) {
    let (line, database) = with_database().await;
    line.run(&["shop", "set", SHOP]).done();
    (line, database)
}

fn set(line: &CommandLine, arguments: &[&str], input: &str) -> String {
    line.run_with_input(&[&["rules", "set", SHOP], arguments].concat(), input.as_bytes()).done()
}

/// The lists as (scope, on, entries).
fn lists(line: &CommandLine) -> Value {
    let shown = line.run(&["rules", "show", SHOP, "--json"]).json();
    let lists = shown.as_array().unwrap().iter();
    lists
        .map(|list| {
            assert_eq!(list["total"], list["entries"].as_array().unwrap().len());
            json!([list["scope"], list["on"], list["entries"]])
        })
        .collect()
}

fn explained(line: &CommandLine, email: &str) -> Value {
    line.run(&["rules", "explain", SHOP, "--email", email, "--json"]).json()
}

#[actix_web::test]
async fn a_file_or_standard_input_replaces_a_lists_entries() {
    let (line, _database) = installed().await;
    line.write("insiders.txt", "Maya@Example.com\n\n  bücher.example  \r\n@example.org\nexample.org\n");
    let said = set(&line, &["--on", "--file", "insiders.txt"], "");
    assert_eq!(said, "The list global of demo.myshopify.com is on, with 3 entries.\n");
    let entries = json!(["@example.org", "@xn--bcher-kva.example", "maya@example.com"]);
    assert_eq!(lists(&line), json!([["global", true, entries]]));

    set(&line, &["--retailer", "petco", "--off", "--file", "-"], "example.net");
    assert_eq!(lists(&line), json!([["global", true, entries], ["petco", false, ["@example.net"]]]));
    set(&line, &["--on", "--file", "-"], "theo@example.net\n");
    assert_eq!(lists(&line)[0], json!(["global", true, ["theo@example.net"]]));
}

#[actix_web::test]
async fn a_list_keeps_its_entries_when_no_file_is_given() {
    let (line, _database) = installed().await;
    set(&line, &["--on", "--file", "-"], "example.com\nexample.org\n");
    assert!(set(&line, &["--off"], "ignored.example\n").contains("is off, with 2 entries"));
    assert_eq!(lists(&line), json!([["global", false, ["@example.com", "@example.org"]]]));
    assert!(set(&line, &["--on"], "").contains("is on, with 2 entries"));
    assert_eq!(lists(&line), json!([["global", true, ["@example.com", "@example.org"]]]));
}

#[actix_web::test]
async fn every_bad_line_is_named_and_nothing_is_changed() {
    let (line, _database) = installed().await;
    set(&line, &["--on", "--file", "-"], "example.com\n");
    let before = line.run(&["rules", "show", SHOP, "--json"]).json();
    let bad = "good@example.com\nnot an entry\n\nsecond.example\na@b@c\n@\n";
    line.write("bad.txt", bad);
    for (arguments, input) in [(["--off", "--file", "bad.txt"], ""), (["--off", "--file", "-"], bad)] {
        let outcome = line.run_with_input(&[&["rules", "set", SHOP], &arguments[..]].concat(), input.as_bytes());
        let stderr = outcome.failed(1);
        let named: Vec<_> = stderr.lines().filter_map(|line| line.trim().split_once(':')).map(|(at, _)| at).collect();
        assert_eq!(named, ["error", "line 2", "line 5", "line 6"], "{stderr}");
        assert!(stderr.contains("not an entry") && stderr.contains("nothing was changed"), "{stderr}");
        assert_eq!(line.run(&["rules", "show", SHOP, "--json"]).json(), before);
    }
}

#[actix_web::test]
async fn a_file_that_is_not_there_or_not_text_changes_nothing() {
    let (line, _database) = installed().await;
    set(&line, &["--on", "--file", "-"], "example.com\n");
    let missing = line.run(&["rules", "set", SHOP, "--off", "--file", "missing.txt"]);
    assert!(missing.failed(1).contains("missing.txt"));
    line.run_with_input(&["rules", "set", SHOP, "--off", "--file", "-"], b"\xff\xfe").failed(1);
    assert_eq!(lists(&line), json!([["global", true, ["@example.com"]]]));
}

#[actix_web::test]
async fn a_byte_order_mark_from_a_spreadsheet_is_no_part_of_an_entry() {
    let (line, _database) = installed().await;
    set(&line, &["--on", "--file", "-"], "\u{feff}maya@example.com\r\nexample.org\r\n");
    assert_eq!(lists(&line)[0][2], json!(["@example.org", "maya@example.com"]));
}

#[actix_web::test]
async fn a_list_that_is_on_and_empty_is_remarked_on() {
    let (line, _database) = installed().await;
    let outcome = line.run(&["rules", "set", SHOP, "--on"]);
    assert!(outcome.stderr.contains("hides from everyone"), "{outcome:?}");
    outcome.done();
    assert_eq!(explained(&line, "maya@example.com")["blockVisible"], false);
}

#[actix_web::test]
async fn lists_are_shown_in_words_too() {
    let (line, _database) = installed().await;
    assert!(line.run(&["rules", "show", SHOP]).done().contains("has no lists: everyone sees everything"));
    set(&line, &["--on", "--file", "-"], "example.com\n");
    set(&line, &["--off", "--retailer", "petco"], "");
    let said = line.run(&["rules", "show", SHOP]).done();
    assert_eq!(said, "global: on, 1 entries\n  @example.com\npetco: off, 0 entries\n");
}

#[actix_web::test]
async fn explain_says_what_a_shopper_sees_and_which_entry_decided() {
    let (line, _database) = installed().await;
    assert_eq!(
        explained(&line, "maya@example.com"),
        json!({ "blockVisible": true, "restrictedRetailerIds": [], "reasons": [] })
    );
    set(&line, &["--on", "--file", "-"], "example.com\nmaya@example.com\n");
    set(&line, &["--on", "--retailer", "petco", "--file", "-"], "insider.example\n");
    set(&line, &["--on", "--retailer", "kroger", "--file", "-"], "example.com\n");
    set(&line, &["--off", "--retailer", "target", "--file", "-"], "insider.example\n");

    // The address itself says more than its domain.
    let reasons = json!([
        { "scope": "global", "hides": false, "entry": "maya@example.com" },
        { "scope": "kroger", "hides": false, "entry": "@example.com" },
        { "scope": "petco", "hides": true, "entry": null },
    ]);
    assert_eq!(
        explained(&line, "MAYA@Example.COM"),
        json!({ "blockVisible": true, "restrictedRetailerIds": ["petco"], "reasons": reasons })
    );
    let stranger = explained(&line, "stranger@sub.example.com");
    assert_eq!(stranger["blockVisible"], false);
    assert_eq!(stranger["restrictedRetailerIds"], json!(["kroger", "petco"]));

    let words = line.run(&["rules", "explain", SHOP, "--email", "theo@example.com"]).done();
    assert_eq!(
        words,
        "Subtotal Connect is visible.\nHidden retailers: petco.\n  \
         global: shown, because of the entry @example.com\n  \
         kroger: shown, because of the entry @example.com\n  \
         petco: hidden, because no entry matches\n"
    );
    let failed = line.run(&["rules", "explain", SHOP, "--email", "not an address"]).failed(1);
    assert!(failed.contains("--email"), "{failed}");
}

#[actix_web::test]
async fn explain_agrees_with_what_the_running_service_answers() {
    let app = TestApp::start().await;
    let line = CommandLine::new(app.settings.clone());
    set(&line, &["--on", "--file", "-"], "example.com\n");
    set(&line, &["--on", "--retailer", "kroger", "--file", "-"], "alice@example.com\n");
    set(&line, &["--on", "--retailer", "amazon", "--file", "-"], "insider.example\n");
    app.set_contact(ALICE, Some("alice@example.com"), None);
    let mut explained = explained(&line, "alice@example.com");
    explained.as_object_mut().unwrap().remove("reasons");
    assert_eq!(explained, json!({ "blockVisible": true, "restrictedRetailerIds": ["amazon"] }));
    assert_eq!(app.get("/visibility", ALICE).await.json(), explained);
}
