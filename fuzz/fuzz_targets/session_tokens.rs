//! The verifiers of session tokens, the admin's and the customers', against second ones: both accept and refuse the same
//! tokens, and read the same in them. No token opens both doors.
//!
//! Input: four choices, then a token; or a line of header and the claims behind it, which the target signs; or a line more
//! that is put in the place of one of the parts once they are signed. Marks such as `{10}` and `{-10}` stand for times so
//! many seconds from a certain one, `{long}` for 4,000 letters.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use subtotal_connect::shopify::session_token::SessionRefusal;
use subtotal_connect::shopify::{ClientSecrets, CustomerId, customer_token, session_token};
use subtotal_connect_fuzz::digest::base64url;
use subtotal_connect_fuzz::input::Input;
use subtotal_connect_fuzz::tokens::{self, Bearer};

const SECRETS: [&str; 2] = ["hush", "former"];
const STRANGER: &str = "of another app";
const CLIENT_ID: &str = "client-id-123";
const TIMES: [i64; 9] = [-60, -11, -10, -9, 0, 9, 10, 11, 60];
/// Where a token of the usual times begins and ends to be good, give or take the leeway.
const BORDERS: [i64; 6] = [-11, -10, 9, 10, 69, 70];
/// Within the sample token of Shopify's documentation.
const NOW: i64 = 1_591_765_000;

static CLIENT_SECRETS: LazyLock<ClientSecrets> = LazyLock::new(|| ClientSecrets::new(&SECRETS.map(Into::into)));

fuzz_target!(init: known_answer(), |data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let now = NOW + input.seconds(1);
    let secret = ["hush", "former", STRANGER][usize::from(input.choice(2, 3))];
    let marks = TIMES.map(|seconds| (format!("{{{seconds}}}"), (NOW + seconds).to_string()));
    let text = marks.iter().fold(input.text.to_owned(), |text, (mark, time)| text.replace(mark, time));
    let text = text.replace("{long}", &"long".repeat(1000));
    match input.choice(0, 3) {
        0 => compare(&text, now),
        1 => {
            let (header, claims) = Input::line_and_rest(&text);
            let token = tokens::signed(header, claims, secret);
            let (rest, signature) = token.rsplit_once('.').expect("a token has three parts");
            let sent = format!("{rest}.{}", input.changed(3, signature));
            let is_accepted = compare(&sent, now);
            if is_accepted || is_a_matter_of_time(&sent, now) {
                for seconds in BORDERS {
                    compare(&sent, NOW + seconds);
                }
            }
            assert!(sent == token || !is_accepted, "{token} was changed to {sent}");
            assert!(secret != STRANGER || !is_accepted, "{token} is not of this app");
            is_accepted
        }
        _ => {
            let (header, rest) = Input::line_and_rest(&text);
            let (claims, other) = Input::line_and_rest(rest);
            changed(&tokens::signed(header, claims, secret), other, input.choice(3, 5), now)
        }
    };
});

/// One part of a signed token is another one now. It is refused, unless the other one is the same.
fn changed(token: &str, other: &str, part: u8, now: i64) -> bool {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    match part {
        0 => parts[0] = base64url(other.as_bytes()),
        1 => parts[1] = base64url(other.as_bytes()),
        2 => other.clone_into(&mut parts[2]),
        3 => parts.push(other.to_owned()),
        _ => parts[2].push_str(other),
    }
    let sent = parts.join(".");
    let is_accepted = compare(&sent, now);
    assert!(!is_accepted || sent == token, "{token} was changed to {sent}");
    is_accepted
}

fn is_a_matter_of_time(token: &str, now: i64) -> bool {
    let refusals = [
        session_token::verify(token, &CLIENT_SECRETS, CLIENT_ID, now).err(),
        customer_token::verify(token, &CLIENT_SECRETS, CLIENT_ID, now).err(),
    ];
    refusals.iter().any(|refusal| matches!(refusal, Some(SessionRefusal::Expired | SessionRefusal::NotYetValid)))
}

/// Whether either door opens; asks the second verifier of each too.
fn compare(token: &str, now: i64) -> bool {
    let staff = session_token::verify(token, &CLIENT_SECRETS, CLIENT_ID, now);
    let staff = staff.map(|session| {
        assert_eq!(session.token(), token);
        Bearer { shop: session.shop().to_string(), subject: Some(session.user().to_owned()) }
    });
    let plain = tokens::staff(token, &SECRETS, CLIENT_ID, now);
    assert_eq!(staff.as_ref().ok(), plain.as_ref(), "{token:?} at {now}: {staff:?}");

    let customer = customer_token::verify(token, &CLIENT_SECRETS, CLIENT_ID, now);
    let customer = customer.map(|visitor| Bearer {
        shop: visitor.shop().to_string(),
        subject: visitor.customer().map(|customer| CustomerId::as_str(customer).to_owned()),
    });
    let plain = tokens::customer(token, &SECRETS, CLIENT_ID, now);
    assert_eq!(customer.as_ref().ok(), plain.as_ref(), "{token:?} at {now}: {customer:?}");

    assert!(staff.is_err() || customer.is_err(), "{token:?} opens both doors");
    staff.is_ok() || customer.is_ok()
}

/// The second verifier has to know the answer of `tests/vectors` first.
fn known_answer() {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/session-token.json")).expect("the vector is JSON");
    let text = |name: &str| vector[name].as_str().expect("a text");
    let now = vector["not_before"].as_i64().expect("a time");
    let bearer = tokens::staff(text("token"), &[text("secret")], text("client_id"), now);
    assert_eq!(bearer, Some(Bearer { shop: text("shop").to_owned(), subject: Some(text("user_id").to_owned()) }));
}
