//! The scopes the code needs, against what the app asks for and what a shop granted.

use super::Finding;

/// What the code uses: the storefront endpoints, and customers' e-mail addresses for visibility rules.
pub(super) const NEEDED: [&str; 2] = ["read_customers", "write_app_proxy"];

/// `SCOPES` against what is needed.
pub(super) fn asked(scopes: &[String]) -> Vec<Finding> {
    let missing = missing(scopes);
    let more = beyond(scopes);
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let message = format!("SCOPES does not name {}", missing.join(", "));
        findings.push(Finding::problem("scopes", message, format!("set SCOPES={}", NEEDED.join(","))));
    }
    if !more.is_empty() {
        let message = format!("SCOPES names {}, which nothing here uses", more.join(", "));
        findings.push(Finding::warning("scopes", message, "leave them out; Shopify's review refuses unused scopes"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("scopes", "SCOPES names what is needed and nothing else"));
    }
    findings
}

/// What is needed and not among these. Writing implies reading.
pub(super) fn missing(scopes: &[String]) -> Vec<&'static str> {
    let has = |needed: &str| {
        let writing = needed.strip_prefix("read_").map(|rest| format!("write_{rest}"));
        scopes.iter().any(|scope| scope == needed || Some(scope) == writing.as_ref())
    };
    NEEDED.into_iter().filter(|needed| !has(needed)).collect()
}

/// What is among these and not needed.
pub(super) fn beyond(scopes: &[String]) -> Vec<&str> {
    scopes.iter().map(String::as_str).filter(|scope| !NEEDED.contains(scope)).collect()
}

/// A list as Shopify writes it.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_implies_reading_and_what_is_unused_is_named() {
        assert_eq!(missing(&split("read_customers,write_app_proxy")), Vec::<&str>::new());
        assert_eq!(missing(&split("write_customers, write_app_proxy")), Vec::<&str>::new());
        assert_eq!(missing(&split("read_app_proxy")), NEEDED);
        assert_eq!(beyond(&split("read_customers,read_orders")), ["read_orders"]);
    }
}
