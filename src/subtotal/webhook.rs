//! Webhooks from Subtotal: headers and raw body in, a [`VerifiedEvent`] or an [`EventRefusal`] out.
//!
//! `X-Subtotal-Signature` is the HMAC-SHA256 of `{timestamp}.{body}` under the destination's signing secret, where the
//! timestamp is `X-Subtotal-Timestamp` as it was sent (<https://www.subtotal.com/docs/webhooks/verifying-signatures>).
//! That page does not say how either is written, so hex and base64, seconds and milliseconds are understood.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the timestamp may be from now, before or after, in milliseconds.
const WINDOW_MS: i64 = 300_000;
/// Timestamps from here on are milliseconds: as seconds this would be the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;
/// The longest timestamp, in digits.
const MAX_TIMESTAMP: usize = 16;
/// A SHA-256 digest, in bytes.
const DIGEST: usize = 32;

/// An event whose timestamp and body were signed under one of the shop's secrets, not long ago.
#[derive(Clone)]
pub struct VerifiedEvent {
    body: Vec<u8>,
    sent_at: i64,
}

/// Why an event was refused. For the log and a counter; never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// More than is read, or it did not come in time, so that nothing can be verified.
    #[error("the body is too long, or did not come in time")]
    Unreadable,
    /// Subtotal sends no empty body.
    #[error("the body is empty")]
    EmptyBody,
    /// Not exactly one signature that is 32 bytes in hex or base64.
    #[error("there is not exactly one well-formed signature")]
    Signature,
    /// Not exactly one timestamp of digits.
    #[error("there is not exactly one well-formed timestamp")]
    Timestamp,
    /// Unknown shop, no secret, or none that gives this signature.
    #[error("the signature does not match")]
    WrongSignature,
    /// Signed, but too long ago or too far ahead.
    #[error("the timestamp is not within 300 s")]
    Stale,
}

impl EventRefusal {
    /// A word for counters.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::EmptyBody => "empty_body",
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
            Self::WrongSignature => "wrong_signature",
            Self::Stale => "stale",
        }
    }
}

impl VerifiedEvent {
    /// The signed body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The signed timestamp, in Unix milliseconds: when this attempt at delivering the event was made.
    #[must_use]
    pub fn sent_at(&self) -> i64 {
        self.sent_at
    }
}

/// It holds e-mail addresses.
impl std::fmt::Debug for VerifiedEvent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "VerifiedEvent({} bytes)", self.body.len())
    }
}

/// Verifies an event. `header` looks a header up by its lower-case name, and answers nothing when it is repeated. Any of
/// `secrets`, newest first, will do, but an empty one never does; `now` is Unix milliseconds.
///
/// # Errors
/// The first check that fails, as an [`EventRefusal`].
pub fn verify(
    header: impl Fn(&str) -> Option<String>,
    body: Vec<u8>,
    secrets: &[SecretString],
    now: i64,
) -> Result<VerifiedEvent, EventRefusal> {
    if body.is_empty() {
        return Err(EventRefusal::EmptyBody);
    }
    let digest = header("x-subtotal-signature").and_then(|text| decode(&text)).ok_or(EventRefusal::Signature)?;
    let timestamp = header("x-subtotal-timestamp").ok_or(EventRefusal::Timestamp)?;
    let sent_at = unix_ms(&timestamp).ok_or(EventRefusal::Timestamp)?;
    let mut found = None;
    for (index, secret) in secrets.iter().enumerate() {
        let secret = secret.expose_secret().as_bytes();
        let keyed = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        let signed = keyed.chain_update(&timestamp).chain_update(".").chain_update(&body);
        // Every secret is tried, and each comparison takes constant time.
        let matches = signed.verify_slice(&digest).is_ok() & !secret.is_empty();
        if matches && found.is_none() {
            found = Some(index);
        }
    }
    let index = found.ok_or(EventRefusal::WrongSignature)?;
    let secret = if index == 0 { "newest" } else { "former" };
    metrics::counter!("webhook_secret_uses_total", "secret" => secret).increment(1);
    if now.abs_diff(sent_at) > WINDOW_MS.unsigned_abs() {
        return Err(EventRefusal::Stale);
    }
    Ok(VerifiedEvent { body, sent_at })
}

/// 32 bytes, written as 64 hex digits or in base64 with padding.
fn decode(text: &str) -> Option<[u8; DIGEST]> {
    let bytes = if text.len() == 2 * DIGEST { hex::decode(text).ok()? } else { STANDARD.decode(text).ok()? };
    bytes.try_into().ok()
}

fn unix_ms(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > MAX_TIMESTAMP || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    if number >= FIRST_MILLISECONDS { Some(number) } else { number.checked_mul(1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_237_200_000;
    const BODY: &str = r#"{"id":"01K","type":"connection.activated"}"#;

    fn sign(secret: &str, timestamp: &str) -> Vec<u8> {
        let keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        keyed.chain_update(format!("{timestamp}.{BODY}")).finalize().into_bytes().to_vec()
    }

    fn check(signature: &str, timestamp: &str, secrets: &[&str]) -> Result<i64, EventRefusal> {
        let header =
            |name: &str| Some(if name == "x-subtotal-signature" { signature.to_owned() } else { timestamp.to_owned() });
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        verify(header, BODY.into(), &secrets, NOW).map(|event| event.sent_at())
    }

    #[test]
    fn both_encodings_and_both_units_are_understood() {
        for timestamp in ["1795237200", "1795237200000"] {
            let digest = sign("s", timestamp);
            for signature in [hex::encode(&digest), hex::encode_upper(&digest), STANDARD.encode(&digest)] {
                assert_eq!(check(&signature, timestamp, &["other", "s"]), Ok(NOW));
            }
        }
    }

    #[test]
    fn the_window_is_300_seconds_on_both_sides() {
        for (seconds, good) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let timestamp = (NOW / 1000 + seconds).to_string();
            let signature = hex::encode(sign("s", &timestamp));
            assert_eq!(check(&signature, &timestamp, &["s"]).is_ok(), good, "{seconds}");
        }
    }

    #[test]
    fn an_empty_secret_or_none_never_verifies() {
        let signature = hex::encode(sign("", "1795237200"));
        for secrets in [&[][..], &[""], &["", "s"]] {
            assert_eq!(check(&signature, "1795237200", secrets), Err(EventRefusal::WrongSignature));
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let signature = hex::encode(sign("s", "1795237200"));
        for timestamp in ["", "+1795237200", "1795237200.0", " 1795237200", "-1", "99999999999999999", "2026-11-21"] {
            assert_eq!(check(&signature, timestamp, &["s"]), Err(EventRefusal::Timestamp), "{timestamp}");
        }
        let two = format!("{signature},{signature}");
        for bad in ["", "x", &signature[1..], &signature[2..], &two, &format!("sha256={signature}")] {
            assert_eq!(check(bad, "1795237200", &["s"]), Err(EventRefusal::Signature), "{bad}");
        }
    }
}
