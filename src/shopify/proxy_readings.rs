//! Every identity that the message of an app-proxy query can be read as: the oracle of what decision 1 promises. Made of
//! nothing that is under test; the fuzz target of the verifier includes this file too.
//!
//! The message is pairs, sorted, with nothing between them. Shopify's four stand in it in the order of their names, so
//! whatever else it holds stands in five gaps. A gap that can be read as several pairs can also be read as one, with the
//! first one's name; so it is enough to try each gap as one pair or none.

use std::ops::Range;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const CUSTOMER: &str = "logged_in_customer_id=";
const PATH_PREFIX: &str = "path_prefix=";
const SHOP: &str = "shop=";
const TIMESTAMP: &str = "timestamp=";
/// Names that no pair of the page's may have.
const TAKEN: [&str; 6] = ["logged_in_customer_id", "path_prefix", "shop", "timestamp", "signature", "hmac"];

/// One way to read a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) customer: String,
    pub(crate) path_prefix: String,
    pub(crate) shop: String,
    pub(crate) timestamp: String,
    /// The page's own pairs, as they stand in the message.
    page: Vec<String>,
}

impl Reading {
    /// Whose data is shown, and when it was signed.
    pub(crate) fn identity(&self) -> (&str, &str, &str) {
        (&self.shop, &self.customer, &self.timestamp)
    }

    /// A query that is read this way, without its signature.
    pub(crate) fn query(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut pieces = vec![
            format!("logged_in_customer_id={}", encode(&self.customer)),
            format!("path_prefix={}", encode(&self.path_prefix)),
            format!("shop={}", encode(&self.shop)),
            format!("timestamp={}", encode(&self.timestamp)),
        ];
        for pair in &self.page {
            let (name, value) = pair.split_once('=').expect("a pair has a name and a value");
            pieces.push(format!("{}={}", encode(name), encode(value)));
        }
        pieces.join("&")
    }
}

/// Every reading of the message.
pub(crate) fn readings(message: &str) -> Vec<Reading> {
    let mut found = Vec::new();
    for customer in pairs(message, CUSTOMER, is_customer) {
        if !is_gap(message, None, 0..customer.start, Some(&customer)) {
            continue;
        }
        for prefix in pairs(message, PATH_PREFIX, is_path_prefix) {
            if !is_gap(message, Some(&customer), customer.end..prefix.start, Some(&prefix)) {
                continue;
            }
            for shop in pairs(message, SHOP, is_shop) {
                if !is_gap(message, Some(&prefix), prefix.end..shop.start, Some(&shop)) {
                    continue;
                }
                for timestamp in pairs(message, TIMESTAMP, is_timestamp) {
                    let ends = is_gap(message, Some(&shop), shop.end..timestamp.start, Some(&timestamp))
                        && is_gap(message, Some(&timestamp), timestamp.end..message.len(), None);
                    if ends {
                        found.push(reading(message, [&customer, &prefix, &shop, &timestamp]));
                    }
                }
            }
        }
    }
    found
}

fn reading(message: &str, [customer, prefix, shop, timestamp]: [&Range<usize>; 4]) -> Reading {
    let value = |pair: &Range<usize>, name: &str| message[pair.start + name.len()..pair.end].to_owned();
    let gaps = [
        0..customer.start,
        customer.end..prefix.start,
        prefix.end..shop.start,
        shop.end..timestamp.start,
        timestamp.end..message.len(),
    ];
    Reading {
        customer: value(customer, CUSTOMER),
        path_prefix: value(prefix, PATH_PREFIX),
        shop: value(shop, SHOP),
        timestamp: value(timestamp, TIMESTAMP),
        page: gaps.into_iter().filter(|gap| !gap.is_empty()).map(|gap| message[gap].to_owned()).collect(),
    }
}

/// Where a pair of this name could stand: each place with each well-formed value.
fn pairs(message: &str, name: &str, is_value: fn(&str) -> bool) -> Vec<Range<usize>> {
    /// The longest well-formed value is a shop's.
    const LONGEST: usize = 63 + ".myshopify.com".len();
    let mut found = Vec::new();
    for (start, _) in message.match_indices(name) {
        let value = start + name.len();
        for end in value..=message.len().min(value + LONGEST) {
            if message.get(value..end).is_some_and(is_value) {
                found.push(start..end);
            }
        }
    }
    found
}

/// Whether what stands between two of Shopify's pairs is nothing, or one pair that sorts there.
fn is_gap(message: &str, left: Option<&Range<usize>>, gap: Range<usize>, right: Option<&Range<usize>>) -> bool {
    let Some(gap) = message.get(gap) else { return false };
    if gap.is_empty() {
        return true;
    }
    let Some((name, _)) = gap.split_once('=') else { return false };
    !TAKEN.contains(&name)
        && left.is_none_or(|left| &message[left.clone()] < gap)
        && right.is_none_or(|right| gap < &message[right.clone()])
}

fn is_customer(text: &str) -> bool {
    text.len() <= 20 && !text.starts_with('0') && text.chars().all(|digit| digit.is_ascii_digit())
}

fn is_path_prefix(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let [before, kind, name] = parts[..] else { return false };
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-';
    before.is_empty()
        && matches!(kind, "a" | "apps" | "community" | "tools")
        && (1..=30).contains(&name.len())
        && name.chars().all(is_name)
}

fn is_shop(text: &str) -> bool {
    let Some((name, "myshopify.com")) = text.split_once('.') else { return false };
    let is_name = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    (1..=63).contains(&name.len()) && !name.starts_with('-') && name.chars().all(is_name)
}

fn is_timestamp(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.chars().all(|digit| digit.is_ascii_digit())
}
