//! The app-proxy verifier against a second one: both accept and refuse the same queries, and read the same in them. No two
//! queries under one signature name another shop, customer or time.
//!
//! Input: four choices, then a query; or two queries of which one is signed and the other sent; or lines that become
//! parameters, signed by the target. The mark `{long}` stands for 4,000 letters.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use subtotal_connect::shopify::proxy::{self, ProxyRefusal, VerifiedProxy};
use subtotal_connect::shopify::{ClientSecrets, CustomerId};
use subtotal_connect_fuzz::app_proxy::{self, Accepted};
use subtotal_connect_fuzz::input::Input;

/// The oracle of the unit tests: every identity that a signed message can be read as.
#[path = "../../src/shopify/proxy_readings.rs"]
mod readings;

const SECRETS: [&str; 3] = ["hush", "secret", "former"];
const NOW: i64 = 1_800_000_000;
/// Longest message that is read in every way there is.
const MAX_READ: usize = 600;

static CLIENT_SECRETS: LazyLock<ClientSecrets> = LazyLock::new(|| ClientSecrets::new(&SECRETS.map(Into::into)));

fuzz_target!(init: known_answers(), |data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let seconds = input.seconds(1);
    let secret = SECRETS[usize::from(input.choice(2, 3))];
    let text = input.text.replace("{long}", &"long".repeat(1000));
    match input.choice(0, 4) {
        0 => {
            compare(&text, seconds);
        }
        1 => {
            signed(&text, &text, secret, seconds);
            if let Some(signature) = app_proxy::signature(&text, secret) {
                compare(&format!("{text}&signature={}", input.changed(3, &signature)), seconds);
            }
        }
        2 => {
            let (meant, sent) = Input::line_and_rest(&text);
            signed(meant, sent, secret, seconds);
        }
        _ => {
            let query = made_of_lines(&text, usize::from(input.choice(3, 8)));
            signed(&query, &query, secret, seconds);
        }
    }
});

/// What `sent` is taken for under the signature of `meant`.
fn signed(meant: &str, sent: &str, secret: &str, seconds: i64) {
    let Some(signature) = app_proxy::signature(meant, secret) else {
        assert!(proxy::sign(meant, &CLIENT_SECRETS).is_err(), "{meant:?} was signed");
        return;
    };
    let first = compare(&format!("{meant}&signature={signature}"), seconds);
    let second = compare(&format!("{sent}&signature={signature}"), seconds);
    if let (Some(first), Some(second)) = (&first, &second) {
        assert_eq!(identity(first), identity(second), "{meant:?} is also {sent:?}");
    }
    match proxy::sign(meant, &CLIENT_SECRETS) {
        Ok(own) => assert_eq!(Some(own), app_proxy::signature(meant, SECRETS[0]), "{meant:?}"),
        Err(refusal) => assert!(first.is_none(), "{meant:?} is accepted, and can not be signed: {refusal}"),
    }
    let Some(message) = app_proxy::signed_text(meant).filter(|message| message.len() <= MAX_READ) else { return };
    let mut accepted = Vec::new();
    for reading in readings::readings(&message) {
        let query = format!("{}&signature={signature}", reading.query());
        let now = reading.timestamp.parse().unwrap_or(NOW);
        match proxy::verify(&query, &CLIENT_SECRETS, now) {
            Ok(_) => accepted.push(reading),
            Err(refusal) => assert_ne!(refusal, ProxyRefusal::WrongSignature, "{query:?} has the message {message:?}"),
        }
    }
    let same = accepted.windows(2).all(|pair| pair[0].identity() == pair[1].identity());
    assert!(same, "{message:?} is accepted as {accepted:#?}");
}

/// Asks both, at a time so many seconds from the query's own.
fn compare(query: &str, seconds: i64) -> Option<VerifiedProxy> {
    let now = app_proxy::signed_at(query).unwrap_or(NOW).saturating_add(seconds);
    let verified = proxy::verify(query, &CLIENT_SECRETS, now);
    let plain = app_proxy::accept(query, &SECRETS, now);
    match (&verified, &plain) {
        (Ok(verified), Some(plain)) => say_the_same(query, verified, plain),
        (Err(_), None) => {}
        (verified, plain) => panic!("{query:?} at {now}: {verified:?}, but plainly {plain:?}"),
    }
    let age = proxy::age_seconds(query, now);
    assert!(verified.is_err() || age.is_some_and(|age| age.abs() <= 90), "{query:?} is {age:?} seconds old at {now}");
    verified.ok()
}

fn say_the_same(query: &str, verified: &VerifiedProxy, plain: &Accepted) {
    assert_eq!(verified.shop().as_str(), plain.shop, "{query:?}");
    assert_eq!(verified.customer().map_or("", CustomerId::as_str), plain.customer, "{query:?}");
    assert_eq!(verified.path_prefix(), plain.path_prefix, "{query:?}");
    assert_eq!(verified.secret_index(), plain.secret, "{query:?}");
    for (name, _) in &plain.page {
        let values: Vec<&str> = verified.param(name).collect();
        let plainly: Vec<&str> =
            plain.page.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, plainly, "{name:?} of {query:?}");
    }
    for name in ["shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature"] {
        assert_eq!(verified.param(name).next(), None, "{query:?}");
    }
}

fn identity(verified: &VerifiedProxy) -> (&str, &str) {
    (verified.shop().as_str(), verified.customer().map_or("", CustomerId::as_str))
}

/// The first line is the customer, each other one a parameter of the page, written as it is or percent-encoded. Shopify's
/// own parameters stand behind the first `place` of them.
fn made_of_lines(text: &str, place: usize) -> String {
    let (customer, rest) = Input::line_and_rest(text);
    let mut pieces: Vec<String> = rest.lines().map(piece).collect();
    let own = format!(
        "shop=demo.myshopify.com&logged_in_customer_id={customer}&path_prefix=%2Fapps%2Fsubtotal&timestamp={NOW}"
    );
    pieces.insert(place.min(pieces.len()), own);
    pieces.join("&")
}

fn piece(line: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    match line.strip_prefix('!').unwrap_or(line).split_once('=') {
        _ if line.starts_with('!') => line[1..].to_owned(),
        Some((name, value)) => format!("{}={}", encode(name), encode(value)),
        None => encode(line),
    }
}

/// The second verifier has to know the answers of `tests/vectors` first.
fn known_answers() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/app-proxy.json")).expect("the vectors are JSON");
    for (list, is_good) in [("accept", true), ("refuse", false)] {
        for vector in vectors[list].as_array().expect("a list of vectors") {
            let text = |name: &str| vector[name].as_str().expect("a text");
            let query = format!("{}&signature={}", text("query"), text("signature"));
            assert_eq!(
                app_proxy::signature(text("query"), text("secret")).as_deref(),
                Some(text("signature")),
                "{vector}"
            );
            let now = app_proxy::signed_at(&query).unwrap_or(NOW);
            assert_eq!(app_proxy::accept(&query, &[text("secret")], now).is_some(), is_good, "{vector}");
        }
    }
}
