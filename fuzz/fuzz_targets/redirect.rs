//! The redirect check against the rules of browsers: what is accepted is what a browser on the storefront would open, on an
//! allowed host, by https.
//!
//! Input: four choices, a line with `X-Forwarded-Host`, a line of known hosts, and the text that is to be checked. In it the
//! marks `{own}` and `{known}` stand for the storefront's host and the first known one, `{long}` for 500 letters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subtotal_connect::linking::redirect::parse_host;
use subtotal_connect::linking::{AllowedHosts, RedirectUrl, StorefrontHost};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect_fuzz::input::Input;
use subtotal_connect_fuzz::plain_url::{is_loopback, is_plain_host, parts};
use url::Url;

const SHOP: &str = "demo.myshopify.com";
const MAX_CHARACTERS: usize = 2048;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let (forwarded, rest) = Input::line_and_rest(input.text);
    let (known, text) = Input::line_and_rest(rest);
    let shop = ShopDomain::parse(SHOP).expect("a shop's domain");
    let header = Some(forwarded).filter(|_| input.choice(0, 4) > 0);
    let storefront = StorefrontHost::from_forwarded(header, &shop);
    check_storefront(header, &storefront);
    let known: Vec<String> = known.split(' ').filter_map(known_host).collect();
    let hosts = AllowedHosts { shop: &shop, storefront: &storefront, known: &[&[], &known] };

    let own = storefront.home();
    let text = text.replace("{own}", parts(own.as_str()).map_or("", |own| own.host));
    let text =
        text.replace("{known}", known.first().map_or("", String::as_str)).replace("{long}", &"long/".repeat(100));
    let text = text.as_str();
    match RedirectUrl::parse(text, hosts) {
        Ok(redirect) => check_accepted(text, &redirect, &storefront, &known),
        Err(_) => assert!(!is_plainly_good(text, &known), "{text:?} is refused, with {known:?}"),
    }
});

/// A host as the merchant enters it and as it is stored.
fn known_host(text: &str) -> Option<String> {
    let host = parse_host(text);
    if let Some(host) = &host {
        assert_eq!(parse_host(host).as_ref(), Some(host), "{text:?} changes once more");
        let parts = format!("https://{host}/");
        let parts = subtotal_connect_fuzz::plain_url::parts(&parts);
        assert!(parts.is_some_and(|parts| parts.host == host && parts.port.is_none()), "{text:?} became {host:?}");
        let is_plain = host.chars().all(|c| c.is_ascii_graphic() && !c.is_ascii_uppercase() && !"/\\?#@%*".contains(c));
        assert!(is_plain, "{text:?} became {host:?}");
    }
    assert!(host.is_some() || !is_plain_host(text), "{text:?} is no host");
    host
}

fn check_storefront(header: Option<&str>, storefront: &StorefrontHost) {
    let home = storefront.home();
    let found = parts(home.as_str()).unwrap_or_else(|| panic!("{header:?} became {home:?}"));
    let loopback = is_loopback(found.host);
    assert!(found.scheme == "https" || (found.scheme == "http" && loopback), "{header:?} became {home:?}");
    assert!(found.port.is_none() || loopback, "{header:?} became {home:?}");
    match header {
        None => assert_eq!(home.as_str(), format!("https://{SHOP}/")),
        Some(header) if is_plain_host(header) => assert_eq!(home.as_str(), format!("https://{header}/")),
        Some(_) => {}
    }
}

fn check_accepted(text: &str, redirect: &RedirectUrl, storefront: &StorefrontHost, known: &[String]) {
    let accepted = redirect.as_str();
    // A browser that is on a page of the storefront, some way down.
    let page = format!("{}apps/subtotal/link/zklQOnlG?redirect_url=/#top", storefront.home().as_str());
    let opened = Url::parse(&page).and_then(|page| page.join(text)).expect("a browser can open it");
    assert_eq!(opened.as_str(), accepted, "{text:?} opens elsewhere");
    assert_eq!(Url::parse(accepted).expect("a URL").as_str(), accepted, "{text:?} is not in its final spelling");

    let found = parts(accepted).unwrap_or_else(|| panic!("{text:?} became {accepted:?}"));
    let loopback = is_loopback(found.host);
    assert!(found.scheme == "https" || (found.scheme == "http" && loopback), "{text:?} became {accepted:?}");
    assert!(found.port.is_none() || loopback, "{text:?} became {accepted:?}");
    let own = storefront.home();
    let is_allowed = found.host == SHOP
        || parts(own.as_str()).is_some_and(|own| own.host == found.host)
        || known.iter().any(|host| host == found.host);
    assert!(is_allowed, "{text:?} leads to {}", found.host);

    assert!(text.chars().count() <= MAX_CHARACTERS, "{text:?} is too long");
    assert!(!text.contains(|c: char| c.is_control() || c == '\\'), "{text:?}");
    assert!(accepted.chars().all(|c| c.is_ascii_graphic()), "{accepted:?}");
}

/// Whether nothing can be wrong with it: a path, or the shop's host and a path, of harmless characters.
fn is_plainly_good(text: &str, known: &[String]) -> bool {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "-._~/?=&%+:@!$*,;#".contains(c);
    let host = known.iter().map(String::as_str).chain([SHOP]);
    let path =
        host.filter(|host| is_plain_host(host)).find_map(|host| text.strip_prefix("https://")?.strip_prefix(host));
    let is_path = match path {
        Some(path) => path.is_empty() || path.starts_with('/'),
        None => text.starts_with('/') && !text.starts_with("//"),
    };
    is_path && text.len() <= MAX_CHARACTERS && text.chars().all(is_harmless)
}
