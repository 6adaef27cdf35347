//! Decision 1's promise, searched for a counterexample: no two queries that are accepted have one signed message and name
//! another shop, customer or time. The page's parameters are made of what is dangerous in them: every choice of a few
//! fragments, and many random ones of more. Each message is read in every way there is (`proxy_readings`), and each reading
//! is signed and verified.

use proptest::prelude::*;
use secrecy::SecretString;

use super::proxy_readings::{Reading, readings};
use super::signature::ClientSecrets;
use super::{CustomerId, proxy};

/// All times that occur are fresh: those of [`FRAGMENTS`] are 7 and 77, and Shopify's own is 1.
const NOW: i64 = 50;
const FRAGMENTS: [&str; 12] = [
    "shop=",
    "logged_in_customer_id=",
    "timestamp=",
    "path_prefix=",
    "7",
    ",",
    "v.myshopify.com",
    ".myshopify.com",
    "/a/y",
    "m",
    "u",
    "=",
];
/// Names that sort in front of Shopify's, between each two of them, and behind.
const NAMES: [&str; 5] = ["a", "m", "q", "t", "z"];
const CUSTOMERS: [&str; 2] = ["", "5"];

/// What a search saw.
#[derive(Default)]
struct Seen {
    messages: usize,
    /// Of every sixteenth that can be read in one way.
    accepted: usize,
    /// Messages that can be read as somebody else; all of them must be refused.
    ambiguous: usize,
}

impl Seen {
    /// Looks at the query with the page's pairs, as Shopify would sign it for this customer.
    fn look(&mut self, page: &[(&str, &str)], customer: &str) {
        let own = [
            ("logged_in_customer_id", customer),
            ("path_prefix", "/a/x"),
            ("shop", "o.myshopify.com"),
            ("timestamp", "1"),
        ];
        let mut pairs: Vec<String> = own.iter().chain(page).map(|(name, value)| format!("{name}={value}")).collect();
        pairs.sort();
        let message = pairs.concat();
        let readings = readings(&message);
        let meant = readings.iter().find(|reading| reading.identity() == ("o.myshopify.com", customer, "1"));
        let meant = meant.unwrap_or_else(|| panic!("{message:?} is not even read as it was meant"));
        self.messages += 1;
        if readings.iter().all(|reading| reading.identity() == meant.identity()) {
            // Nothing to tell apart, so only some are verified.
            if self.messages.is_multiple_of(16) {
                self.accepted += usize::from(is_accepted(meant, &message));
            }
            return;
        }
        self.ambiguous += 1;
        let accepted: Vec<&Reading> = readings.iter().filter(|reading| is_accepted(reading, &message)).collect();
        let somebody = accepted.first().map(|reading| reading.identity());
        assert!(
            accepted.iter().all(|reading| Some(reading.identity()) == somebody),
            "{message:?} is accepted as {accepted:#?}"
        );
    }
}

/// Whether the query that is read this way is accepted under the message's signature, as what it says.
fn is_accepted(reading: &Reading, message: &str) -> bool {
    let secrets = ClientSecrets::new(&[SecretString::from("hush")]);
    let query = format!("{}&signature={}", reading.query(), secrets.sign_hex(message.as_bytes()));
    match proxy::verify(&query, &secrets, NOW) {
        Ok(verified) => {
            let customer = verified.customer().map_or("", CustomerId::as_str);
            assert_eq!((verified.shop().as_str(), customer), (reading.shop.as_str(), reading.customer.as_str()));
            assert_eq!(verified.path_prefix(), reading.path_prefix);
            true
        }
        Err(refusal) => {
            assert_ne!(refusal, proxy::ProxyRefusal::WrongSignature, "{query} has the message {message:?}");
            false
        }
    }
}

/// Every text of up to so many fragments.
fn texts(most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..most {
        longest = longest.iter().flat_map(|text| FRAGMENTS.map(|fragment| format!("{text}{fragment}"))).collect();
        all.extend_from_slice(&longest);
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn no_value_of_up_to_four_fragments_makes_somebody_else_of_an_accepted_query() {
    let mut seen = Seen::default();
    for text in texts(4) {
        for (nth, name) in NAMES.into_iter().enumerate() {
            seen.look(&[(name, text.as_str())], CUSTOMERS[nth % 2]);
        }
    }
    println!("{} messages, {} accepted, {} ambiguous", seen.messages, seen.accepted, seen.ambiguous);
    assert!(seen.accepted > 1000 && seen.ambiguous > 50, "{} {}", seen.accepted, seen.ambiguous);
}

#[test]
fn no_two_values_of_up_to_two_fragments_make_somebody_else_of_an_accepted_query() {
    let texts = texts(2);
    let mut seen = Seen::default();
    for (nth, name) in NAMES.iter().enumerate() {
        for other in &NAMES[nth + 1..] {
            for (first, second) in texts.iter().flat_map(|first| texts.iter().map(move |second| (first, second))) {
                seen.look(&[(*name, first.as_str()), (*other, second.as_str())], CUSTOMERS[nth % 2]);
            }
        }
    }
    println!("{} messages, {} accepted, {} ambiguous", seen.messages, seen.accepted, seen.ambiguous);
    assert!(seen.accepted > 1000 && seen.ambiguous > 50, "{} {}", seen.accepted, seen.ambiguous);
}

fn fragments() -> impl Strategy<Value = String> {
    let more = ["timestamp=77", "path_prefix=/a/y", "shop=v.myshopify.com", "logged_in_customer_id=7", "ab", "/"];
    let any = FRAGMENTS.into_iter().chain(more).collect::<Vec<_>>();
    proptest::collection::vec(proptest::sample::select(any), 0..9).prop_map(|parts| parts.concat())
}

fn names() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["", "a", "m", "ls", "q", "sh", "t", "timestam", "u", "z"]).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_random_page_makes_somebody_else_of_an_accepted_query(
        page in proptest::collection::btree_map(names(), fragments(), 0..4), customer in proptest::sample::select(&CUSTOMERS[..])
    ) {
        let page: Vec<(&str, &str)> = page.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Seen::default().look(&page, customer);
    }
}
