//! What fuzz targets reach of the admin: bodies, and lists as CSV. There only under `--cfg fuzzing`.

use secrecy::ExposeSecret;

use super::list_body::{self, Edit, SentList};
use super::{integrations, list_csv, preview, settings, subtotal_key, test_event, webhook_secret};
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::store::ShopChanges;
use crate::visibility::Entry;

/// A list that was sent.
#[derive(Debug)]
pub struct List {
    /// The version it was made on.
    pub version: i64,
    /// Whether it is on.
    pub is_on: bool,
    /// What replaces the entries, or is added to and removed from them.
    pub entries: Vec<Entry>,
}

impl From<SentList> for List {
    fn from(SentList { version, draft }: SentList) -> Self {
        let entries = match draft.edit {
            Edit::Replace(entries) => entries,
            Edit::Amend { remove, add } => remove.into_iter().chain(add).collect(),
        };
        Self { version, is_on: draft.is_on, entries }
    }
}

/// A list as JSON.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn list_from_json(text: &str) -> Result<List, AppError> {
    list_body::from_json(text).map(List::from)
}

/// A list as CSV, with the rest in the query.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn list_from_csv(query: &str, text: &str) -> Result<List, AppError> {
    list_body::from_csv(query, text).map(List::from)
}

/// The entries of a list as CSV.
///
/// # Errors
/// 400 with every line that is wrong.
pub fn list_csv(text: &str) -> Result<Vec<Entry>, AppError> {
    list_csv::read(text)
}

/// Entries as CSV.
#[must_use]
pub fn list_to_csv(entries: &[String]) -> String {
    list_csv::lines(entries)
}

/// The body of a preview: how many lists it has.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn preview(text: &str) -> Result<usize, AppError> {
    preview::read(text).map(|(_, drafts)| drafts.len())
}

/// The shop's choices.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn settings(body: Vec<u8>) -> Result<ShopChanges, AppError> {
    settings::read_changes(Fields::parse(body)?)
}

/// Subtotal's API key.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn subtotal_key(body: Vec<u8>) -> Result<Option<String>, AppError> {
    Ok(Some(subtotal_key::key_of(Fields::parse(body)?)?.expose_secret().to_owned()))
}

/// The secret of Subtotal's webhooks.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn webhook_secret(body: Vec<u8>) -> Result<Option<String>, AppError> {
    Ok(Some(webhook_secret::secret_of(Fields::parse(body)?)?.expose_secret().to_owned()))
}

/// Klaviyo's key, which may be left out.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn klaviyo_key(body: Vec<u8>) -> Result<Option<String>, AppError> {
    let mut fields = Fields::parse(body)?;
    let key = integrations::read_key(&mut fields);
    fields.finish()?;
    Ok(key.map(|key| key.expose_secret().to_owned()))
}

/// Whom a test event is about: an e-mail address, a customer's id and a phone number.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn test_event(body: Vec<u8>) -> Result<(String, String, String), AppError> {
    let mut fields = Fields::parse(body)?;
    let email = test_event::read_email(&mut fields);
    let customer = test_event::read_customer(&mut fields);
    let phone = test_event::read_phone(&mut fields);
    fields.finish()?;
    Ok((email, customer, phone))
}
