//! Answers as the document shows them: bodies with examples, refusals from the table of problems, and every header.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::http::problem::{self, Details, FieldError, ProblemKind};

/// Stands for a request's id in examples.
const EXAMPLE_ID: &str = "01KAJ0000000000000000000ZZ";

/// Refusals that say after how many seconds to come again.
const SAY_WHEN: [ProblemKind; 4] =
    [problem::SUBTOTAL_BUSY, problem::RATE_LIMITED, problem::OVERLOADED, problem::DATABASE_UNAVAILABLE];

/// What a media type is shown by.
pub(super) enum Examples {
    One(Value),
    /// By the problem's code.
    Named(Map<String, Value>),
}

/// Every header, by the name that `$ref`s use.
pub(super) fn headers() -> Value {
    let text = |description: &str, example: &str| json!({ "description": description, "required": true, "schema": { "type": "string" }, "example": example });
    json!({
        "X-Request-Id": text("A ULID, which the service's log has too.", EXAMPLE_ID),
        "Cache-Control": text("Answers are nobody's but the caller's.", "private, no-store"),
        "X-Content-Type-Options": text("The content type is to be believed.", "nosniff"),
        "Referrer-Policy": text("Where an answer leads does not learn where it came from.", "no-referrer"),
        "Access-Control-Allow-Origin": text("Scripts of every origin may read the answer.", "*"),
        "Access-Control-Expose-Headers": text("What they may read beside the body.", "X-Request-Id, Retry-After"),
        "Content-Security-Policy": text(
            "Nothing runs, and nothing is shown in a frame.",
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        "Location": text("The Link URL, or the store's login on the same host.", "https://link.subtotal.com/zklQOnlG?…"),
        "Retry-After": {
            "description": "After how many seconds to try again.", "required": true,
            "schema": { "type": "integer", "minimum": 0 }, "example": 5,
        },
        "Allow": {
            "description": "With 405: the method this path takes.", "required": false,
            "schema": { "type": "string" }, "example": "GET",
        },
    })
}

/// A 200 of JSON.
pub(super) fn ok(schema: &str, example: Value, is_cross_origin: bool) -> Value {
    json!({
        "description": "As asked.",
        "headers": named(&common(is_cross_origin)),
        "content": { "application/json": content(schema, Examples::One(example)) },
    })
}

/// Refusals by status, each with an example for every code.
pub(super) fn refusals(kinds: &[ProblemKind], is_cross_origin: bool) -> BTreeMap<String, Value> {
    let mut by_status: BTreeMap<String, Vec<ProblemKind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status.to_string()).or_default().push(*kind);
    }
    by_status.into_iter().map(|(status, kinds)| (status, refusal(&kinds, is_cross_origin))).collect()
}

fn refusal(kinds: &[ProblemKind], is_cross_origin: bool) -> Value {
    let mut headers = common(is_cross_origin);
    if kinds.iter().any(|kind| SAY_WHEN.contains(kind)) {
        headers.push("Retry-After");
    }
    let description: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.detail)).collect();
    let examples = kinds.iter().map(|kind| (kind.code.to_owned(), json!({ "value": example(*kind) }))).collect();
    json!({
        "description": description.join("\n\n"),
        "headers": named(&headers),
        "content": { "application/problem+json": content("Problem", Examples::Named(examples)) },
    })
}

/// The same refusal for a person: a page, with the same status.
pub(super) fn page(refusal: &Value) -> Value {
    let mut page = refusal.clone();
    page["content"] = json!({ "text/html": { "schema": { "type": "string" } } });
    page
}

/// Where a person is sent.
pub(super) fn redirects() -> [(String, Value); 2] {
    let (mut found, refresh) = (common(false), common(false));
    found.push("Location");
    let found = json!({
        "description": "To the Link URL, or, signed out, to the store's login and back.", "headers": named(&found),
    });
    let refresh = json!({
        "description": "The same by a page that refreshes, where the operator set `REDIRECT_MODE=html`.",
        "headers": named(&refresh),
        "content": { "text/html": { "schema": { "type": "string" } } },
    });
    [("302".to_owned(), found), ("200".to_owned(), refresh)]
}

/// What a method or a path that is not there is answered with.
pub(super) fn anything_else(is_cross_origin: bool) -> Value {
    let mut anything = refusal(&[problem::METHOD_NOT_ALLOWED, problem::NOT_FOUND], is_cross_origin);
    anything["headers"]["Allow"] = header("Allow");
    anything["description"] = "Any other refusal: `method_not_allowed` (405) with `Allow`, `not_found` (404).".into();
    anything
}

/// A media type object of a schema by name.
pub(super) fn content(schema: &str, examples: Examples) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    match examples {
        Examples::One(example) => json!({ "schema": schema, "example": example }),
        Examples::Named(examples) => json!({ "schema": schema, "examples": examples }),
    }
}

/// The headers every answer has.
pub(super) fn common(is_cross_origin: bool) -> Vec<&'static str> {
    let mut headers =
        vec!["X-Request-Id", "Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"];
    if is_cross_origin {
        headers.extend(["Access-Control-Allow-Origin", "Access-Control-Expose-Headers"]);
    }
    headers
}

/// A map of headers, by reference.
pub(super) fn named(headers: &[&str]) -> Value {
    headers.iter().map(|name| ((*name).to_owned(), header(name))).collect::<Map<_, _>>().into()
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn example(kind: ProblemKind) -> Value {
    let fields = [FieldError { field: "redirectUrl", message: "is required and must be a string".to_owned() }];
    let fields = if kind == problem::INVALID_REQUEST { &fields[..] } else { &[] };
    serde_json::to_value(kind.occurred(EXAMPLE_ID, Details::Fields(fields))).expect("plain structs serialise")
}
