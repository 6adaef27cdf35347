//! What Subtotal, Shopify's Admin API and Klaviyo answer, and what Subtotal's events say: nothing panics, and what is made of
//! it keeps the documented limits.
//!
//! Input: four choices, of which the first is who answers, and the body. The mark `{long}` stands for 60,000 letters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use subtotal_connect::events::happening::{Happening, HappeningKind, Purchase};
use subtotal_connect::events::klaviyo_event::{has_link_url, metric};
use subtotal_connect::events::purchase::purchase;
use subtotal_connect::events::{flow, klaviyo_event, mask};
use subtotal_connect::linking::link_url::relink_url;
use subtotal_connect::linking::{AllowedHosts, LinkProof, RedirectUrl, StorefrontHost, link_url, shown};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::admin_api::{AdminApiError, fuzzing as admin_api};
use subtotal_connect::shopify::oauth::{TokenError, TokenPair};
use subtotal_connect::store::Identifier;
use subtotal_connect::subtotal::event::{Event, News};
use subtotal_connect::subtotal::purchases::{ConnectionDetail, PurchaseDetail, PurchasePage};
use subtotal_connect::subtotal::wire::{
    Connection, ConnectionList, ConnectionToken, ContactUpdate, CreatedConnection, NewConnection, Retailer,
    RetailerList,
};
use subtotal_connect_fuzz::input::Input;
use url::Url;

/// Unix milliseconds.
const SENT_AT: i64 = 1_795_237_200_000;
/// No event is from before 2020.
const FIRST: i64 = 1_577_836_800_000;
const MAX_ID: usize = 128;
/// Flow takes payloads below this, in bytes.
const MAX_TRIGGER: usize = 50_000;
/// A word that only the request has.
const PRIVATE: &str = "zqcanary";
const KINDS: [HappeningKind; 5] = [
    HappeningKind::Connected,
    HappeningKind::Reauthenticated,
    HappeningKind::Unauthenticated,
    HappeningKind::Disconnected,
    HappeningKind::Purchased,
];

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let body = input.text.replace("{long}", &"long letters ".repeat(4700));
    let body = body.as_bytes();
    let status = [200, 201, 302, 400, 401, 403, 404, 429, 500][usize::from(input.choice(1, 9))];
    match input.choice(0, 8) {
        0 => event(body),
        1 => read(body, |list: RetailerList| list.retailers.iter().for_each(retailer)),
        2 => read(body, |list: ConnectionList| connections(&list.connections)),
        3 => read(body, |detail: PurchaseDetail| bought(&detail)),
        4 => others(body),
        5 => admin(status, body),
        6 => tokens(status, body),
        _ => masked(body),
    }
});

fn read<T: DeserializeOwned>(body: &[u8], check: impl Fn(T)) {
    if let Ok(answer) = serde_json::from_slice(body) {
        check(answer);
    }
}

fn event(body: &[u8]) {
    let event = Event::read(body, SENT_AT);
    assert!(is_id(&event.id), "the id {:?}", event.id);
    assert!(event.kind.chars().count() <= 64, "{:?}", event.kind);
    assert!(if event.is_dated { (FIRST..=SENT_AT).contains(&event.at) } else { event.at == SENT_AT }, "{event:?}");
    assert!(!event.id.starts_with("purchase:"), "{event:?} could be taken for a purchase");
    let Some(of) = event.connection() else { return };
    let texts = [Some(&of.connection_id), of.customer_id.as_ref(), of.email.as_ref(), of.mobile.as_ref()];
    assert!(texts.into_iter().flatten().all(|text| is_id(text)), "{of:?}");
    assert!(
        is_id(&of.retailer_id) || (of.retailer_id.is_empty() && matches!(event.news, News::Purchase(..))),
        "{of:?}"
    );
    for kind in KINDS {
        told(&Happening {
            id: event.id.clone(),
            kind,
            at: event.at,
            is_simulated: event.is_simulated,
            connection_id: of.connection_id.clone(),
            retailer_id: of.retailer_id.clone(),
            customer_id: of.customer_id.clone(),
            email: of.email.clone(),
            mobile: of.mobile.clone(),
            purchase: None,
        });
    }
}

/// Text that can be an id.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn retailer(retailer: &Retailer) {
    assert!(retailer.link_id().is_none_or(|id| !id.is_empty()), "{retailer:?}");
    let shop = ShopDomain::parse("demo.myshopify.com").expect("a shop's domain");
    let storefront = StorefrontHost::from_forwarded(None, &shop);
    let hosts = AllowedHosts { shop: &shop, storefront: &storefront, known: &[] };
    let redirect = RedirectUrl::parse("/pages/thanks?a=1&b=2#top", hosts).expect("a path");
    let proof = LinkProof::Connection("01KAJ0000000000000000000ZZ&x".to_owned());
    let own = Url::parse(&retailer.link_url).ok().filter(|url| ["https", "http"].contains(&url.scheme()));
    let made = link_url(retailer, &proof, &redirect).ok().map(|made| Url::parse(&made).expect("a URL"));
    assert_eq!(made.is_some(), own.is_some(), "{retailer:?}");
    let (Some(made), Some(own)) = (made, own) else { return };
    assert_eq!((made.origin(), made.path()), (own.origin(), own.path()), "{retailer:?}");
    let pairs: Vec<(String, String)> = made.query_pairs().into_owned().collect();
    let expected = [("connection_id", "01KAJ0000000000000000000ZZ&x"), ("redirect_url", redirect.as_str())];
    let last = pairs.iter().rev().take(2).rev().map(|(name, value)| (name.as_str(), value.as_str()));
    assert!(last.eq(expected), "{made} of {retailer:?}");
    assert!(relink_url(retailer, "x").is_ok_and(|url| Url::parse(&url).is_ok()), "{retailer:?}");
}

fn connections(list: &[Connection]) {
    for connection in list {
        let best = shown(list, &connection.retailer_id).expect("there is one of this retailer");
        assert_eq!(best.retailer_id, connection.retailer_id);
        assert!(best.status == "active" || connection.status != "active", "{best:?} before {connection:?}");
    }
}

fn bought(detail: &PurchaseDetail) {
    let purchase = purchase(detail);
    assert!(purchase.upcs.len() <= detail.items.len().max(10_000), "{} UPCs", purchase.upcs.len());
    assert!(purchase.upcs.iter().all(|upc| (1..=64).contains(&upc.len())), "{:?}", purchase.upcs);
    let repeats = purchase.brands.iter().enumerate().any(|(place, brand)| purchase.brands[..place].contains(brand));
    assert!(!repeats && purchase.brands.iter().all(|brand| !brand.is_empty()), "{:?}", purchase.brands);
    assert_eq!(purchase.items.len(), detail.items.len());
    let amounts = [purchase.subtotal, purchase.tax, purchase.total].into_iter();
    let amounts = amounts.chain(purchase.items.iter().flat_map(|item| [item.price, item.quantity]));
    assert!(amounts.flatten().all(f64::is_finite), "an amount is no number");
    told(&Happening {
        id: "purchase:01KEVN1ZPM9H19JSHGN5NF0M69".to_owned(),
        kind: HappeningKind::Purchased,
        at: detail.at().unwrap_or(SENT_AT),
        is_simulated: detail.is_simulated,
        connection_id: "01KAJ0000000000000000000ZZ".to_owned(),
        retailer_id: "walmart".to_owned(),
        customer_id: Some("7001".to_owned()),
        email: Some("alice@example.com".to_owned()),
        mobile: None,
        purchase: Some(purchase),
    });
}

/// What the merchant's tools are told.
fn told(happening: &Happening) {
    let stored = serde_json::to_string(happening).expect("a happening is JSON");
    serde_json::from_str::<Happening>(&stored).expect("a happening that is stored can be read");
    let link = Some("https://link.subtotal.com/zklQOnlG").filter(|_| has_link_url(happening.kind));
    for (identifier, whom) in [
        (Identifier::Email, &happening.email),
        (Identifier::CustomerId, &happening.customer_id),
        (Identifier::Mobile, &happening.mobile),
    ] {
        let event = klaviyo_event::event(happening, "id", identifier, link);
        assert_eq!(event.is_some(), whom.as_ref().is_some_and(|whom| !whom.trim().is_empty()));
        let Some(event) = event else { continue };
        let attributes = &event["data"]["attributes"];
        assert_eq!(attributes["metric"]["data"]["attributes"]["name"], metric(happening.kind));
        assert!(attributes["time"].as_str().is_some_and(|time| time.len() >= 20), "at {}", attributes["time"]);
    }
    for part in 0..2 {
        let Some(trigger) = flow::trigger(happening, part, link) else { continue };
        let length = trigger.payload.to_string().len();
        assert!(length < MAX_TRIGGER, "{} has {length} bytes", trigger.handle);
    }
}

fn others(body: &[u8]) {
    read(body, |detail: ConnectionDetail| drop(format!("{detail:?}")));
    read(body, |page: PurchasePage| drop(page.purchases));
    read(body, |created: CreatedConnection| drop(created.connection_id));
    read(body, |token: ConnectionToken| assert!(!format!("{token:?}").contains("eyJ")));
    read(body, |purchase: Purchase| drop(purchase));
}

fn admin(status: u16, body: &[u8]) {
    let contact = admin_api::contact(status, body);
    let shop = admin_api::shop(status, body);
    let fired = admin_api::fired(status, body);
    for error in [contact.as_ref().err(), shop.as_ref().err(), fired.as_ref().err()] {
        match (status, error) {
            (200, error) => assert!(!matches!(error, Some(AdminApiError::TokenRejected))),
            (401 | 403, error) => assert_eq!(error, Some(&AdminApiError::TokenRejected)),
            (429, error) => assert_eq!(error, Some(&AdminApiError::Throttled)),
            (_, error) => assert_eq!(error, Some(&AdminApiError::Unavailable)),
        }
    }
    let Ok(contact) = contact else { return };
    let fits =
        |text: &Option<String>, longest| text.as_ref().is_none_or(|text| (1..=longest).contains(&text.chars().count()));
    let new = NewConnection::new("7001".into(), "walmart".into(), contact.email.clone(), contact.phone.clone());
    assert!(fits(&new.email, 64) && fits(&new.mobile, 16), "{new:?}");
    let update = ContactUpdate::fitting(contact.email, contact.phone);
    assert_eq!(update.is_some(), new.email.is_some() || new.mobile.is_some());
}

fn tokens(status: u16, body: &[u8]) {
    match (status, TokenPair::read(status, body)) {
        (200, Err(error)) => assert_eq!(error, TokenError::Unavailable),
        (200, Ok(_)) => {}
        (400 | 401 | 403, Err(error)) => assert_ne!(error, TokenError::Unavailable),
        (_, answer) => assert!(matches!(answer, Err(TokenError::Unavailable)), "{answer:?}"),
    }
}

/// What is written down of an answer repeats nothing that was sent, whatever it says.
fn masked(body: &[u8]) {
    let sent = json!({ "data": { "attributes": { "profile": { "email": format!("{PRIVATE}@private.example") } } } });
    let private = mask::Private::of(&sent, "pk_verysecretverysecret");
    let Some(shown) = mask::answer(body, &private) else { return assert!(body.is_empty()) };
    let text = shown.to_string().to_lowercase();
    assert!(![PRIVATE, "verysecretverysecret"].iter().any(|word| text.contains(word)), "{shown}");
    assert!(text.len() <= 4000, "{shown}");
    assert!(shown["errors"].as_array().is_none_or(|errors| errors.len() <= 5), "{shown}");
    // Nor does what is written down of the request, under whatever name it was sent.
    let Ok(Value::Object(names)) = serde_json::from_slice(body) else { return };
    for name in names.keys().filter(|name| !name.contains(PRIVATE)) {
        let written = mask::request(&json!({ name: format!("{PRIVATE}@private.example") }));
        assert!(!written.to_string().contains(PRIVATE), "{written}");
    }
}
