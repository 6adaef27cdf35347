//! What a body must look like, and that every wrong field is named.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::door::Door;
use crate::support::fake_subtotal::Call;
use crate::support::raw::exchange;

const LIMIT: usize = 16 * 1024;

fn right() -> Value {
    json!({ "retailerId": "walmart", "retailerLinkUrl": "https://link.subtotal.com/zklQOnlG", "redirectUrl": "/" })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = right();
    body[field] = value;
    body
}

async fn send(app: &TestApp, path: &str, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let finish = |request: reqwest::RequestBuilder| request.header("Content-Type", media_type).body(body);
    app.call(reqwest::Method::POST, SHOP, path, ALICE, finish).await
}

async fn connect(app: &TestApp, body: impl Into<reqwest::Body>) -> Answer {
    send(app, "/connections", "application/json", body).await
}

#[rstest]
#[actix_web::test]
async fn the_media_type_must_be_json(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "APPLICATION/JSON",
        "application/json ; x=y",
    ] {
        let answer = send(&app, "/connections", good, right().to_string()).await;
        assert_eq!(answer.status, 200, "{good}");
    }
    for bad in [
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "text/plain; application/json",
        "text/plain, application/json",
        "json",
    ] {
        for path in ["/connections", "/disconnect-connection"] {
            let answer = send(&app, path, bad, right().to_string()).await;
            assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_media_type"), "{bad}");
        }
    }
    let none = app.call(reqwest::Method::POST, SHOP, "/connections", ALICE, |request| request.body("{}")).await;
    assert_eq!(none.code(), "unsupported_media_type");
}

#[rstest]
#[actix_web::test]
async fn what_is_not_a_json_object_is_a_bad_body(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for body in [
        "",
        " ",
        "null",
        "true",
        "7",
        "\"text\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\" 1}",
        "\u{feff}{}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"\\ud800\":1}",
        "// {}",
        "{\"a\":\"\n\"}",
    ] {
        for path in ["/connections", "/disconnect-connection"] {
            let answer = send(&app, path, "application/json", body).await;
            assert_eq!(answer.fields(), ["body"], "{body:?}");
        }
    }
    assert_eq!(app.subtotal.seen().len(), 0);
}

#[rstest]
#[actix_web::test]
async fn every_field_that_is_missing_null_empty_long_or_no_string_is_named(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let all = ["retailerId", "retailerLinkUrl", "redirectUrl"];
    assert_eq!(connect(&app, "{}").await.fields(), all);
    assert_eq!(connect(&app, r#"{"retailerId":1,"redirectUrl":null,"connectionId":[]}"#).await.fields().len(), 4);
    for field in all {
        let mut missing = right();
        missing.as_object_mut().unwrap().remove(field);
        assert_eq!(connect(&app, missing.to_string()).await.fields(), [field]);
        for wrong in [json!(null), json!(7), json!(true), json!([]), json!(["walmart"]), json!({}), json!("")] {
            let answer = connect(&app, with(field, wrong.clone()).to_string()).await;
            assert_eq!(answer.fields(), [field], "{wrong}");
        }
    }
    for wrong in [json!(7), json!(false), json!([]), json!({}), json!("")] {
        assert_eq!(
            connect(&app, with("connectionId", wrong.clone()).to_string()).await.fields(),
            ["connectionId"],
            "{wrong}"
        );
        let end = json!({ "connectionId": wrong }).to_string();
        assert_eq!(send(&app, "/disconnect-connection", "application/json", end).await.fields(), ["connectionId"]);
    }
    for body in ["{}", r#"{"connectionId":null}"#, r#"{"connectionid":"x"}"#] {
        let answer = send(&app, "/disconnect-connection", "application/json", body).await;
        assert_eq!(answer.fields(), ["connectionId"], "{body}");
    }
    assert_eq!(app.subtotal.seen().len(), 0);
    assert_eq!(connect(&app, with("connectionId", Value::Null).to_string()).await.status, 200, "optional");
    assert_eq!(connect(&app, with("surplus", json!({ "a": [1] })).to_string()).await.status, 200, "unknown");
}

#[rstest]
#[actix_web::test]
async fn ids_have_at_most_64_characters(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for character in ["x", "é", "🛒"] {
        let (fits, long) = (json!(character.repeat(64)), json!(character.repeat(65)));
        assert_eq!(connect(&app, with("retailerId", fits.clone()).to_string()).await.code(), "retailer_not_found");
        assert_eq!(connect(&app, with("connectionId", fits.clone()).to_string()).await.code(), "connection_not_found");
        for field in ["retailerId", "connectionId"] {
            assert_eq!(connect(&app, with(field, long.clone()).to_string()).await.fields(), [field]);
        }
        for (id, code) in [(fits, "connection_not_found"), (long, "invalid_request")] {
            let answer = app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await;
            assert_eq!(answer.code(), code);
        }
    }
    assert_eq!(app.subtotal.count(Call::Create), 0);
}

#[rstest]
#[actix_web::test]
async fn odd_ids_are_opaque_and_stay_in_their_place(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for id in
        ["..", "../retailers", "a/b", "a?b=c", "%2e%2e", "\0", "\u{fffd}", " ", "'; DROP TABLE shops;--", "a\r\nb: c"]
    {
        assert_eq!(
            connect(&app, with("retailerId", json!(id)).to_string()).await.code(),
            "retailer_not_found",
            "{id:?}"
        );
        assert_eq!(
            connect(&app, with("connectionId", json!(id)).to_string()).await.code(),
            "connection_not_found",
            "{id:?}"
        );
        let end = app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await;
        assert_eq!(end.code(), "connection_not_found", "{id:?}");
    }
    let changing = [Call::Create, Call::Token, Call::Patch].map(|call| app.subtotal.count(call));
    assert_eq!(changing, [0; 3]);
}

#[rstest]
#[actix_web::test]
async fn sixteen_kib_are_read_and_not_a_byte_more(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let sized = |size: usize| {
        let fill = size - with("fill", json!("")).to_string().len();
        with("fill", json!("x".repeat(fill))).to_string()
    };
    for (size, status) in [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413), (17 * 1024, 413)] {
        let answer = connect(&app, sized(size)).await;
        assert_eq!(answer.status, status, "{size}");
        if status == 413 {
            assert_eq!(answer.code(), "payload_too_large");
        }
        let chunks: Vec<u8> = sized(size)
            .as_bytes()
            .chunks(1000)
            .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
            .chain(*b"0\r\n\r\n")
            .collect();
        let (line, proof) = match door {
            Door::Proxy => (format!("POST /apps/subtotal/connections?{}", app.query(ALICE, "")), String::new()),
            Door::CustomerAccount => {
                let proof = format!("authorization: Bearer {}\r\n", app.customer_token(SHOP, ALICE));
                ("POST /customer-account/connections".to_owned(), proof)
            }
        };
        let headers = format!("{proof}content-type: application/json\r\ntransfer-encoding: chunked\r\n");
        let chunked = exchange(&app.address, &line, &headers, &chunks).await;
        assert_eq!(chunked.status, status, "{size} in chunks: {}", chunked.body);
    }
}

#[rstest]
#[actix_web::test]
async fn deep_nesting_is_skipped_where_unknown_and_named_where_not(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for levels in [200, 2000] {
            let inner = if open == "[" { "" } else { "1" };
            let nested = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            let unknown = right().to_string().replacen('{', &format!("{{\"unknown\":{nested},"), 1);
            assert_eq!(connect(&app, unknown).await.status, 200, "{levels}");
            let known = right().to_string().replace("\"walmart\"", &nested);
            assert_eq!(connect(&app, known).await.fields(), ["retailerId"], "{levels}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn invalid_utf8_names_its_field(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for bad in [&b"\xff"[..], b"\xc3(", b"\xed\xa0\x80", b"\xf0\x9f\x9b", b"\xc0\xaf"] {
        for field in ["retailerId", "retailerLinkUrl", "redirectUrl", "connectionId"] {
            let body = with(field, json!("@@")).to_string().into_bytes();
            let at = body.windows(2).position(|two| two == b"@@").unwrap();
            let body = [&body[..at], bad, &body[at + 2..]].concat();
            assert_eq!(connect(&app, body).await.fields(), [field], "{bad:?}");
        }
        let key = [&b"{\"x"[..], bad, b"\":1}"].concat();
        assert_eq!(connect(&app, key).await.fields(), ["body"]);
        assert_eq!(connect(&app, bad.to_vec()).await.fields(), ["body"]);
    }
    for lone in [r#""\ud800""#, r#""\udc00x""#, r#""\ud83d\u0041""#] {
        let body = right().to_string().replace("\"walmart\"", lone);
        assert_eq!(connect(&app, body).await.fields(), ["retailerId"], "{lone}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_field_that_is_there_twice_is_named_also_when_spelled_with_escapes(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for (field, again) in [
        ("retailerId", r#""retailerId":"walmart""#),
        ("retailerId", r#""retailer\u0049d":"amazon""#),
        ("retailerId", r#""\u0072etailerId":null"#),
        ("redirectUrl", r#""redirectUr\u006c":"https://evil.example/""#),
        ("redirectUrl", r#""redirectUrl":7"#),
        ("retailerLinkUrl", r#""retailerLinkUrl":"https://x.example/""#),
        ("connectionId", r#""connectionId":null,"connectionId":null"#),
        ("connectionId", r#""connectionId":"a","connection\u0049d":"b""#),
    ] {
        for body in [
            right().to_string().replacen('{', &format!("{{{again},"), 1),
            right().to_string().replace('}', &format!(",{again}}}")),
        ] {
            assert_eq!(connect(&app, body.clone()).await.fields(), [field], "{body}");
        }
    }
    let twice = right().to_string().replacen('{', r#"{"surplus":1,"surplus":2,"#, 1);
    assert_eq!(app.subtotal.seen().len(), 0);
    assert_eq!(connect(&app, twice).await.status, 200, "unknown ones do not matter");
}

#[rstest]
#[actix_web::test]
async fn the_retailers_link_must_be_http_and_a_foreign_one_is_never_reflected(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for bad in [
        "x",
        "/zklQOnlG",
        "//link.subtotal.com/x",
        "javascript:alert(1)",
        "ftp://x.example/",
        "https://",
        "data:,x",
        "https://a b/",
    ] {
        let answer = connect(&app, with("retailerLinkUrl", json!(bad)).to_string()).await;
        assert_eq!(answer.fields(), ["retailerLinkUrl"], "{bad}");
    }
    let long = format!("https://link.subtotal.com/{}", "x".repeat(2048));
    assert_eq!(connect(&app, with("retailerLinkUrl", json!(long)).to_string()).await.fields(), ["retailerLinkUrl"]);
    assert_eq!(app.subtotal.seen().len(), 0);
    let mut links = Vec::new();
    for foreign in [
        "https://link.subtotal.com/zklQOnlG",
        "https://evil.example/phish?connection_id=1",
        "http://evil.example/",
        "https://link.subtotal.com/tWGE4TJM",
        "HTTPS://user:pw@evil.example:99/#x",
    ] {
        let answer = connect(&app, with("retailerLinkUrl", json!(foreign)).to_string()).await;
        links.push(answer.json()["link_url"].as_str().unwrap().to_owned());
    }
    links.dedup();
    assert_eq!(links.len(), 1, "always the same: {links:?}");
    assert!(links[0].starts_with("https://link.subtotal.com/zklQOnlG?connection_id="), "{links:?}");
}
