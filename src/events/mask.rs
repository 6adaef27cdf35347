//! What a try asked and was answered, as it may be written down: the shape stays readable, and nothing in it tells whom it
//! was about, what was bought, or a secret. Pure.
//!
//! Of a request, only values of a known form under a known name are kept. Of an answer, only what names the kind of an
//! error is kept, and not even that where it repeats a word of what was sent.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::happening::HappeningKind;
use super::klaviyo_event::metric;

/// Stands for a text, and for a number.
pub const MARK: &str = "•••";
const NUMBER: &str = "••• (number)";
/// Elements of a list that are shown, and errors of an answer.
const MAX_LIST: usize = 20;
const MAX_ERRORS: usize = 5;
/// Characters of an error's title, its code and its pointer, and letters of a word in them: beyond that, it may be anything.
const MAX_TITLE: usize = 100;
const MAX_CODE: usize = 64;
const MAX_POINTER: usize = 200;
const MAX_WORD: usize = 20;
/// From so many letters on, a private word is also looked for inside of others.
const HIDDEN_IN_OTHERS: usize = 4;

/// A request with everything masked but its property names and what only names the event.
#[must_use]
pub fn request(sent: &Value) -> Value {
    masked("", sent)
}

fn masked(name: &str, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => MARK.into(),
        Value::Number(_) => NUMBER.into(),
        Value::String(text) => kept(name, text).unwrap_or_else(|| MARK.to_owned()).into(),
        Value::Array(list) => {
            let mut shown: Vec<Value> = list.iter().take(MAX_LIST).map(|value| masked("", value)).collect();
            let more = list.len() - shown.len();
            if more > 0 {
                shown.push(format!("and {more} more").into());
            }
            shown.into()
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), masked(name, value)));
            Value::Object(fields.collect())
        }
    }
}

/// What is kept of a text under this name: nothing that does not look as it should.
fn kept(name: &str, text: &str) -> Option<String> {
    let is_kept = match name {
        "type" => ["event", "metric", "profile"].contains(&text),
        "name" => KINDS.into_iter().any(|kind| metric(kind) == text),
        "time" => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        "unique_id" => text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "connection_id" | "Connection ID" => ulid::Ulid::from_string(text).is_ok(),
        "retailer" | "Retailer ID" => is_slug(text),
        "link_url" | "Link URL" => return without_query(text),
        _ => false,
    };
    is_kept.then(|| text.to_owned())
}

const KINDS: [HappeningKind; 5] = [
    HappeningKind::Connected,
    HappeningKind::Reauthenticated,
    HappeningKind::Unauthenticated,
    HappeningKind::Disconnected,
    HappeningKind::Purchased,
];

fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn without_query(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()))?;
    let has_more = url.query().is_some() || url.fragment().is_some();
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(if has_more { format!("{url}?{MARK}") } else { url.into() })
}

/// What an answer must not repeat: the words of what was masked in the request, and of secrets.
#[derive(Debug, Default)]
pub struct Private {
    words: BTreeSet<String>,
    /// The property names of the request, which an answer may point at.
    names: BTreeSet<String>,
}

impl Private {
    /// For the answer to `sent`, which was authorised by `secret`.
    #[must_use]
    pub fn of(sent: &Value, secret: &str) -> Self {
        let mut private = Self::default();
        private.add(secret);
        private.gather("", sent);
        private
    }

    fn gather(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if kept(name, text).as_ref() != Some(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::Array(list) => list.iter().for_each(|value| self.gather("", value)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.names.insert(name.clone());
                    self.gather(name, value);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, text: &str) {
        self.words.extend(words(text).filter(|word| word.chars().nth(1).is_some()));
    }

    fn is_in(&self, text: &str) -> bool {
        let squashed: String = words(text).collect();
        words(text).any(|word| self.words.contains(&word))
            || self.words.iter().any(|word| word.len() >= HIDDEN_IN_OTHERS && squashed.contains(word))
    }

    /// A text that only says what kind of error it is: letters and the given signs, and no word of what was sent.
    fn harmless<'a>(&self, text: &'a str, signs: &str, longest: usize) -> Option<&'a str> {
        let is_plain = text.chars().all(|c| c.is_ascii_alphabetic() || signs.contains(c));
        let is_short = text.len() <= longest && words(text).all(|word| word.len() <= MAX_WORD);
        (is_plain && is_short && !text.is_empty() && !self.is_in(text)).then_some(text)
    }

    /// A JSON pointer into the request, by names that stand in it and positions in lists.
    fn pointer<'a>(&self, text: &'a str) -> Option<&'a str> {
        let mut parts = text.strip_prefix('/')?.split('/');
        let is_position = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_known = parts.all(|part| (self.names.contains(part) || is_position(part)) && !self.words.contains(part));
        (is_known && text.len() <= MAX_POINTER).then_some(text)
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The body of an answer: of errors as JSON:API or GraphQL have them, what kind they are and where; of anything else, how
/// long it is. `None` for an empty one.
#[must_use]
pub fn answer(body: &[u8], private: &Private) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let mut shown = Map::new();
    if let Some(list) = read.as_ref().and_then(|read| read["errors"].as_array()) {
        shown.insert("errors".to_owned(), list.iter().take(MAX_ERRORS).map(|error| of_error(error, private)).collect());
    }
    if let Some(list) = read.as_ref().and_then(|read| read["data"]["flowTriggerReceive"]["userErrors"].as_array()) {
        let errors = list.iter().take(MAX_ERRORS).map(of_user_error).collect();
        shown.insert("userErrors".to_owned(), errors);
    }
    Some(if shown.is_empty() { json!({ "bytes": body.len() }) } else { shown.into() })
}

fn of_error(error: &Value, private: &Private) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, found: &Value, kept: Option<&str>| {
        if !found.is_null() {
            shown.insert(name.to_owned(), kept.unwrap_or(MARK).into());
        }
    };
    for code in [&error["code"], &error["extensions"]["code"]] {
        put("code", code, code.as_str().and_then(|code| private.harmless(code, "_-.", MAX_CODE)));
    }
    let (title, pointer) = (&error["title"], &error["source"]["pointer"]);
    put("title", title, title.as_str().and_then(|title| private.harmless(title, " .,'-", MAX_TITLE)));
    put("pointer", pointer, pointer.as_str().and_then(|pointer| private.pointer(pointer)));
    put("detail", &error["detail"], None);
    put("message", &error["message"], None);
    if let Some(pointer) = shown.remove("pointer") {
        shown.insert("source".to_owned(), json!({ "pointer": pointer }));
    }
    shown.into()
}

/// Only the arguments of the mutation are known names.
fn of_user_error(error: &Value) -> Value {
    let path = error["field"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = |part: &Value| match part.as_str() {
        Some("handle") => "handle",
        Some("payload") => "payload",
        _ => MARK,
    };
    let field: Vec<&str> = path.iter().take(MAX_ERRORS).map(shown).collect();
    json!({ "field": field, "message": MARK })
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
