//! One attempt at a call to Subtotal: what came back, what it means, and whether it may be made again.

use std::time::Duration;

use rand::RngExt;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::SubtotalError;

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Longest a client is told to stay away, in seconds.
const MAX_RETRY_AFTER_SECONDS: u64 = 60;

/// What came back from one attempt.
pub(super) enum Attempt {
    Answered(Response),
    /// Nothing reached Subtotal.
    NotConnected,
    /// The connection broke before an answer came.
    Broken,
}

pub(super) async fn attempt(request: RequestBuilder) -> Attempt {
    match request.send().await {
        Ok(response) => Attempt::Answered(response),
        Err(error) if error.is_connect() => Attempt::NotConnected,
        Err(_) => Attempt::Broken,
    }
}

/// What an attempt without a 2xx answer means; `not_found` where a 404 has a meaning of its own.
pub(super) fn failure(attempt: &Attempt, not_found: Option<SubtotalError>) -> SubtotalError {
    let response = match attempt {
        Attempt::Answered(response) => response,
        Attempt::NotConnected => return SubtotalError::Unavailable("no connection"),
        Attempt::Broken => return SubtotalError::Unavailable("connection broken"),
    };
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SubtotalError::KeyRejected,
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = retry_after(response.headers()).unwrap_or(1);
            SubtotalError::Busy { retry_after_seconds: wait.clamp(1, MAX_RETRY_AFTER_SECONDS) }
        }
        StatusCode::NOT_FOUND if not_found.is_some() => not_found.unwrap_or(SubtotalError::Rejected(404)),
        status if status.is_client_error() => SubtotalError::Rejected(status.as_u16()),
        status if status.is_server_error() => SubtotalError::Unavailable("server error"),
        _ => SubtotalError::Unavailable("unexpected status"),
    }
}

/// Whether Subtotal may still be at work on a call that gave no good answer: the connection broke before one came, or
/// a gateway answered in its place.
pub(super) fn may_still_work(attempt: &Attempt) -> bool {
    match attempt {
        Attempt::Broken => true,
        Attempt::Answered(response) => matches!(response.status().as_u16(), 502 | 504),
        Attempt::NotConnected => false,
    }
}

/// How long to wait before a read is tried again, or `None` when it must not be.
pub(super) fn repeat_after(attempt: &Attempt) -> Option<Duration> {
    let jitter = Duration::from_millis(rand::rng().random_range(20..100));
    match attempt {
        Attempt::NotConnected => Some(jitter),
        Attempt::Answered(response) if matches!(response.status().as_u16(), 502..=504) => {
            Some(Duration::from_secs(retry_after(response.headers()).unwrap_or(0)) + jitter)
        }
        _ => None,
    }
}

/// `Retry-After` in whole seconds; its date form is not used by APIs like this one and is taken as absent.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Reads at most [`MAX_ANSWER_BYTES`] and parses them.
pub(super) async fn parse<T: DeserializeOwned>(mut response: Response) -> Result<T, SubtotalError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(SubtotalError::Unavailable("answer too large")),
            Ok(None) => break,
            Err(_) => return Err(SubtotalError::Unavailable("answer cut short")),
        }
    }
    serde_json::from_slice(&body).map_err(|_| SubtotalError::Unavailable("answer does not parse"))
}
