//! A URL in a browser's spelling, cut up by hand.

/// The parts of an absolute URL.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// In lower case.
    pub scheme: &'a str,
    /// With the brackets of an IPv6 address.
    pub host: &'a str,
    /// Where one is written.
    pub port: Option<&'a str>,
}

/// Takes `scheme://host:port/…` apart. `None` for anything else, user info among it.
#[must_use]
pub fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if authority.contains('@') {
        return None;
    }
    let address = authority.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match authority[address..].find(':') {
        Some(at) => (&authority[..address + at], Some(&authority[address + at + 1..])),
        None => (authority, None),
    };
    Some(Parts { scheme, host, port })
}

/// Whether a host is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let numbers: Vec<Option<u8>> = host.split('.').map(|part| part.parse().ok()).collect();
    host == "localhost" || host == "[::1]" || matches!(numbers[..], [Some(127), Some(_), Some(_), Some(_)])
}

/// Whether text is a host name that nothing needs to be done to: two labels or more of lower-case letters.
#[must_use]
pub fn is_plain_host(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let is_letters = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_lowercase());
    labels.len() >= 2 && text.len() <= 250 && labels.iter().all(|label| is_letters(label))
}
