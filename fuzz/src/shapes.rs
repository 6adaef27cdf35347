//! The shapes of Shopify's values, as the contract has them.

/// `\A[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com\z`
#[must_use]
pub fn is_shop(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [name, "myshopify", "com"] = parts[..] else { return false };
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 63
        && name.starts_with(is_letter)
        && name.chars().all(|letter| is_letter(letter) || letter == '-')
}

/// `[1-9][0-9]{0,19}`
#[must_use]
pub fn is_customer(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && !text.starts_with('0') && is_digits(text)
}

/// `/(a|apps|community|tools)/[A-Za-z0-9_-]{1,30}`
#[must_use]
pub fn is_path_prefix(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", "a" | "apps" | "community" | "tools", name] = parts[..] else { return false };
    (1..=30).contains(&name.len())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

/// Plain digits, at least one.
#[must_use]
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit())
}

/// Digits as a number that a clock could show.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    if is_digits(text) { text.parse().ok() } else { None }
}
