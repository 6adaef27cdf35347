//! Text that no name has: a NUL, which PostgreSQL takes in no text. Whoever sends it is told, and nothing fails.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{SHOP, TestApp};

#[actix_web::test]
async fn a_nul_in_a_question_of_staff_is_an_answer_and_no_failure() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::GET, "/lists/a%00b"),
        (Method::GET, "/lists/global?q=a%00b"),
        (Method::GET, "/activity?kind=a%00b"),
        (Method::GET, "/activity?before=1-0-a%00b"),
        (Method::GET, "/activity?before=1-2-a%00b"),
        (Method::GET, "/deliveries?before=1-a%00b"),
        (Method::GET, "/deliveries/a%00b"),
        (Method::POST, "/deliveries/a%00b/replay"),
        (Method::GET, "/events?before=1:a%00b"),
        (Method::POST, "/events/a%00b/retry"),
        (Method::GET, "/connections?before=1:a%00b"),
        (Method::GET, "/data-requests/a%00b"),
    ] {
        let answer = app.staff_call(method.clone(), SHOP, path, |request| request).await;
        assert!((200..500).contains(&answer.status), "{method} {path}: {answer:?}");
    }
    for entry in ["a\0b@x.com", "\"a\0b\"@x.com", "\"a\\\0b\"@x.com", "a\0b.com", "a@b\0.com"] {
        let list = json!({ "on": true, "entries": [entry], "version": 1 });
        let answer = app.staff_call(Method::PUT, SHOP, "/lists/global", |request| request.json(&list)).await;
        assert_eq!(answer.status, 400, "{entry:?}: {answer:?}");
        let look = json!({ "email": entry });
        let answer = app.staff_call(Method::POST, SHOP, "/preview", |request| request.json(&look)).await;
        assert_eq!(answer.status, 400, "{entry:?}: {answer:?}");
    }
}
