//! The JSON bodies of the storefront's and the admin's endpoints: nothing panics, what is accepted keeps the documented
//! limits and is what a plain reading finds, and what a plain reading finds in order is accepted.
//!
//! Input: one choice, the endpoint, and the body. The mark `{long}` stands for 60 letters of two bytes each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use subtotal_connect::http::AppError;
use subtotal_connect::http::admin::fuzzing as admin;
use subtotal_connect::http::fuzzing as storefront;
use subtotal_connect::linking::redirect::parse_host;
use subtotal_connect_fuzz::members::{Member, Members};
use url::Url;

const MAX_ID: usize = 64;
const MAX_URL: usize = 2048;
const MAX_KEY: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let long = std::str::from_utf8(body).map(|text| text.replace("{long}", &"é".repeat(60)).into_bytes());
    let body = long.as_deref().unwrap_or(body);
    match choice.wrapping_sub(b'0') % 7 {
        0 => connections(body),
        1 => disconnect(body),
        2 => settings(body),
        3 => preview(body),
        4 => secrets(body),
        5 => test_event(body),
        _ => list(body),
    }
});

fn connections(body: &[u8]) {
    let plain = Members::read(body);
    let wanted = |name: &str, longest: usize| plain.as_ref().and_then(|members| text(members, name, longest));
    let link = wanted("retailerLinkUrl", MAX_URL).filter(|link| is_http(link));
    let connection = plain.as_ref().and_then(|members| match members.get("connectionId") {
        Member::Absent => Some(None),
        _ => text(members, "connectionId", MAX_ID).map(Some),
    });
    let (retailer, redirect) = (wanted("retailerId", MAX_ID), wanted("redirectUrl", usize::MAX));
    let plainly = link.and_then(|_| Some((retailer?, redirect?, connection?)));
    match (storefront::connections(body.to_vec()), plainly) {
        (Ok(asked), Some(plainly)) => assert_eq!(asked, plainly),
        (Err(error), None) => {
            let known = ["body", "retailerId", "retailerLinkUrl", "redirectUrl", "connectionId"];
            check_refusal(&error, &known);
        }
        (asked, plainly) => panic!("{asked:?}, but plainly {plainly:?}"),
    }
}

fn disconnect(body: &[u8]) {
    let plainly = Members::read(body).and_then(|members| text(&members, "connectionId", MAX_ID));
    match (storefront::disconnect(body.to_vec()), plainly) {
        (Ok(id), Some(plainly)) => assert_eq!(id, plainly),
        (Err(error), None) => {
            check_refusal(&error, &["body", "connectionId", "retailerId", "retailerLinkUrl", "redirectUrl"])
        }
        (id, plainly) => panic!("{id:?}, but plainly {plainly:?}"),
    }
}

fn settings(body: &[u8]) {
    let changes = match admin::settings(body.to_vec()) {
        Ok(changes) => changes,
        Err(error) => return check_wrong(&error),
    };
    let members = Members::read(body).expect("what is accepted is an object");
    assert_eq!(changes.expected_version, members.number("version"));
    assert!(changes.expected_version.is_some(), "the version must be sent");
    let flag = match members.get("enforceVisibility") {
        Member::Once(Value::Bool(flag)) => Some(flag),
        _ => None,
    };
    assert_eq!(changes.enforce_visibility, flag);
    assert!(changes.secret.is_none() && changes.storefront_hosts.is_none(), "{changes:?}");
    let hosts = changes.redirect_hosts.unwrap_or_default();
    assert!(hosts.len() <= 100, "{} hosts", hosts.len());
    for host in hosts {
        assert_eq!(parse_host(&host), Some(host));
    }
}

fn preview(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    match admin::preview(text) {
        Ok(drafts) => {
            let members = Members::read(body).expect("what is accepted is an object");
            assert!(members.get("email") == Member::Absent || members.get("customerId") == Member::Absent);
            let lists = match members.get("lists") {
                Member::Once(Value::Object(lists)) => {
                    assert!(lists.values().all(Value::is_object), "{lists:?}");
                    lists.len()
                }
                _ => 0,
            };
            assert_eq!(drafts, lists);
        }
        Err(error) => check_wrong(&error),
    }
}

type ReadSecret = fn(Vec<u8>) -> Result<Option<String>, AppError>;

/// Keys and secrets, which end up in headers.
fn secrets(body: &[u8]) {
    let read: [(&str, ReadSecret); 3] =
        [("apiKey", admin::subtotal_key), ("secret", admin::webhook_secret), ("privateKey", admin::klaviyo_key)];
    for (name, read) in read {
        let plainly = Members::read(body).and_then(|members| text(&members, name, MAX_KEY));
        match read(body.to_vec()) {
            Ok(Some(secret)) => {
                assert!(!secret.is_empty(), "{name} is empty");
                assert!(secret.bytes().all(|byte| byte.is_ascii_graphic()), "{name} is {secret:?}");
                assert_eq!(plainly.map(|text| text.trim().to_owned()), Some(secret));
            }
            Ok(None) => assert!(plainly.is_none(), "{name} was not read"),
            Err(error) => check_wrong(&error),
        }
    }
}

fn test_event(body: &[u8]) {
    match admin::test_event(body.to_vec()) {
        Ok((email, customer, phone)) => {
            assert!(email.chars().count() <= 254 && email.contains('@'), "{email:?}");
            assert!((1..=20).contains(&customer.len()) && customer.bytes().all(|byte| byte.is_ascii_digit()));
            let digits = phone.strip_prefix('+').expect("a plus in front");
            assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()), "{phone:?}");
        }
        Err(error) => check_wrong(&error),
    }
}

fn list(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    match admin::list_from_json(text) {
        Ok(list) => {
            let members = Members::read(body).expect("what is accepted is an object");
            assert_eq!(Some(list.version), members.number("version"));
            assert_eq!(Member::Once(Value::Bool(list.is_on)), members.get("on"));
            let named = ["entries", "add", "remove"].map(|name| match members.get(name) {
                Member::Once(Value::Array(entries)) => entries.len(),
                _ => 0,
            });
            assert!(list.entries.len() <= named.iter().sum::<usize>(), "{} entries", list.entries.len());
        }
        Err(error) => check_wrong(&error),
    }
}

/// A text of 1 to so many characters.
fn text(members: &Members, name: &str, longest: usize) -> Option<String> {
    members.text(name).filter(|text| (1..=longest).contains(&text.chars().count()))
}

fn is_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "http" || url.scheme() == "https")
}

fn check_refusal(error: &AppError, known: &[&str]) {
    let AppError::InvalidRequest(errors) = error else { panic!("{error:?}") };
    assert!(errors.iter().all(|error| known.contains(&error.field)), "{errors:?}");
    check_wrong(error);
}

/// A refusal names what is wrong, each field in a few words.
fn check_wrong(error: &AppError) {
    match error {
        AppError::InvalidRequest(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!((1..=400).contains(&error.message.len()), "{error:?}");
            }
        }
        AppError::InvalidLines(lines) => {
            assert!((1..=1000).contains(&lines.len()));
            for line in lines {
                assert!(line.line > 0 && line.entry.chars().count() <= 120, "{line:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}
