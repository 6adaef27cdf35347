use proptest::prelude::*;

use super::*;
use crate::events::flow;
use crate::events::happening::{Happening, Purchase, PurchaseItem};
use crate::events::klaviyo_event::event;
use crate::store::Identifier;

const LINK_URL: &str = "https://link.subtotal.com/zklQOnlG?connection_id=01KFRSK9J11G807TAY0GCYSW67";
const KEY: &str = "pk_verysecretverysecret";

fn happening(kind: HappeningKind, private: [&str; 4], amount: f64) -> Happening {
    let [email, mobile, customer, bought] = private.map(str::to_owned);
    let item = PurchaseItem {
        name: bought.clone(),
        brand: Some(bought.clone()),
        upc: Some(bought.clone()),
        price: Some(amount),
        quantity: Some(amount),
    };
    Happening {
        id: "evt_1".to_owned(),
        kind,
        at: 1_780_238_903_000,
        is_simulated: false,
        connection_id: "01KFRSK9J11G807TAY0GCYSW67".to_owned(),
        retailer_id: "walmart".to_owned(),
        customer_id: Some(customer),
        email: Some(email),
        mobile: Some(mobile),
        purchase: (kind == HappeningKind::Purchased).then(|| Purchase {
            purchase_id: bought.clone(),
            date: "2025-05-31T14:48:23Z".to_owned(),
            item_count: 15,
            subtotal: Some(amount),
            tax: None,
            total: Some(amount),
            brands: vec![bought.clone(); 3],
            upcs: vec![bought.clone(); 30],
            items: vec![item],
        }),
    }
}

/// Every request that can be made of a happening.
fn requests(happening: &Happening) -> Vec<Value> {
    let identifiers = [Identifier::Email, Identifier::CustomerId, Identifier::Mobile];
    let events = identifiers.into_iter().filter_map(|by| event(happening, &"0123abcd".repeat(4), by, Some(LINK_URL)));
    let triggers = [0, 1].into_iter().filter_map(|part| flow::trigger(happening, part, Some(LINK_URL)));
    events.chain(triggers.map(|trigger| trigger.payload)).collect()
}

#[test]
fn the_shape_of_an_event_stays_and_what_it_tells_of_a_person_goes() {
    let private = ["alice@private.example", "+15550001111", "7001", "Mustard"];
    let purchased =
        event(&happening(HappeningKind::Purchased, private, 43.04), &"ab".repeat(16), Identifier::Email, None);
    let masked = request(&purchased.unwrap());
    let attributes = &masked["data"]["attributes"];
    assert_eq!(attributes["profile"]["data"], json!({ "type": "profile", "attributes": { "email": MARK } }));
    assert_eq!(attributes["metric"]["data"]["attributes"]["name"], "Purchased at Retailer");
    assert_eq!(
        (&attributes["time"], &attributes["unique_id"]),
        (&json!("2026-05-31T14:48:23Z"), &json!("ab".repeat(16)))
    );
    let properties = &attributes["properties"];
    assert_eq!((&properties["retailer"], &properties["total"]), (&json!("walmart"), &json!(NUMBER)));
    assert_eq!(properties["brands"], json!([MARK, MARK, MARK]));
    assert_eq!(properties["upcs"].as_array().unwrap().last().unwrap(), "and 10 more");
    assert_eq!((&properties["purchase_id"], &properties["date"]), (&json!(MARK), &json!(MARK)));
    let lost = flow::trigger(&happening(HappeningKind::Disconnected, private, 0.0), 0, Some(LINK_URL)).unwrap();
    let expected = json!({
        "customer_id": NUMBER, "Connection ID": "01KFRSK9J11G807TAY0GCYSW67", "Retailer ID": "walmart",
        "Link URL": "https://link.subtotal.com/zklQOnlG?•••",
    });
    assert_eq!(request(&lost.payload), expected);
}

#[test]
fn an_answer_keeps_the_kind_of_an_error_and_nothing_it_repeats() {
    let sent = json!({ "data": { "profile": { "email": "alice@private.example" }, "total": 44.64 } });
    let private = Private::of(&sent, KEY);
    let told = |body: &Value| answer(body.to_string().as_bytes(), &private).unwrap();
    let plain = json!({ "errors": [{ "id": "x", "status": 400, "code": "invalid", "title": "Invalid input.",
        "detail": "alice@private.example is not valid", "source": { "pointer": "/data/profile/email" } }] });
    let kept = json!({ "errors": [{ "code": "invalid", "title": "Invalid input.", "detail": MARK,
        "source": { "pointer": "/data/profile/email" } }] });
    assert_eq!(told(&plain), kept);
    for (name, echo) in [
        ("title", "Alice is unknown."),
        ("title", "alice@private.example"),
        ("title", "No pk_verysecretverysecret"),
        ("title", "verysecretverysecret"),
        ("title", "isAlicePrivate"),
        ("title", "Total 44.64"),
        ("title", "Zo\u{eb}"),
        ("code", "alice"),
        ("code", "c29tZXRoaW5nbG9uZ2FuZGVuY29kZWQ"),
    ] {
        let shown = told(&json!({ "errors": [{ name: echo }] }));
        assert_eq!(shown, json!({ "errors": [{ name: MARK }] }), "{echo}");
    }
    for pointer in ["/data/alice@private.example", "/data/5550001111", "data", "/alice"] {
        let shown = told(&json!({ "errors": [{ "source": { "pointer": pointer } }] }));
        assert_eq!(shown["errors"][0]["source"]["pointer"], MARK, "{pointer}");
    }
    assert_eq!(told(&json!({ "alice@private.example": 1 })), json!({ "bytes": 27 }));
    assert_eq!((answer(b"no", &private), answer(b"", &private)), (Some(json!({ "bytes": 2 })), None));
}

#[test]
fn an_answer_of_shopify_keeps_the_code_and_the_field() {
    let throttled = json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": "THROTTLED" } }] });
    let refused =
        json!({ "data": { "flowTriggerReceive": { "userErrors": [{ "field": ["handle", "x"], "message": "no" }] } } });
    let told = |body: &Value| answer(body.to_string().as_bytes(), &Private::default()).unwrap();
    assert_eq!(told(&throttled), json!({ "errors": [{ "code": "THROTTLED", "message": MARK }] }));
    assert_eq!(told(&refused), json!({ "userErrors": [{ "field": ["handle", MARK], "message": MARK }] }));
}

/// Something only one person could have: at least eight characters, of any kind.
fn something_private() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{4,9}@[a-z]{4,9}\\.(com|example)",
        "\\+[1-9][0-9]{9,13}",
        "[1-9][0-9]{7,14}",
        "[A-Z][a-z]{4,9} [A-Z][a-z]{4,9}",
        "\\PC{8,24}",
    ]
}

proptest! {
    #[test]
    fn no_private_value_is_in_a_masked_request(
        private in prop::array::uniform4(something_private()),
        customer in 10_000_000_u64..u64::MAX,
        amount in 100_000.0..900_000_000.0_f64,
    ) {
        let customer = customer.to_string();
        let values = [private[0].as_str(), &private[1], &customer, &private[3]];
        for kind in KINDS {
            for sent in requests(&happening(kind, values, amount)) {
                let shown = request(&sent).to_string();
                for value in values.into_iter().chain([amount.to_string().as_str(), "connection_id=01"]) {
                    prop_assert!(!shown.contains(value), "{value} in {shown}");
                }
            }
        }
    }

    #[test]
    fn no_private_value_is_in_the_answer_that_repeats_it(
        private in prop::array::uniform4(something_private()),
        customer in 10_000_000_u64..u64::MAX,
        before in "[A-Za-z]{0,6} ?",
        after in "( |\\.|, )?[A-Za-z]{0,6}",
    ) {
        let customer = customer.to_string();
        let values = [private[0].as_str(), &private[1], &customer, &private[3]];
        for sent in requests(&happening(HappeningKind::Purchased, values, 1.5)) {
            let text = sent.to_string();
            let of_request = |value: &&str| text.contains(*value) || **value == *KEY;
            for value in values.into_iter().chain([KEY]).filter(of_request) {
                let echo = format!("{before}{value}{after}");
                let error = json!({ "code": echo, "title": echo, "detail": sent, "id": echo,
                    "source": { "pointer": format!("/data/{value}") }, value: value });
                let body = json!({ "errors": [error], "data": { "flowTriggerReceive": { "userErrors": [
                    { "field": [value], "message": echo }] } }, value: echo });
                for body in [body.to_string(), echo.clone(), json!(echo).to_string(), sent.to_string()] {
                    let shown = answer(body.as_bytes(), &Private::of(&sent, KEY)).map(|shown| shown.to_string());
                    let shown = shown.unwrap_or_default();
                    prop_assert!(!shown.contains(value), "{value} in {shown}");
                }
            }
        }
    }
}
