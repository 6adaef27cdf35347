//! What arrived of a body that `doctor` sent through the public URL: its SHA-256 and length. A proxy that rewrites bodies
//! breaks every signature of a webhook, and shows here.
//!
//! Only a caller with the app's client secret is answered; everybody else finds nothing at this path. The key is derived,
//! so that what is signed here can not be passed off as anything Shopify signs, and the body itself is not signed: an
//! altered one shall be answered, not refused.

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::error::AppError;
use crate::app::AppState;
use crate::shopify::ClientSecrets;

/// The path, on every host this service answers on.
pub const PATH: &str = "/healthz/body";
/// The header with the time the request was signed at, Unix seconds.
pub const TIME_HEADER: &str = "x-subtotal-connect-time";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-subtotal-connect-signature";

/// How far a signature may be from now, in seconds.
const WINDOW_SECONDS: i64 = 90;
/// Longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The signature of a request made at `time`, Unix seconds.
#[must_use]
pub fn sign(secrets: &ClientSecrets, time: i64) -> String {
    key(secrets).sign_hex(message(time).as_bytes())
}

/// Answers the digest of the body as it arrived.
pub(super) async fn body_check(
    request: HttpRequest,
    mut payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    if !is_signed(&request, &state) {
        return Err(AppError::NotFound);
    }
    let (mut digest, mut length) = (Sha256::new(), 0);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| AppError::field("body", "could not be read to its end"))?;
        length += chunk.len();
        if length > MAX_BODY_BYTES {
            return Err(AppError::PayloadTooLarge);
        }
        digest.update(&chunk);
    }
    let digest = hex::encode(digest.finalize());
    Ok(HttpResponse::Ok().json(serde_json::json!({ "sha256": digest, "length": length })))
}

fn is_signed(request: &HttpRequest, state: &AppState) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(time) = header(TIME_HEADER).parse::<i64>() else { return false };
    let Ok(signature) = hex::decode(header(SIGNATURE_HEADER)) else { return false };
    let recent = state.clock.unix_seconds().abs_diff(time) <= WINDOW_SECONDS.unsigned_abs();
    key(&state.client_secrets).verify(message(time).as_bytes(), &signature).is_some() && recent
}

fn message(time: i64) -> String {
    format!("body check at {time}")
}

/// A key of its own, under the newest client secret.
fn key(secrets: &ClientSecrets) -> ClientSecrets {
    ClientSecrets::new(&[SecretString::from(secrets.sign_hex(b"subtotal-connect body check"))])
}
