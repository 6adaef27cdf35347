//! JSON bodies, read field by field so that every wrong one is named. Unknown fields are ignored.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::error::AppError;
use super::problem::FieldError;

/// Longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// How long a body may take to arrive; less than the storefront's deadline, which is taken for the database's fault.
const BODY_TIME: Duration = Duration::from_secs(3);
/// Bytes a second that a long body must at least arrive with.
const SLOWEST: usize = 256 * 1024;

/// The fields of a JSON object, and what is wrong with them so far.
#[derive(Debug)]
pub(super) struct Fields {
    text: String,
    errors: Vec<FieldError>,
}

/// Every member of a JSON object in order, repeats included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Fields {
    /// Reads the body: media type, then size, then whether it is a JSON object at all.
    ///
    /// # Errors
    /// 415, 413 or 400, in that order.
    pub(super) async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Self, AppError> {
        if media_type(request) != "application/json" {
            return Err(AppError::UnsupportedMediaType);
        }
        let body = read_bytes(payload, MAX_BODY_BYTES).await?;
        Self::parse(body.ok_or(AppError::PayloadTooLarge)?)
    }

    pub(super) fn parse(body: Vec<u8>) -> Result<Self, AppError> {
        match String::from_utf8(body) {
            Ok(text) if serde_json::from_str::<Members<'_>>(&text).is_ok() => Ok(Self { text, errors: Vec::new() }),
            Ok(_) => Err(AppError::field("body", "must be a JSON object")),
            Err(error) => Err(not_utf8(&String::from_utf8_lossy(error.as_bytes()))),
        }
    }

    /// A field that must be a string of 1 to `longest` characters; empty text stands in where it is not.
    pub(super) fn required(&mut self, name: &'static str, longest: usize) -> String {
        match self.string(name, longest) {
            Some(Some(text)) => return text,
            Some(None) => self.error(name, "is required and must be a string"),
            None => {}
        }
        String::new()
    }

    /// A field that may be absent or null, and else must be a string of 1 to `longest` characters.
    pub(super) fn optional(&mut self, name: &'static str, longest: usize) -> Option<String> {
        self.string(name, longest).flatten()
    }

    /// A field that may be absent or null, and else must read as a `T`; `expected` says what that is.
    pub(super) fn value<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let Members(members) = serde_json::from_str(&self.text).expect("the body was parsed before");
        let mut values = members.iter().filter(|(key, _)| key == name).map(|(_, value)| value.get());
        let problem = match (values.next(), values.next()) {
            (None | Some("null"), None) => return None,
            (Some(value), None) => match serde_json::from_str(value) {
                Ok(value) => return Some(value),
                Err(_) => format!("must be {expected}"),
            },
            (_, Some(_)) => "is there more than once".to_owned(),
        };
        self.error(name, &problem);
        None
    }

    /// Notes one of several things that are wrong with a field.
    pub(super) fn another_error(&mut self, field: &'static str, message: String) {
        self.errors.push(FieldError { field, message });
    }

    /// Notes something else that is wrong with a field.
    pub(super) fn error(&mut self, field: &'static str, message: &str) {
        if !self.errors.iter().any(|error| error.field == field) {
            self.errors.push(FieldError { field, message: message.to_owned() });
        }
    }

    /// Whether everything read so far was right.
    ///
    /// # Errors
    /// 400 with every field that was not.
    pub(super) fn finish(self) -> Result<(), AppError> {
        if self.errors.is_empty() { Ok(()) } else { Err(AppError::InvalidRequest(self.errors)) }
    }

    /// `None` when it is wrong, which is noted; `Some(None)` when it is absent or null.
    fn string(&mut self, name: &'static str, longest: usize) -> Option<Option<String>> {
        let Members(members) = serde_json::from_str(&self.text).expect("the body was parsed before");
        let mut values = members.iter().filter(|(key, _)| key == name).map(|(_, value)| value.get());
        let parsed = match (values.next(), values.next()) {
            (None | Some("null"), None) => return Some(None),
            (Some(value), None) => serde_json::from_str::<String>(value).map_err(|_| "must be a string".to_owned()),
            (_, Some(_)) => Err("is there more than once".to_owned()),
        };
        let checked = parsed.and_then(|text| match text.chars().count() {
            0 => Err("must not be empty".to_owned()),
            length if length > longest => Err(format!("must have at most {longest} characters")),
            _ => Ok(text),
        });
        match checked {
            Ok(text) => Some(Some(text)),
            Err(message) => {
                self.error(name, &message);
                None
            }
        }
    }
}

/// The body's media type in lower case, without parameters; empty where none is named.
pub(super) fn media_type(request: &HttpRequest) -> String {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The whole body, or `None` when it has more than `longest` bytes. A client that trickles it would hold its place for as
/// long as it likes, so it has a time to arrive in.
pub(super) async fn read_bytes(payload: web::Payload, longest: usize) -> Result<Option<Vec<u8>>, AppError> {
    let patience = BODY_TIME + Duration::from_secs((longest / SLOWEST) as u64);
    let read = timeout(patience, read_all(payload, longest)).await;
    read.unwrap_or_else(|_| Err(AppError::field("body", "did not arrive in time")))
}

async fn read_all(mut payload: web::Payload, longest: usize) -> Result<Option<Vec<u8>>, AppError> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| AppError::field("body", "could not be read to its end"))?;
        if body.len() + chunk.len() > longest {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Names the fields that hold the broken bytes, where the rest of the body can be read.
fn not_utf8(lossy: &str) -> AppError {
    const FIELDS: [&str; 4] = ["retailerId", "retailerLinkUrl", "redirectUrl", "connectionId"];
    let members = serde_json::from_str::<Members<'_>>(lossy).map_or_else(|_| Vec::new(), |members| members.0);
    let broken = |name: &&str| {
        members.iter().any(|(key, value)| key == name && value.get().contains(char::REPLACEMENT_CHARACTER))
    };
    let mut fields: Vec<&'static str> = FIELDS.into_iter().filter(|name| broken(name)).collect();
    if fields.is_empty() {
        fields.push("body");
    }
    let message = || "is not valid UTF-8".to_owned();
    AppError::InvalidRequest(fields.into_iter().map(|field| FieldError { field, message: message() }).collect())
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    members.push((Cow::Owned(key.into_owned()), map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
