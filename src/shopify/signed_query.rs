//! The query an app-proxy request carries, as Shopify signs it: decoded pairs, and the one message made of them.
//!
//! Nothing separates the pairs in that message, so it can be cut into pairs in more than one way. Here is what keeps
//! every other cut from naming another shop, customer, path prefix or time.

use std::borrow::Cow;
use std::ops::Range;

use super::ShopDomain;
use super::proxy::{CUSTOMER, MAX_PIECES, MAX_QUERY_BYTES, PATH_PREFIX, ProxyRefusal, SHOP, SIGNATURE, TIMESTAMP};

/// A parameter's decoded name and value.
pub(super) type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

pub(super) fn decode(query: &str) -> Result<Vec<Pair<'_>>, ProxyRefusal> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(ProxyRefusal::QueryTooLong);
    }
    let mut pairs = Vec::with_capacity(8);
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == MAX_PIECES {
            return Err(ProxyRefusal::TooManyParameters);
        }
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        pairs.push((decode_component(key)?, decode_component(value)?));
    }
    Ok(pairs)
}

/// Form decoding: `+` is a space, `%XX` a byte, and the bytes are UTF-8.
fn decode_component(text: &str) -> Result<Cow<'_, str>, ProxyRefusal> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(ProxyRefusal::BadPercentEscape)?;
                u8::try_from(high * 16 + low).expect("two hex digits make a byte")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| ProxyRefusal::NotUtf8)
}

/// The one value of a parameter that must be there exactly once.
pub(super) fn single<'p>(pairs: &'p [Pair<'_>], name: &'static str) -> Result<&'p str, ProxyRefusal> {
    let mut values = pairs.iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value),
        (None, _) => Err(ProxyRefusal::Missing(name)),
        (Some(_), Some(_)) => Err(ProxyRefusal::Repeated(name)),
    }
}

/// The bytes Shopify signs, or a refusal where they could be read in two ways.
pub(super) fn signed_message(pairs: &[Pair<'_>]) -> Result<Vec<u8>, ProxyRefusal> {
    let mut text = String::with_capacity(256);
    let mut entries: Vec<Range<usize>> = Vec::with_capacity(pairs.len());
    for (index, (key, _)) in pairs.iter().enumerate() {
        if key == SIGNATURE || pairs[..index].iter().any(|(earlier, _)| earlier == key) {
            continue;
        }
        if key == "hmac" {
            return Err(ProxyRefusal::HmacParameter);
        }
        if key.contains('=') {
            return Err(ProxyRefusal::KeyHoldsEquals);
        }
        let start = text.len();
        text.push_str(key);
        for (nth, (_, value)) in pairs[index..].iter().filter(|(other, _)| other == key).enumerate() {
            text.push(if nth == 0 { '=' } else { ',' });
            text.push_str(value);
        }
        if key != PATH_PREFIX && names(&text[start..]).any(|name| name.ends_with(PATH_PREFIX)) {
            return Err(ProxyRefusal::HiddenPathPrefix);
        }
        entries.push(start..text.len());
    }
    let bytes = text.as_bytes();
    entries.sort_unstable_by(|left, right| bytes[left.clone()].cmp(&bytes[right.clone()]));
    let message = entries.into_iter().fold(String::with_capacity(text.len()), |message, entry| message + &text[entry]);
    refuse_second_reading(&message)?;
    Ok(message.into_bytes())
}

/// Refuses a message in which a shop, customer or time stands that is not the one Shopify put there.
///
/// The verdict depends on the message alone, so every reading of one digest shares it. A customer or path prefix may
/// be named once. `shop=` and `timestamp=` do occur in the addresses pages send, so only those count that could be a
/// pair: a well-formed value, and behind it text that sorts where the next pair would have to.
fn refuse_second_reading(message: &str) -> Result<(), ProxyRefusal> {
    let (mut path_prefixes, mut customers, mut shops, mut timestamps) = (0, 0, 0, 0);
    for name in names(message) {
        let from = |key: &str| &message[name.len() - key.len()..];
        path_prefixes += usize::from(name.ends_with(PATH_PREFIX));
        customers += usize::from(name.ends_with(CUSTOMER));
        shops += usize::from(name.ends_with(SHOP) && could_be_pair(from(SHOP), SHOP, shop_len));
        timestamps += usize::from(name.ends_with(TIMESTAMP) && could_be_pair(from(TIMESTAMP), TIMESTAMP, digits_len));
    }
    if path_prefixes > 1 {
        return Err(ProxyRefusal::HiddenPathPrefix);
    }
    let hidden = [(customers, CUSTOMER), (shops, SHOP), (timestamps, TIMESTAMP)];
    match hidden.into_iter().find(|(readings, _)| *readings > 1) {
        Some((_, name)) => Err(ProxyRefusal::HiddenIdentity(name)),
        None => Ok(()),
    }
}

/// What stands before each equals sign, from the text's start on.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('=').map(|(at, _)| &text[..at])
}

/// Whether a pair of this key could stand at the start of a text that starts with it and an equals sign; `value_len`
/// measures a well-formed value at a text's start.
fn could_be_pair(text: &str, key: &str, value_len: fn(&str) -> Option<usize>) -> bool {
    let (named, value) = text.split_at(key.len() + 1);
    let Some(length) = value_len(value) else { return false };
    let (pair, behind) = text.split_at(named.len() + length);
    // Only the timestamp can be the last pair of all.
    if behind.is_empty() { key == TIMESTAMP } else { behind > pair && !behind.starts_with(named) }
}

fn shop_len(text: &str) -> Option<usize> {
    const SUFFIX: &str = ".myshopify.com";
    let end = text.find('.')? + SUFFIX.len();
    text.get(..end).is_some_and(ShopDomain::is_one).then_some(end)
}

fn digits_len(text: &str) -> Option<usize> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then_some(length)
}
