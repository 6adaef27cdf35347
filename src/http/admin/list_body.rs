//! What a call sends of a visibility list: JSON, or CSV with the rest in the query. Every wrong member or line is named.

use std::collections::{BTreeMap, HashSet};

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::list_csv::{self, WrongLines};
use crate::http::body::{media_type, read_bytes};
use crate::http::error::AppError;
use crate::http::problem::FieldError;
use crate::visibility::Entry;

/// Longest body that holds entries, in bytes.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A list as it was sent, and the version it was made on.
#[derive(Debug)]
pub(super) struct SentList {
    pub(super) version: i64,
    pub(super) draft: Draft,
}

/// What a list would become.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) is_on: bool,
    pub(super) edit: Edit,
}

/// What would become of the entries.
#[derive(Debug)]
pub(super) enum Edit {
    /// These replace all of them.
    Replace(Vec<Entry>),
    /// The first are removed, then the second added; the rest stays.
    Amend { remove: HashSet<Entry>, add: Vec<Entry> },
}

/// The members of a JSON list, each read apart so that every wrong one is named.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    on: Option<&'a RawValue>,
    #[serde(borrow, default)]
    entries: Option<&'a RawValue>,
    #[serde(borrow, default)]
    add: Option<&'a RawValue>,
    #[serde(borrow, default)]
    remove: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
}

/// What is wrong with members so far.
#[derive(Default)]
pub(super) struct Wrong(Vec<FieldError>);

impl Wrong {
    /// A member of type `T`, or `None` where it is absent, null, or wrong, which is noted.
    pub(super) fn member<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        raw: Option<&RawValue>,
        expected: &str,
    ) -> Option<T> {
        let raw = raw.filter(|raw| raw.get() != "null")?;
        serde_json::from_str(raw.get()).map_err(|_| self.note(field, &format!("must be {expected}"))).ok()
    }

    pub(super) fn note(&mut self, field: &'static str, message: &str) {
        if !self.0.iter().any(|error| error.field == field) {
            self.0.push(FieldError { field, message: message.to_owned() });
        }
    }

    /// Whether nothing was noted so far.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// 400 with every member that is wrong.
    pub(super) fn finish(self) -> Result<(), AppError> {
        if self.0.is_empty() { Ok(()) } else { Err(AppError::InvalidRequest(self.0)) }
    }

    fn required<T: Default>(&mut self, field: &'static str, value: Option<T>, expected: &str) -> T {
        value.unwrap_or_else(|| {
            self.note(field, &format!("is required and must be {expected}"));
            T::default()
        })
    }
}

impl Edit {
    /// The entries that `stored` would become.
    pub(super) fn applied(self, stored: Vec<Entry>) -> Vec<Entry> {
        match self {
            Self::Replace(entries) => entries,
            Self::Amend { remove, add } => {
                stored.into_iter().filter(|entry| !remove.contains(entry)).chain(add).collect()
            }
        }
    }

    /// Whether the entries stay as they are.
    pub(super) fn changes_nothing(&self) -> bool {
        matches!(self, Self::Amend { remove, add } if remove.is_empty() && add.is_empty())
    }
}

/// Reads the list that a PUT sends.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload) -> Result<SentList, AppError> {
    let is_csv = match media_type(request).as_str() {
        "application/json" => false,
        "text/csv" => true,
        _ => return Err(AppError::UnsupportedMediaType),
    };
    let query = request.query_string().to_owned();
    let text = read_text(payload).await?;
    // A large list takes a while to read, and the thread has other requests to answer.
    let read = web::block(move || if is_csv { from_csv(&query, &text) } else { from_json(&text) }).await;
    read.map_err(|error| AppError::Internal(error.to_string()))?
}

/// The body as text, if it is not too long.
pub(super) async fn read_text(payload: web::Payload) -> Result<String, AppError> {
    let body = read_bytes(payload, MAX_BYTES).await?.ok_or(AppError::ListTooLarge)?;
    String::from_utf8(body).map_err(|_| AppError::field("body", "is not valid UTF-8; save the file as CSV UTF-8"))
}

/// A JSON object. Only that: an array of its members in order would do for serde.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    // What RFC 8259 has as white space; a form feed, which others have too, is none.
    let begins = text.trim_start_matches([' ', '\t', '\n', '\r']);
    begins.starts_with('{').then(|| serde_json::from_str(begins).ok()).flatten()
}

/// Reads the lists of a preview, by scope.
pub(super) fn drafts(lists: BTreeMap<String, &RawValue>) -> Result<BTreeMap<String, Draft>, AppError> {
    let draft = |list: &RawValue| {
        let members: Option<Members<'_>> = object(list.get());
        members.ok_or_else(|| AppError::field("lists", "must hold an object for each scope"))?.draft(Wrong::default())
    };
    lists.into_iter().map(|(scope, list)| Ok((scope, draft(list)?))).collect()
}

impl Members<'_> {
    fn draft(&self, mut wrong: Wrong) -> Result<Draft, AppError> {
        const ON: &str = "true or false";
        const ENTRIES: &str = "an array of texts";
        let is_on = wrong.member("on", self.on, ON);
        let entries: Option<Vec<String>> = wrong.member("entries", self.entries, ENTRIES);
        let add: Vec<String> = wrong.member("add", self.add, ENTRIES).unwrap_or_default();
        let remove: Vec<String> = wrong.member("remove", self.remove, ENTRIES).unwrap_or_default();
        let is_on = wrong.required("on", is_on, ON);
        if entries.is_some() && !(add.is_empty() && remove.is_empty()) {
            wrong.note("entries", "replaces all entries, so add and remove must be absent");
        }
        wrong.finish()?;
        let edit = match entries {
            Some(entries) => Edit::Replace(parsed(&entries)?),
            None => Edit::Amend { remove: parsed(&remove)?.into_iter().collect(), add: parsed(&add)? },
        };
        Ok(Draft { is_on, edit })
    }
}

pub(super) fn from_json(text: &str) -> Result<SentList, AppError> {
    const VERSION: &str = "the number that came with the list";
    let members: Members<'_> = object(text).ok_or_else(|| AppError::field("body", "must be a JSON object"))?;
    let mut wrong = Wrong::default();
    let version = wrong.member("version", members.version, VERSION);
    let version = wrong.required("version", version, VERSION);
    Ok(SentList { version, draft: members.draft(wrong)? })
}

pub(super) fn from_csv(query: &str, text: &str) -> Result<SentList, AppError> {
    let mut wrong = Wrong::default();
    let on = the_one(query, "on").and_then(|text| text.parse().ok());
    let is_on = wrong.required("on", on, "true or false, in the query");
    let version = the_one(query, "version").and_then(|text| text.parse().ok());
    let version = wrong.required("version", version, "the number that came with the list, in the query");
    wrong.finish()?;
    Ok(SentList { version, draft: Draft { is_on, edit: Edit::Replace(list_csv::read(text)?) } })
}

/// The value of a parameter that is there exactly once.
pub(super) fn the_one(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}

/// The entries of a JSON array; its places count as lines.
fn parsed(texts: &[String]) -> Result<Vec<Entry>, AppError> {
    let mut entries = Vec::with_capacity(texts.len());
    let mut wrong = WrongLines::default();
    for (line, text) in (1..).zip(texts) {
        match Entry::parse(text) {
            Ok(entry) => entries.push(entry),
            Err(error) => wrong.note(line, text, &error.to_string()),
        }
    }
    wrong.finish()?;
    Ok(entries)
}
