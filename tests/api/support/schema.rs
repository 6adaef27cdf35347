//! The part of JSON Schema (2020-12) that our OpenAPI document uses. A keyword it does not know is a failed test, so
//! nothing passes unread.

use serde_json::Value;

/// What of `value` does not fit `schema`; `$ref`s lead into `document`.
pub(crate) fn problems(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &mut found);
    found
}

/// Where a `$ref` leads; the value itself where it is none.
pub(crate) fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
        None => value,
    }
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    let number = |key: &str| schema[key].as_u64().unwrap();
    for (keyword, rule) in schema.as_object().unwrap_or_else(|| panic!("not a schema: {schema}")) {
        let fits = match keyword.as_str() {
            "type" => types(rule).iter().any(|name| is_of(value, name)),
            "enum" => rule.as_array().unwrap().contains(value),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= number("minLength")),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= number("maxLength")),
            "minimum" => value.as_f64().is_none_or(|given| given >= rule.as_f64().unwrap()),
            "required" => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                let missing: Vec<_> = names.filter(|name| value.is_object() && value.get(name).is_none()).collect();
                found.extend(missing.iter().map(|name| format!("{at}.{name} is missing")));
                true
            }
            "properties" => {
                for (name, property) in rule.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(document, property, member, &format!("{at}.{name}"), found);
                    }
                }
                true
            }
            "items" => {
                for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, rule, item, &format!("{at}[{nth}]"), found);
                }
                true
            }
            "oneOf" => {
                let fit = |schema: &&Value| problems(document, schema, value).is_empty();
                rule.as_array().unwrap().iter().filter(fit).count() == 1
            }
            "format" | "description" | "title" | "example" | "examples" => true,
            unknown => panic!("{at}: the keyword {unknown} is not checked"),
        };
        if !fits {
            found.push(format!("{at}: {value} does not fit {keyword} {rule}"));
        }
    }
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        name => vec![name.as_str().unwrap()],
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

/// The checker itself can refuse.
#[test]
fn what_does_not_fit_is_found() {
    let document = serde_json::json!({ "s": { "type": "string", "maxLength": 2 } });
    let schema = serde_json::json!({
        "type": "object", "required": ["a"],
        "properties": { "a": { "$ref": "#/s" }, "b": { "type": "array", "items": { "type": ["integer", "null"] } } },
    });
    for (value, count) in [
        (r#"{"a":"xx","b":[1,null]}"#, 0),
        (r#"{}"#, 1),
        (r#"{"a":"xxx"}"#, 1),
        (r#"{"a":7}"#, 1),
        (r#"{"a":"x","b":["x",1.5]}"#, 2),
        ("[]", 1),
    ] {
        let value = serde_json::from_str(value).unwrap();
        assert_eq!(problems(&document, &schema, &value).len(), count, "{value}");
    }
}
