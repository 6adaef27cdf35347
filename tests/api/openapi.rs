//! The OpenAPI document is true: its routes are the service's, and what its examples ask is answered as it says, to
//! the header.

use std::collections::BTreeSet;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use subtotal_connect::http::openapi::document;
use subtotal_connect::http::{PROBLEMS, shoppers_routes};
use subtotal_connect::store::ShopChanges;

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};
use crate::support::command::CommandLine;
use crate::support::door::Door;
use crate::support::event::{self, Sent};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::schema::{problems, resolved};
use crate::support::webhook::hmac_of;

/// Stands for the connection of a customer in the examples.
const EXAMPLE_ID: &str = "01KAJ0000000000000000000ZZ";

/// Headers of HTTP itself.
const OF_HTTP: [&str; 6] = ["date", "content-length", "content-type", "transfer-encoding", "connection", "vary"];

struct Described {
    method: String,
    path: String,
    operation: Value,
}

fn operations(document: &Value) -> Vec<Described> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            all.push(Described { method, path: path.clone(), operation: operation.clone() });
        }
    }
    all
}

fn of_door(document: &Value, door: Door) -> Vec<Described> {
    let prefix = format!("{}/", door.path());
    operations(document).into_iter().filter(|described| described.path.starts_with(&prefix)).collect()
}

/// Whether an answer is one that the operation describes: its status, every header, its type and its body.
fn assert_described(document: &Value, operation: &Value, answer: &Answer, what: &str) {
    let responses = &operation["responses"];
    let response = responses.get(answer.status.to_string()).unwrap_or_else(|| panic!("{what}: {answer:?}"));
    let described = response["headers"].as_object().unwrap();
    for (name, header) in described {
        let is_there = !answer.header(&name.to_lowercase()).is_empty();
        assert!(is_there || resolved(document, header)["required"] == false, "{what}: {name} is missing: {answer:?}");
    }
    for name in answer.headers.keys().map(|name| name.as_str()).filter(|name| !OF_HTTP.contains(name)) {
        assert!(described.keys().any(|known| known.eq_ignore_ascii_case(name)), "{what}: {name} is not described");
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, "", "{what}");
        return;
    };
    let media_type = answer.header("content-type").split(';').next().unwrap();
    let content = content.get(media_type).unwrap_or_else(|| panic!("{what}: {media_type} is not described"));
    if media_type.ends_with("json") {
        assert_eq!(problems(document, &content["schema"], &answer.json()), Vec::<String>::new(), "{what}");
    }
    if let Some(examples) = content["examples"].as_object() {
        let code = answer.code();
        let example = &examples.get(&code).unwrap_or_else(|| panic!("{what}: {code} is not described"))["value"];
        for member in ["type", "title", "status", "detail"] {
            assert_eq!(example[member], answer.json()[member], "{what}");
        }
    }
}

/// An operation's example, as its parameters and its body give it. `id` stands in for the example's connection.
async fn send_example(app: &TestApp, described: &Described, customer: &str, id: &str) -> Answer {
    let Described { method, path, operation } = described;
    let mut path = path.strip_prefix(app.door.path()).unwrap().to_owned();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, example) = (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap());
        match parameter["in"].as_str().unwrap() {
            "path" => path = path.replace(&format!("{{{name}}}"), example),
            "query" => drop(query.append_pair(name, example)),
            other => panic!("{other}"),
        }
    }
    let query = query.finish();
    let path = if query.is_empty() { path } else { format!("{path}?{query}") };
    let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
    let body: Value = serde_json::from_str(&body.to_string().replace(EXAMPLE_ID, id)).unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let finish = |request: reqwest::RequestBuilder| if body.is_null() { request } else { request.json(&body) };
    app.call(method, SHOP, &path, customer, finish).await
}

#[test]
fn every_route_of_both_doors_is_in_the_document_and_no_other() {
    let document = document();
    let mut described: Vec<_> = [Door::Proxy, Door::CustomerAccount]
        .into_iter()
        .flat_map(|door| of_door(&document, door))
        .map(|described| (described.method, described.path))
        .collect();
    let mut routes = shoppers_routes();
    described.sort();
    routes.sort();
    assert_eq!((described, routes.len()), (routes, 12));
    let ids: BTreeSet<String> =
        operations(&document).iter().map(|described| described.operation["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations(&document).len(), "{ids:?}");
}

#[test]
fn every_example_fits_its_schema_and_every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) -> usize {
        resolved(document, value);
        let example = value.get("schema").and(value.get("example"));
        let examples = value.get("schema").and(value["examples"].as_object());
        let named = examples.into_iter().flat_map(|named| named.values().map(|example| &example["value"]));
        let mut checked = 0;
        for example in example.into_iter().chain(named) {
            assert_eq!(problems(document, &value["schema"], example), Vec::<String>::new(), "{value}");
            checked += 1;
        }
        let children: Vec<&Value> = match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => vec![],
        };
        checked + children.into_iter().map(|child| walk(document, child)).sum::<usize>()
    }
    let document = document();
    assert_eq!(document["openapi"], "3.1.1");
    assert!(walk(&document, &document) > 100);
}

#[test]
fn the_command_prints_the_document_without_any_setting() {
    let printed = CommandLine::new([("NOTHING", "set")]).run(&["openapi"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), document());
}

#[test]
fn every_code_a_shopper_can_meet_is_named() {
    let document = document();
    let shown = document.to_string();
    // Of the admin only.
    let of_staff = ["version_conflict", "destination_off", "shopify_unavailable", "klaviyo_unavailable"];
    for problem in PROBLEMS.iter().filter(|problem| !of_staff.contains(&problem.code) && problem.status != 422) {
        assert!(shown.contains(&format!("urn:subtotal-connect:problem:{}", problem.code)), "{}", problem.code);
    }
}

#[rstest]
#[actix_web::test]
async fn what_the_examples_ask_is_answered_as_described(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let (app, document) = (TestApp::start_at(door).await, document());
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    for described in of_door(&document, door) {
        let answer = send_example(&app, &described, ALICE, &id).await;
        assert!(matches!(answer.status, 200 | 302), "{}: {answer:?}", described.path);
        assert_described(&document, &described.operation, &answer, &described.path);
        let example = &described.operation["responses"]["200"]["content"]["application/json"]["example"];
        if ["/configuration", "/disconnect-connection", "/connections"].iter().any(|end| described.path.ends_with(end))
        {
            assert_eq!(answer.body.replace(&id, EXAMPLE_ID), example.to_string(), "the very example");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn refusals_are_as_described(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let (app, document) = (TestApp::start_at(door).await, document());
    let mut met = BTreeSet::new();
    for described in of_door(&document, door) {
        let operation = &described.operation;
        let mut answers = vec![
            send_example(&app, &described, NOBODY, "x").await,
            send_example(&app, &described, ALICE, "no-such-connection").await,
            app.raw(Method::from_bytes(described.method.as_bytes()).unwrap(), &described.path, "").await,
        ];
        for fault in [Fault::Status(403), Fault::Status(418), Fault::Status(500), Fault::Status(429)] {
            app.subtotal.break_call(Call::Connections, fault);
            answers.push(send_example(&app, &described, ALICE, "x").await);
            app.subtotal.mend();
        }
        let path = described.path.strip_prefix(door.path()).unwrap();
        if described.method == "POST" {
            answers.push(app.post(path, ALICE, &json!({})).await);
            answers.push(app.post(path, ALICE, &json!({ "x": "x".repeat(17 * 1024) })).await);
            answers.push(app.call(Method::POST, SHOP, path, ALICE, |request| request.body("x")).await);
        }
        answers.push(app.call(Method::GET, "unknown.myshopify.com", path, ALICE, |request| request).await);
        for answer in answers.iter().filter(|answer| answer.status >= 400 && answer.status != 405) {
            assert_described(&document, operation, answer, &described.path);
            met.insert(answer.status);
        }
    }
    assert_eq!(met, BTreeSet::from([400, 401, 404, 413, 415, 502, 503]));
}

/// What the schema of a body says is what is enforced, field by field.
#[rstest]
#[case("/connections", "ConnectionsBody")]
#[case("/disconnect-connection", "DisconnectConnectionBody")]
#[actix_web::test]
async fn the_schema_of_a_body_is_enforced(#[case] path: &str, #[case] schema: &str) {
    let (app, document) = (TestApp::start().await, document());
    let schema = &document["components"]["schemas"][schema];
    let operation = &document["paths"][format!("/apps/subtotal{path}")]["post"];
    let right = &operation["requestBody"]["content"]["application/json"]["example"];
    let required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for (name, rules) in schema["properties"].as_object().unwrap() {
        let mut wrong = vec![json!(7), json!([]), json!("")];
        if let Some(longest) = rules["maxLength"].as_u64() {
            wrong.push(json!("x".repeat(usize::try_from(longest).unwrap() + 1)));
        }
        if required.contains(&name.as_str()) {
            wrong.push(Value::Null);
        }
        for wrong in wrong {
            let mut body = right.clone();
            body[name] = wrong;
            assert!(!problems(&document, schema, &body).is_empty(), "{body}");
            assert_eq!(app.post(path, ALICE, &body).await.fields(), [name.as_str()], "{body}");
        }
        let mut without = right.clone();
        without.as_object_mut().unwrap().remove(name);
        let answer = app.post(path, ALICE, &without).await;
        assert_eq!(answer.status == 400, required.contains(&name.as_str()), "{name}: {answer:?}");
    }
}

#[actix_web::test]
async fn health_webhooks_and_the_document_itself_are_as_described() {
    let (app, document) = (TestApp::start().await, document());
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_described(&document, &document["paths"][path]["get"], &app.plain(path).await, path);
    }
    assert_eq!(app.plain("/openapi.json").await.json(), document);
    let post = app.http().post(format!("{}/openapi.json", app.address));
    assert_eq!(app.send(post, "").await.code(), "method_not_allowed");

    app.change("example.myshopify.com", ShopChanges::default()).await;
    let webhook = &document["paths"]["/webhooks/shopify"]["post"];
    let body = webhook["requestBody"]["content"]["application/json"]["example"].to_string();
    for hmac in [hmac_of(&app.client_secret, body.as_bytes()), "bad".to_owned()] {
        let mut request = app.http().post(format!("{}/webhooks/shopify", app.address));
        for header in webhook["parameters"].as_array().unwrap() {
            request = request.header(header["name"].as_str().unwrap(), header["example"].as_str().unwrap());
        }
        let request = request.header("X-Shopify-Hmac-Sha256", &hmac).header("Content-Type", "application/json");
        let answer = app.send(request.body(body.clone()), "").await;
        assert_eq!(answer.status, if hmac == "bad" { 401 } else { 200 });
        assert_described(&document, webhook, &answer, "a webhook");
    }

    let app = event::start().await;
    let webhook = &document["paths"]["/webhooks/subtotal/{shop}"]["post"];
    let mut sent = Sent::new(&webhook["requestBody"]["content"]["application/json"]["example"]);
    for (secret, status) in [(sent.secret.clone(), 200), ("another".to_owned(), 401)] {
        sent.secret = secret;
        let answer = sent.send(&app).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_described(&document, webhook, &answer, "an event");
    }
}
