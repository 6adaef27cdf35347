//! Shopify's known answers, every way to be refused, and a great many changed queries.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;
use serde::Deserialize;

use super::*;

const NOW: i64 = 1_800_000_000;
const OWN: &str =
    "shop=demo.myshopify.com&logged_in_customer_id=7001&path_prefix=%2Fapps%2Fsubtotal&timestamp=1800000000";
const MUTATIONS: usize = 200_000;

#[derive(Deserialize)]
struct Vectors {
    accept: Vec<Vector>,
    refuse: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    query: String,
    signature: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/app-proxy.json")).unwrap()
}

fn secrets(texts: &[&str]) -> ClientSecrets {
    ClientSecrets::new(&texts.iter().map(|text| SecretString::from(*text)).collect::<Vec<_>>())
}

fn form(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).map(|(key, value)| (key.into(), value.into())).collect()
}

/// The message Shopify signs, made without any of the code under test.
fn message(query: &str) -> String {
    let mut values = BTreeMap::<String, Vec<String>>::new();
    for (key, value) in form(query).into_iter().filter(|(key, _)| key != "signature") {
        values.entry(key).or_default().push(value);
    }
    let mut pairs: Vec<String> = values.iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
    pairs.sort();
    pairs.concat()
}

/// The query with the digest that is right for it, whatever is wrong with it.
fn signed(query: &str, secret: &str) -> String {
    format!("{query}&signature={}", secrets(&[secret]).sign_hex(message(query).as_bytes()))
}

fn refusal(query: &str) -> Option<ProxyRefusal> {
    verify(&signed(query, "hush"), &secrets(&["hush"]), NOW).err()
}

/// A refusal's name as a word: `InvalidShop` as `invalid_shop`.
fn word(refusal: ProxyRefusal) -> String {
    let name = format!("{refusal:?}");
    let name = name.split('(').next().unwrap();
    let apart = name.chars().flat_map(|letter| letter.is_uppercase().then_some('_').into_iter().chain([letter]));
    apart.collect::<String>().trim_start_matches('_').to_lowercase()
}

/// [`OWN`] with one parameter's raw value replaced.
fn with(name: &str, value: &str) -> String {
    let pieces = OWN.split('&').map(|piece| match piece.split_once('=') {
        Some((key, _)) if key == name => format!("{key}={value}"),
        _ => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join("&")
}

/// [`OWN`] with a page's own parameters in front.
fn page(own: &str) -> String {
    format!("{own}&{OWN}")
}

#[test]
fn every_known_answer_is_given_at_its_own_time() {
    let Vectors { accept, refuse } = vectors();
    let time = |vector: &Vector| -> i64 {
        form(&vector.query).iter().find(|(key, _)| key == "timestamp").unwrap().1.parse().unwrap()
    };
    for vector in &accept {
        let secrets = secrets(&[&vector.secret]);
        assert_eq!(sign(&vector.query, &secrets).as_ref(), Ok(&vector.signature), "{}", vector.name);
        for query in [
            format!("{}&signature={}", vector.query, vector.signature),
            format!("signature={}&{}", vector.signature, vector.query),
        ] {
            let verified = verify(&query, &secrets, time(vector)).unwrap();
            assert_eq!(verified.shop().as_str(), "shop-name.myshopify.com", "{}", vector.name);
        }
    }
    for vector in &refuse {
        let query = format!("{}&signature={}", vector.query, vector.signature);
        let refused = verify(&query, &secrets(&[&vector.secret]), time(vector)).unwrap_err();
        assert_ne!(refused, ProxyRefusal::WrongSignature, "{}: the digest is right", vector.name);
        assert_ne!(refused, ProxyRefusal::StaleTimestamp, "{}", vector.name);
    }
}

#[test]
fn what_was_verified_is_what_was_signed() {
    let query = signed(&page("q=a+b%2Bc&ids[]=2&ids%5B%5D=1&flag&empty="), "hush");
    let verified = verify(&query, &secrets(&["hush"]), NOW).unwrap();
    assert_eq!(verified.customer().map(CustomerId::as_str), Some("7001"));
    assert_eq!((verified.shop().as_str(), verified.path_prefix()), ("demo.myshopify.com", "/apps/subtotal"));
    assert_eq!(verified.param("q").collect::<Vec<_>>(), ["a b+c"]);
    assert_eq!(verified.param("ids[]").collect::<Vec<_>>(), ["2", "1"]);
    assert_eq!(verified.param("flag").chain(verified.param("empty")).collect::<Vec<_>>(), ["", ""]);
    for own in ["shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature"] {
        assert_eq!(verified.param(own).next(), None, "{own}");
    }
    let signed_out = verify(&signed(&with("logged_in_customer_id", ""), "hush"), &secrets(&["hush"]), NOW).unwrap();
    assert_eq!(signed_out.customer(), None);
}

#[test]
fn either_of_two_secrets_verifies_and_is_told() {
    let both = secrets(&["new", "old"]);
    assert_eq!(verify(&signed(OWN, "new"), &both, NOW).unwrap().secret_index(), 0);
    assert_eq!(verify(&signed(OWN, "old"), &both, NOW).unwrap().secret_index(), 1);
    assert_eq!(verify(&signed(OWN, "older"), &both, NOW).unwrap_err(), ProxyRefusal::WrongSignature);
    assert_eq!(sign(OWN, &both), sign(OWN, &secrets(&["new"])), "the newest signs");
}

#[test]
fn a_timestamp_may_be_90_seconds_off_and_not_91() {
    let query = signed(OWN, "hush");
    for (off, accepted) in [(-91, false), (-90, true), (0, true), (90, true), (91, false), (i64::MIN, false)] {
        let result = verify(&query, &secrets(&["hush"]), NOW.saturating_add(off));
        assert_eq!(result.err(), (!accepted).then_some(ProxyRefusal::StaleTimestamp), "{off}");
    }
    assert_eq!((age_seconds(&query, NOW + 5), age_seconds("timestamp=x", NOW)), (Some(5), None));
}

#[test]
fn every_other_reason_refuses_although_the_digest_is_right() {
    use ProxyRefusal as P;
    for name in ["shop", "logged_in_customer_id", "path_prefix", "timestamp"] {
        let without: Vec<&str> = OWN.split('&').filter(|piece| !piece.starts_with(&format!("{name}="))).collect();
        let refused = refusal(&without.join("&")).unwrap();
        assert!(matches!(refused, P::Missing(missing) if missing == name), "{name}: {refused}");
        for again in ["", "=", "=7001"] {
            let refused = refusal(&page(&format!("{name}{again}"))).unwrap();
            assert!(matches!(refused, P::Repeated(more) if more == name), "{name}{again}: {refused}");
        }
    }
    let cases = [
        (page("hmac=x"), P::HmacParameter),
        (page("hmac"), P::HmacParameter),
        (page("a%3Db=c"), P::KeyHoldsEquals),
        (page("a=path_prefix%3D"), P::HiddenPathPrefix),
        (page("xpath_prefix=1"), P::HiddenPathPrefix),
        (with("timestamp", ""), P::MalformedTimestamp),
        (with("timestamp", "-1"), P::MalformedTimestamp),
        (with("timestamp", "%2B1800000000"), P::MalformedTimestamp),
        (with("timestamp", "1800000000.0"), P::MalformedTimestamp),
        (with("timestamp", "+1800000000"), P::MalformedTimestamp),
        (with("timestamp", "99999999999999999999"), P::MalformedTimestamp),
        (with("timestamp", "%D9%A1"), P::MalformedTimestamp),
        (with("timestamp", "1"), P::StaleTimestamp),
        (with("shop", ""), P::InvalidShop),
        (with("shop", "Demo.myshopify.com"), P::InvalidShop),
        (with("shop", "demo.myshopify.com.evil.com"), P::InvalidShop),
        (with("shop", "demo.myshopify.com%0A"), P::InvalidShop),
        (with("shop", "demo.example.com"), P::InvalidShop),
        (with("shop", "-demo.myshopify.com"), P::InvalidShop),
        (with("logged_in_customer_id", "0"), P::InvalidCustomer),
        (with("logged_in_customer_id", "07"), P::InvalidCustomer),
        (with("logged_in_customer_id", "-7"), P::InvalidCustomer),
        (with("logged_in_customer_id", "7%20"), P::InvalidCustomer),
        (with("logged_in_customer_id", "7%0A"), P::InvalidCustomer),
        (with("logged_in_customer_id", "123456789012345678901"), P::InvalidCustomer),
        (with("logged_in_customer_id", "gid"), P::InvalidCustomer),
        (with("path_prefix", ""), P::InvalidPathPrefix),
        (with("path_prefix", "/apps"), P::InvalidPathPrefix),
        (with("path_prefix", "/apps/"), P::InvalidPathPrefix),
        (with("path_prefix", "/proxy/subtotal"), P::InvalidPathPrefix),
        (with("path_prefix", "/apps/a/b"), P::InvalidPathPrefix),
        (with("path_prefix", "/apps/a%0A"), P::InvalidPathPrefix),
        (with("path_prefix", "//apps/a"), P::InvalidPathPrefix),
        (with("path_prefix", "/apps/%C3%A9"), P::InvalidPathPrefix),
        (with("path_prefix", &format!("/apps/{}", "a".repeat(31))), P::InvalidPathPrefix),
    ];
    for (query, expected) in cases {
        assert_eq!(refusal(&query), Some(expected), "{query}");
        assert!(expected.reason().starts_with(&word(expected)), "{expected:?}");
    }
    for prefix in ["/a/x", "/community/x_-9", "/tools/X", &format!("/apps/{}", "a".repeat(30))] {
        assert_eq!(refusal(&with("path_prefix", prefix)), None, "{prefix}");
    }
    assert_eq!(refusal(&with("logged_in_customer_id", "99999999999999999999")), None);
    assert_eq!(refusal(&page("a=path_&a=prefix%3D")), None, "joined with a comma, they hide nothing");
}

#[test]
fn a_signature_is_there_once_and_is_64_lower_case_digits() {
    let (query, hush) = (signed(OWN, "hush"), secrets(&["hush"]));
    let (_, digest) = query.split_once("&signature=").unwrap();
    let refused = |query: &str| verify(query, &hush, NOW).unwrap_err();
    assert_eq!(refused(OWN), ProxyRefusal::Missing("signature"));
    assert_eq!(refused(&format!("{query}&signature={digest}")), ProxyRefusal::Repeated("signature"));
    assert_eq!(sign(&query, &hush), Err(ProxyRefusal::Repeated("signature")));
    for bad in [&digest.to_uppercase(), &digest[..62], &format!("{digest}00"), "", &"g".repeat(64), &"é".repeat(32)] {
        assert_eq!(refused(&format!("{OWN}&signature={bad}")), ProxyRefusal::MalformedSignature, "{bad}");
    }
    assert_eq!(refused(&format!("{OWN}&signature={}", "0".repeat(64))), ProxyRefusal::WrongSignature);
}

#[test]
fn limits_hold_to_the_byte_and_the_piece() {
    assert_eq!((MAX_QUERY_BYTES, MAX_PIECES), (8192, 64));
    let fill = MAX_QUERY_BYTES - signed(&page("q="), "hush").len();
    assert_eq!(refusal(&page(&format!("q={}", "a".repeat(fill)))), None);
    assert_eq!(refusal(&page(&format!("q={}", "a".repeat(fill + 1)))), Some(ProxyRefusal::QueryTooLong));
    let more = |count: usize| page(&"q=1&&".repeat(count));
    assert_eq!(refusal(&more(MAX_PIECES - 5)), None, "empty pieces do not count");
    assert_eq!(refusal(&more(MAX_PIECES - 4)), Some(ProxyRefusal::TooManyParameters));
}

#[test]
fn what_does_not_decode_is_refused_before_anything_else() {
    for bad in ["q=%", "q=%4", "q=%zz", "q=%4g", "%=1", "q=%%41", "q=%+1", "q=%-1"] {
        assert_eq!(refusal(&page(bad)), Some(ProxyRefusal::BadPercentEscape), "{bad}");
    }
    for bad in ["q=%FF", "%C3=1", "q=%C3%28", "q=%ED%A0%80", "q=%C0%AF", "q=%F4%90%80%80"] {
        assert_eq!(refusal(&page(bad)), Some(ProxyRefusal::NotUtf8), "{bad}");
    }
    assert_eq!(refusal(&page("q=é%C3%A9")), None);
}

/// Two queries with one digest, in which the page's parameters of the first become Shopify's in the second. Here the
/// foreign parts stand on both sides of Shopify's own path prefix, so nothing holds `path_prefix=` twice.
#[test]
fn one_digest_never_fits_two_shops_customers_or_times() {
    let hush = secrets(&["hush"]);
    let tail =
        "logged_in_customer_id=5&path_prefix=%2Fapps%2Fsubtotal&shop=attacker.myshopify.com&timestamp=1800000000";
    for (hidden, source, forged) in [
        (
            "logged_in_customer_id",
            format!("a=logged_in_customer_id%3D999m&{tail}"),
            tail.replace("logged_in_customer_id=5", "a=&logged_in_customer_id=999&mlogged_in_customer_id=5"),
        ),
        (
            "shop",
            format!("q=shop%3Dvictim.myshopify.comtimestamp%3D1800000000u&{tail}"),
            tail.replace("shop=", "q=&shop=victim.myshopify.com&timestamp=1800000000&ushop=")
                .replace("attacker.myshopify.com&timestamp", "attacker.myshopify.comtimestamp%3D"),
        ),
        (
            "timestamp",
            format!("t=timestamp%3D1900000000u&{tail}"),
            tail.replace("timestamp=", "t=&timestamp=1900000000&utimestamp="),
        ),
        (
            "timestamp",
            format!("t=&u=timestamp%3D1900000000&{tail}"),
            tail.replace("timestamp=1800000000", "t=timestamp%3D1800000000u%3D&timestamp=1900000000"),
        ),
    ] {
        let forged = forged.replace("timestamp%3D=", "timestamp%3D");
        assert_eq!(message(&source), message(&forged), "{hidden}");
        for query in [&source, &forged] {
            for now in [1_800_000_000, 1_900_000_000] {
                let refused = verify(&signed(query, "hush"), &hush, now).unwrap_err();
                assert!(matches!(refused, ProxyRefusal::HiddenIdentity(name) if name == hidden), "{query}: {refused}");
            }
            assert!(sign(query, &hush).is_err(), "{query}");
        }
    }
    let straddled = format!("a=path_pre&fix=%2Fapps%2Fevil&{OWN}");
    assert_eq!(refusal(&straddled), Some(ProxyRefusal::HiddenPathPrefix));
}

#[test]
fn addresses_that_name_a_shop_or_a_time_are_no_second_reading() {
    for own in [
        "redirect_url=https%3A%2F%2Fshop.example.com%2F%3Fshop%3Ddemo.myshopify.com%26timestamp%3D1800000000%23x",
        "redirect_url=https%3A%2F%2Fshop.example.com%2F%3Fshop%3Ddemo.myshopify.com",
        "redirect_url=%2Fa%3Ftimestamp%3D1800000000",
        "workshop=1&my_timestamp=2&z_timestamp=&zshop=x",
        "zshop=other.myshopify.com",
    ] {
        assert_eq!(refusal(&page(own)), None, "{own}");
    }
}

/// The algorithm puts nothing between the pairs: `id2=x&id=y` and `id2=xid=y` have one message, and no verifier can
/// tell them apart. So "no changed query is accepted" can not be had. What can, and is shown here: a changed query that
/// is accepted has the very same signed message, and the same shop, customer and time; only what the page itself sent,
/// or where the path prefix ends before one of the page's keys, may be read another way.
#[test]
fn no_changed_query_is_ever_another_shop_customer_or_time() {
    let hush = secrets(&["hush"]);
    let mut generator = StdRng::seed_from_u64(20_260_801);
    let mut queries: Vec<String> =
        vectors().accept.iter().map(|vector| format!("{}&signature={}", vector.query, vector.signature)).collect();
    for own in ["a=1", "id2=x&id=y", "q=a+b&r=%C3%A9&r=2", "redirect_url=%2Faccount%3Fa%3D1", "t=1&u=2", ""] {
        let moved = |query: String| query.replace("1800000000", "1317327555");
        queries.push(signed(&moved(page(own)), "hush"));
        queries.push(signed(&moved(page(own).replace("7001", "")), "hush"));
    }
    let now = 1_317_327_555;
    let originals: Vec<_> = queries.iter().map(|query| (message(query), verify(query, &hush, now).unwrap())).collect();
    let mut accepted = 0;
    for round in 0..MUTATIONS {
        let (query, (signed_message, original)) = (&queries[round % queries.len()], &originals[round % queries.len()]);
        let Some(changed) = mutated(query, &mut generator) else { continue };
        let Ok(verified) = verify(&changed, &hush, now) else { continue };
        accepted += usize::from(changed != *query);
        assert_eq!(&message(&changed), signed_message, "{query}\n{changed}");
        assert_eq!(verified.shop(), original.shop(), "{query}\n{changed}");
        assert_eq!(verified.customer(), original.customer(), "{query}\n{changed}");
        assert_eq!(verified.path_prefix(), original.path_prefix(), "{query}\n{changed}");
        let time = |query: &str| form(query).into_iter().find(|(key, _)| key == "timestamp");
        assert_eq!(time(&changed), time(query), "{query}\n{changed}");
    }
    assert!(accepted > MUTATIONS / 100, "changes that change nothing are among them: {accepted}");
}

/// One to three random changes; `None` when the result is no text.
fn mutated(query: &str, generator: &mut StdRng) -> Option<String> {
    const INSERTED: [&str; 16] = [
        "&",
        "=",
        "%",
        "+",
        "%3D",
        "%26",
        "0",
        "9",
        "a",
        "&&",
        "shop=",
        "timestamp=1317327555",
        "logged_in_customer_id=",
        "&shop=victim.myshopify.com",
        "path_prefix=",
        ",",
    ];
    let mut text = query.as_bytes().to_vec();
    for _ in 0..generator.random_range(1..4) {
        let mut at = |length: usize| generator.random_range(0..length.max(1));
        let (here, kind) = (at(text.len()), at(9));
        match kind {
            0 => drop(text.remove(here)),
            1 => text[here] = b"&=%+01aZ_.-,"[at(12)],
            2 => {
                let other = at(text.len());
                text.swap(here, other);
            }
            3 => {
                let next = (here + 1).min(text.len() - 1);
                text.swap(here, next);
            }
            4 => drop(text.splice(here..here, INSERTED[at(INSERTED.len())].bytes()).count()),
            5 => text[here] = if text[here].is_ascii_lowercase() { text[here] - 32 } else { text[here] ^ 1 },
            6 => {
                let escaped = format!("%{:02X}", text[here]);
                text.splice(here..=here, escaped.bytes());
            }
            7 => {
                let mut pieces: Vec<Vec<u8>> = text.split(|byte| *byte == b'&').map(<[u8]>::to_vec).collect();
                let (from, to) = (at(pieces.len()), at(pieces.len()));
                pieces.swap(from, to);
                text = pieces.join(&b'&');
            }
            _ => {
                let pieces: Vec<&[u8]> = text.split(|byte| *byte == b'&').collect();
                let again = pieces[at(pieces.len())];
                text = if at(2) == 0 { [again, &text].join(&b'&') } else { [&text, again].join(&b'&') };
            }
        }
    }
    String::from_utf8(text).ok()
}
