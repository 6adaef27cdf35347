//! Whatever the lists say, a shopper is answered a part of what everybody is answered without them: the filter narrows, it
//! never adds, changes or reorders.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use subtotal_connect::store::ShopChanges;
use subtotal_connect::visibility::NoEmail;

use crate::support::app::{SHOP, TestApp};
use crate::support::fake_subtotal::Call;
use crate::support::linking::linking;
use crate::support::random::cases;

const RETAILERS: [&str; 3] = ["walmart", "amazon", "kroger"];
/// Lists there may be: the global one, one a retailer, and one of a retailer the shop does not have.
const SCOPES: [Option<&str>; 5] = [None, Some("walmart"), Some("amazon"), Some("kroger"), Some("target")];

#[derive(Debug, Clone)]
struct Case {
    lists: BTreeMap<usize, (bool, Vec<String>)>,
    email: Option<String>,
    /// An entry that is added to one list afterwards.
    extra: (usize, String),
    enforce: bool,
    no_email: NoEmail,
    linked: Vec<usize>,
}

fn entry() -> impl Strategy<Value = String> {
    "([ab]@)?[xy]\\.example"
}

fn case() -> impl Strategy<Value = Case> {
    let list = (proptest::bool::weighted(0.8), proptest::collection::vec(entry(), 0..4));
    let lists = proptest::collection::btree_map(0..SCOPES.len(), list, 0..=SCOPES.len());
    let email = proptest::option::weighted(0.8, "[ab]@[xy]\\.example");
    let no_email = prop_oneof![Just(NoEmail::Hide), Just(NoEmail::Show)];
    let linked = proptest::collection::vec(0..RETAILERS.len(), 0..4);
    let extra = (0..SCOPES.len(), entry());
    (lists, email, extra, proptest::bool::weighted(0.8), no_email, linked).prop_map(
        |(lists, email, extra, enforce, no_email, linked)| Case { lists, email, extra, enforce, no_email, linked },
    )
}

async fn put(app: &TestApp, lists: &BTreeMap<usize, (bool, Vec<String>)>) {
    for (nth, scope) in SCOPES.into_iter().enumerate() {
        let (is_on, entries) = lists.get(&nth).cloned().unwrap_or_default();
        app.set_list(scope, is_on, &entries.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

async fn answered(app: &TestApp, customer: &str) -> Vec<Value> {
    let answer = app.get("/retailers", customer).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["retailers"].as_array().unwrap().clone()
}

/// Whether the first list is the second one less some elements.
fn is_part(part: &[Value], whole: &[Value]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|element| rest.any(|other| other == element))
}

#[actix_web::test]
async fn lists_only_ever_narrow_what_a_shopper_is_answered() {
    let app = TestApp::start().await;
    let (mut narrowed, mut emptied) = (0, 0);
    for (nth, case) in cases(&case(), 60).into_iter().enumerate() {
        let customer = (9000 + nth).to_string();
        let customer = customer.as_str();
        app.set_contact(customer, case.email.as_deref(), None);
        for retailer in &case.linked {
            app.subtotal.add_connection(&app.api_key, customer, RETAILERS[*retailer], "active");
        }
        put(&app, &BTreeMap::new()).await;
        let everything = answered(&app, customer).await;
        assert_eq!(everything.len(), RETAILERS.len());

        let choices = (Some(case.enforce), Some(case.no_email));
        let changes = ShopChanges { enforce_visibility: choices.0, no_email: choices.1, ..ShopChanges::default() };
        app.change(SHOP, changes).await;
        put(&app, &case.lists).await;
        let shown = answered(&app, customer).await;
        assert!(is_part(&shown, &everything), "{case:?}\n{shown:?}");
        let sees = app.get("/visibility", customer).await.json();
        let restricted: Vec<&str> =
            sees["restrictedRetailerIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        let is_hidden = |retailer: &Value| {
            case.enforce
                && (sees["blockVisible"] == false || restricted.contains(&retailer["retailer_id"].as_str().unwrap()))
        };
        let expected: Vec<Value> = everything.iter().filter(|retailer| !is_hidden(retailer)).cloned().collect();
        assert_eq!(shown, expected, "{case:?}");
        narrowed += usize::from(shown.len() < everything.len());
        emptied += usize::from(shown.is_empty());

        if let Some(hidden) = everything.iter().find(|retailer| is_hidden(retailer)) {
            let creations = app.subtotal.count(Call::Create);
            let answer = app.post("/connections", customer, &linking(hidden["retailer_id"].as_str().unwrap())).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "retailer_not_found"), "{case:?}");
            assert_eq!(app.subtotal.count(Call::Create), creations);
        }

        // An empty list that is on hides from everybody, and a shopper without an e-mail is let in by any entry.
        let mut more = case.lists.clone();
        if let Some((_, entries)) = more.get_mut(&case.extra.0) {
            entries.push(case.extra.1.clone());
        }
        put(&app, &more).await;
        let then = answered(&app, customer).await;
        assert!(is_part(&shown, &then), "one more entry hides more: {case:?}\n{shown:?}\n{then:?}");
        assert!(is_part(&then, &everything), "{case:?}\n{then:?}");
    }
    assert!(narrowed > 15 && emptied > 3, "{narrowed} narrowed, {emptied} emptied");
}
