//! What a page sends to link a retailer, and what it gets.

use serde_json::{Value, json};

use super::app::Answer;

/// The body of `POST /connections` for a retailer of the fake.
pub(crate) fn linking(retailer: &str) -> Value {
    json!({
        "retailerId": retailer,
        "retailerLinkUrl": "https://link.subtotal.com/a-stale-copy",
        "redirectUrl": "https://shop.example.com/account",
    })
}

/// The same, with a connection named.
pub(crate) fn linking_again(retailer: &str, connection_id: &str) -> Value {
    let mut body = linking(retailer);
    body["connectionId"] = connection_id.into();
    body
}

/// The Link URL of a good answer, be it from `POST /connections` or from `/link`, by whichever door.
pub(crate) fn link_of(answer: &Answer) -> String {
    match answer.status {
        200 => answer.json()["link_url"].as_str().unwrap().to_owned(),
        302 => answer.header("location").to_owned(),
        _ => panic!("no link: {answer:?}"),
    }
}

/// The connection that it names.
pub(crate) fn linked(answer: &Answer) -> String {
    let link_url = url::Url::parse(&link_of(answer)).unwrap();
    let id = link_url.query_pairs().find(|(name, _)| name == "connection_id").unwrap().1.into_owned();
    assert!(!id.is_empty(), "{link_url}");
    id
}
