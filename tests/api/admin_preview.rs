//! What a shopper would see, asked from the admin; and the retailers with their snippets.

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::store::ShopChanges;
use subtotal_connect::visibility::NoEmail;

use crate::support::app::{ALICE, Answer, BOB, SHOP, TestApp};

impl TestApp {
    async fn preview(&self, body: &Value) -> Answer {
        self.staff_call(Method::POST, SHOP, "/preview", |request| request.json(body)).await
    }
}

#[actix_web::test]
async fn a_shopper_is_shown_with_the_entry_that_decided() {
    let app = TestApp::start().await;
    app.set_list(None, true, &["example.com"]).await;
    app.set_list(Some("walmart"), true, &["bob@example.com"]).await;
    app.set_list(Some("amazon"), false, &["bob@example.com"]).await;
    let seen = app.preview(&json!({ "email": "Alice@Example.com" })).await.json();
    assert_eq!(
        seen,
        json!({
            "blockVisible": true, "restrictedRetailerIds": ["walmart"], "emailKnown": true,
            "reasons": [
                { "scope": "global", "on": true, "matched": true, "hides": false, "entry": "@example.com" },
                { "scope": "amazon", "on": false, "matched": false, "hides": false },
                { "scope": "walmart", "on": true, "matched": false, "hides": true },
            ],
        })
    );
}

#[actix_web::test]
async fn a_customer_is_seen_as_the_storefront_sees_them() {
    let app = TestApp::start().await;
    app.set_list(None, true, &["example.com"]).await;
    app.set_list(Some("walmart"), true, &["nobody.example"]).await;
    app.set_contact(ALICE, Some("alice.secret@example.com"), None);
    for customer in [ALICE, BOB] {
        let seen = app.preview(&json!({ "customerId": customer })).await.json();
        let storefront = app.get("/visibility", customer).await.json();
        assert_eq!(seen["emailKnown"], customer == ALICE);
        for member in ["blockVisible", "restrictedRetailerIds"] {
            assert_eq!(seen[member], storefront[member], "{customer}");
        }
    }
    app.change(SHOP, ShopChanges { no_email: Some(NoEmail::Show), ..ShopChanges::default() }).await;
    let seen = app.preview(&json!({ "customerId": BOB })).await.json();
    assert_eq!((&seen["blockVisible"], &seen["restrictedRetailerIds"]), (&json!(true), &json!([])));
}

#[actix_web::test]
async fn unsaved_changes_say_who_gains_and_who_loses_and_are_not_saved() {
    let app = TestApp::start().await;
    app.set_list(None, true, &["a@x.com", "b@x.com"]).await;
    app.set_list(Some("walmart"), false, &["w@x.com", "v@x.com"]).await;
    let body = json!({
        "email": "c@x.com",
        "lists": {
            "global": { "on": true, "add": ["c@x.com"], "remove": ["a@x.com"] },
            "walmart": { "on": true, "entries": ["v@x.com"] },
        },
    });
    let seen = app.preview(&body).await.json();
    assert_eq!((&seen["blockVisible"], &seen["restrictedRetailerIds"]), (&json!(true), &json!(["walmart"])));
    assert_eq!(
        seen["changes"],
        json!({
            "gain": [{ "scope": "global", "entry": "c@x.com" }], "gainTotal": 1,
            "lose": [{ "scope": "global", "entry": "a@x.com" }, { "scope": "walmart", "entry": "w@x.com" }],
            "loseTotal": 2,
            "others": [{ "scope": "walmart", "change": "lose" }],
        })
    );
    let after = app.preview(&json!({ "email": "c@x.com" })).await.json();
    assert_eq!((&after["blockVisible"], after.get("changes")), (&json!(false), None), "nothing was saved");
}

#[actix_web::test]
async fn a_preview_names_what_is_wrong_with_it() {
    let app = TestApp::start().await;
    for (body, fields) in [
        (json!({}), vec!["email"]),
        (json!({ "email": "nobody" }), vec!["email"]),
        (json!({ "customerId": "gid://shopify/Customer/1" }), vec!["customerId"]),
        (json!({ "customerId": 7 }), vec!["customerId"]),
        (json!({ "email": "a@x.com", "customerId": "7" }), vec!["customerId"]),
        (json!({ "lists": { "global": { "entries": [] } } }), vec!["on"]),
        (json!({ "lists": [] }), vec!["body"]),
        (json!({ "lists": { "global": [true] } }), vec!["lists"]),
    ] {
        assert_eq!(app.preview(&body).await.fields(), fields, "{body}");
    }
    let form_feed = app.staff_call(Method::POST, SHOP, "/preview", |request| {
        request.header("Content-Type", "application/json").body("\u{c}{\"lists\":{}}")
    });
    assert_eq!(form_feed.await.fields(), ["body"], "which JSON does not have as white space");
    let line = app.preview(&json!({ "lists": { "global": { "on": true, "entries": ["a@x.com", "?"] } } })).await;
    assert_eq!((line.status, &line.json()["errors"][0]["line"]), (400, &json!(2)));
    let unknown = app.preview(&json!({ "lists": { "nobody": { "on": true } } })).await;
    assert_eq!(unknown.code(), "retailer_not_found");
}

#[actix_web::test]
async fn retailers_come_with_their_links_snippets_and_rules() {
    let app = TestApp::start().await;
    app.set_list(Some("amazon"), true, &["a@x.com", "b@x.com"]).await;
    let answer = app.staff_call(Method::GET, SHOP, "/retailers", |request| request).await.json();
    let walmart = &answer["retailers"][0];
    assert_eq!(
        (&walmart["id"], &walmart["name"], &walmart["linkId"]),
        (&json!("walmart"), &json!("Walmart"), &json!("zklQOnlG"))
    );
    assert_eq!(walmart["images"]["logo"]["dark"], "https://img.example/d.svg");
    assert_eq!(walmart["rule"], json!({ "on": false, "total": 0 }));
    assert_eq!(answer["retailers"][1]["rule"], json!({ "on": true, "total": 2 }));
    let link = walmart["snippets"]["link"].as_str().unwrap();
    assert_eq!(link, r#"<a href="/apps/subtotal/link/zklQOnlG?redirect_url=%2Faccount">Link Walmart</a>"#);
    let fetch = walmart["snippets"]["fetch"].as_str().unwrap();
    assert!(fetch.contains(r#"retailerLinkUrl: "https://link.subtotal.com/zklQOnlG","#), "{fetch}");
}

#[actix_web::test]
async fn snippets_stay_harmless_whatever_a_retailer_is_called() {
    let app = TestApp::start().await;
    let odd = json!([
        { "retailer_id": "a\"</script>", "name": "A <b>\"&'", "link_url": "https://link.subtotal.com/a\"b'<c>" },
        { "retailer_id": "no-link", "name": "No link", "link_url": "nonsense", "images": [] },
    ]);
    app.subtotal.set_retailers(odd);
    let answer = app.staff_call(Method::GET, SHOP, "/retailers", |request| request).await.json();
    let (first, second) = (&answer["retailers"][0], &answer["retailers"][1]);
    let link = first["snippets"]["link"].as_str().unwrap();
    assert!(!link.contains("<b>") && link.matches('"').count() == 2 && link.matches('<').count() == 2, "{link}");
    let fetch = first["snippets"]["fetch"].as_str().unwrap();
    assert!(!fetch.contains("</script>") && fetch.contains(r#""a\"\u003c/script>""#), "{fetch}");
    assert_eq!((second.get("linkId"), second["snippets"].get("link"), &second["images"]), (None, None, &json!({})));
}

#[actix_web::test]
async fn without_a_key_there_are_no_retailers_to_ask_for() {
    let app = TestApp::start().await;
    let deleted = app.staff_call(Method::DELETE, SHOP, "/subtotal-key", |request| request).await;
    assert_eq!(deleted.status, 204);
    for (path, code) in [("/retailers", "shop_not_configured"), ("/lists/walmart", "retailer_not_found")] {
        let answer = app.staff_call(Method::GET, SHOP, path, |request| request).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, code));
    }
}
