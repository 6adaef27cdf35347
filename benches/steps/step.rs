//! The pure steps of a request, each as something that can be done again and again: `steps` times them, `instructions`
//! counts what they cost.

use std::hint::black_box;

use askama::Template;
use serde_json::json;
use subtotal_connect::http::{PROBLEMS, admin, failure_page};
use subtotal_connect::shopify::proxy::{MAX_PIECES, sign, verify};
use subtotal_connect::shopify::{ClientSecrets, ShopDomain};
use subtotal_connect::subtotal::wire::RetailerList;
use subtotal_connect::visibility::{ListMatch, NoEmail, Scope, ShopperEmail, decide};

/// What was signed is as old as the time it is verified at.
const NOW: i64 = 1_790_000_000;
/// What Shopify adds, but for the signature.
const IDENTITY: &str = "shop=a-shop-of-usual-length.myshopify.com&logged_in_customer_id=7394627183910&\
     path_prefix=%2Fapps%2Fsubtotal&timestamp=1790000000";

/// A pure step on a fixed input.
pub(crate) struct Step {
    /// Without spaces, as it stands in `instructions.txt`.
    pub(crate) name: &'static str,
    /// Does it once.
    pub(crate) run: Box<dyn Fn()>,
}

/// Every step.
pub(crate) fn steps() -> Vec<Step> {
    let others: String = (5..MAX_PIECES - 1).map(|nth| format!("&field-{nth}=a+value%20of+{nth}")).collect();
    vec![
        step("verify/what-shopify-adds", verifying(IDENTITY)),
        step("verify/64-parameters", verifying(&format!("{IDENTITY}{others}"))),
        step("decide/no-list", || decide(Vec::new(), false, NoEmail::Hide)),
        step("decide/10-lists", deciding(10)),
        step("retailers/10", reading_retailers(10)),
        step("retailers/500", reading_retailers(500)),
        step("page/error", || failure_page(PROBLEMS[0], "01KAJ0000000000000000000ZZ")),
        step("page/admin", {
            let shop = ShopDomain::parse("a-shop-of-usual-length.myshopify.com").unwrap();
            let frame =
                admin::Frame::new("0123456789abcdef0123456789abcdef", "https://cdn.shopify.com/shopifycloud", shop);
            move || admin::home_page(&frame, true).render().unwrap()
        }),
    ]
}

fn step<T>(name: &'static str, run: impl Fn() -> T + 'static) -> Step {
    Step { name, run: Box::new(move || drop(black_box(run()))) }
}

/// From the raw query to the proof.
fn verifying(query: &str) -> impl Fn() -> usize + use<> {
    let secrets = ClientSecrets::new(&["shpss_0123456789abcdef0123456789abcdef".into()]);
    let query = format!("{query}&signature={}", sign(query, &secrets).unwrap());
    move || verify(black_box(&query), &secrets, NOW).unwrap().secret_index()
}

/// From the e-mail address, as Shopify gives it, and what the lists that are on say of it; one in two has it.
fn deciding(lists: usize) -> impl Fn() -> bool + use<> {
    let matched = |nth: usize| nth.is_multiple_of(2).then(|| "@example.com".to_owned());
    let of_retailer =
        |nth| ListMatch { scope: Scope::Retailer(format!("retailer-{nth}")), is_empty: false, matched: matched(nth) };
    let global = ListMatch { scope: Scope::Global, is_empty: false, matched: matched(0) };
    let lists: Vec<_> = [global].into_iter().chain((1..lists).map(of_retailer)).collect();
    move || {
        let email = ShopperEmail::parse(black_box("Pat.Shopper@Example.com"));
        decide(lists.clone(), email.is_some(), NoEmail::Hide).0.hides_block
    }
}

/// From the bytes of Subtotal's answer.
fn reading_retailers(count: usize) -> impl Fn() -> usize + use<> {
    let retailer = |nth| {
        let variants = |kind| {
            json!({
                "light": format!("https://images.example/{kind}/{nth}-light.svg"),
                "dark": format!("https://images.example/{kind}/{nth}-dark.svg"),
            })
        };
        json!({
            "retailer_id": format!("retailer-{nth}"), "name": format!("Retailer {nth}"),
            "link_url": format!("https://link.subtotal.example/zklQOn{nth}"),
            "images": { "logo": variants("logo"), "icon": variants("icon") },
        })
    };
    let answer = json!({ "retailers": (0..count).map(retailer).collect::<Vec<_>>() }).to_string().into_bytes();
    move || serde_json::from_slice::<RetailerList>(black_box(&answer)).unwrap().retailers.len()
}
