//! Purchases of the sandbox's connections, and the calls that read them, as the public reference shows them
//! (<https://subtotal.com/docs/api-reference/purchases/get-purchases>): with the key and a connection's access token.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use ulid::Ulid;

use super::api::{Reading, World};
use super::refusal::{FieldProblem, Refusal};
use super::state::State;

/// Purchases a connection has from before it became active.
const HISTORY: usize = 3;
/// How far apart those are.
const GAP: Duration = Duration::days(9);
/// Purchases a page has where the caller does not say.
const PAGE: usize = 10;
/// Purchases a page has at most.
const LONGEST_PAGE: usize = 50;
/// Brand, product, UPC, cents for one, how many.
type Line = (&'static str, &'static str, &'static str, i64, i64);
/// Baskets, which purchases take in turn.
const BASKETS: [&[Line]; 4] = [
    &[
        ("larkmeadow", "Larkmeadow Oat Granola, 12 oz", "850001234018", 549, 2),
        ("larkmeadow", "Larkmeadow Almond Butter, 16 oz", "850001234025", 899, 1),
        ("yogi-tea", "Yogi Honey Lavender Tea, 16 ct", "076950450363", 479, 1),
    ],
    &[
        ("larkmeadow", "Larkmeadow Trail Mix, 20 oz", "850001234032", 1099, 1),
        ("goya", "Goya Black Beans, 15.5 oz", "041331027878", 129, 3),
        ("cheerios", "Cheerios, 18 oz", "016000124790", 498, 1),
        ("jif", "Jif Creamy Peanut Butter, 16 oz", "037600138727", 342, 1),
    ],
    &[("larkmeadow", "Larkmeadow Oat Granola, 12 oz", "850001234018", 549, 4)],
    &[
        ("larkmeadow", "Larkmeadow Cashew Bars, 6 ct", "850001234049", 729, 2),
        ("coca-cola", "Coca-Cola, 12 fl oz, 12 pack", "049000040869", 868, 1),
    ],
];
/// Sales tax, in thousandths.
const TAX: i64 = 60;

/// A purchase as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Purchase {
    purchase_id: String,
    date: String,
    total: String,
    tax: String,
    subtotal: String,
    item_count: i64,
    items: serde_json::Value,
    is_simulated: bool,
}

/// A purchase as a page lists it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    purchase_id: &'a str,
    date: &'a str,
    total: &'a str,
}

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/purchases").route(web::get().to(list)))
        .service(web::resource("/purchases/{purchase_id}").route(web::get().to(detail)));
}

async fn list(
    world: World,
    reading: Reading,
    query: web::Query<HashMap<String, String>>,
) -> Result<HttpResponse, Refusal> {
    let limit = query.get("limit").map_or(Ok(PAGE), |limit| limit.parse());
    let limit = limit.ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit)).ok_or_else(|| {
        Refusal::Invalid(vec![FieldProblem::new(
            &["query", "limit"],
            "Input should be from 1 to 50",
            "less_than_equal",
        )])
    })?;
    let state = world.state();
    let bought = state.purchases.get(&reading.connection_id).map_or(&[][..], Vec::as_slice);
    let start = match query.get("starting_after") {
        None => 0,
        Some(id) => 1 + bought.iter().position(|one| one.purchase_id == *id).ok_or(Refusal::NO_PURCHASE)?,
    };
    let page: Vec<Listed<'_>> = bought[start..]
        .iter()
        .take(limit)
        .map(|one| Listed { purchase_id: &one.purchase_id, date: &one.date, total: &one.total })
        .collect();
    let has_more = start + page.len() < bought.len();
    Ok(HttpResponse::Ok().json(serde_json::json!({ "has_more": has_more, "purchases": page })))
}

async fn detail(world: World, reading: Reading, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let id = request.match_info().query("purchase_id");
    let state = world.state();
    let bought = state.purchases.get(&reading.connection_id).map_or(&[][..], Vec::as_slice);
    let found = bought.iter().find(|one| one.purchase_id == id).ok_or(Refusal::NO_PURCHASE)?;
    Ok(HttpResponse::Ok().json(found))
}

impl Purchase {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.purchase_id
    }
}

impl State {
    /// Gives a connection that has bought nothing yet its history.
    pub(super) fn remember_purchases(&mut self, connection_id: &str, now: OffsetDateTime) {
        if self.purchases.contains_key(connection_id) {
            return;
        }
        for nth in (1..=HISTORY).rev() {
            let at = now - GAP * i32::try_from(nth).unwrap_or(1);
            self.add_purchase(connection_id, at, false);
        }
    }

    /// Adds a purchase, which is newer than those before; its id.
    pub(super) fn add_purchase(&mut self, connection_id: &str, at: OffsetDateTime, is_simulated: bool) -> String {
        let basket = BASKETS[self.purchases.values().map(Vec::len).sum::<usize>() % BASKETS.len()];
        let purchase = purchase(basket, at, is_simulated);
        let id = purchase.purchase_id.clone();
        self.purchases.entry(connection_id.to_owned()).or_default().insert(0, purchase);
        id
    }
}

fn purchase(basket: &[Line], at: OffsetDateTime, is_simulated: bool) -> Purchase {
    let money = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
    let subtotal: i64 = basket.iter().map(|(_, _, _, cents, quantity)| cents * quantity).sum();
    let tax = (subtotal * TAX + 500) / 1000;
    let items = basket.iter().map(|(brand, name, upc, cents, quantity)| {
        serde_json::json!({
            "item_id": Ulid::generate().to_string(), "price": money(*cents), "quantity": quantity,
            "product": {
                "product_id": Ulid::generate().to_string(), "name": name, "description": name, "brand": brand,
                "upc": upc,
            },
        })
    });
    Purchase {
        purchase_id: Ulid::generate().to_string(),
        date: at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).expect("this century has an RFC 3339 form"),
        total: money(subtotal + tax),
        tax: money(tax),
        subtotal: money(subtotal),
        item_count: basket.iter().map(|(_, _, _, _, quantity)| quantity).sum(),
        items: items.collect(),
        is_simulated,
    }
}
