//! A purchase as Subtotal's API shows it, as the merchant's tools are told of it (seed 003). Pure.

use super::happening::{Purchase, PurchaseItem};
use crate::subtotal::purchases::PurchaseDetail;

/// Items that are counted one by one at most.
const MAX_ITEMS: i64 = 10_000;

/// Seed 003's example has as many UPCs as its `item_count`, some of them several times, and every brand once. So a UPC is
/// repeated by its quantity where the quantities add up to `item_count`, and stands once for its line where they do not.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a number of items is a small whole number")]
pub fn purchase(detail: &PurchaseDetail) -> Purchase {
    let quantity = |quantity: Option<f64>| quantity.map_or(1, |quantity| (quantity as i64).max(1));
    let units = detail.items.iter().fold(0_i64, |sum, item| sum.saturating_add(quantity(item.quantity)));
    let item_count = detail.item_count.map_or(units, |count| count as i64);
    let by_unit = units == item_count && units <= MAX_ITEMS;
    let mut brands: Vec<String> = Vec::new();
    let mut upcs = Vec::new();
    let mut items = Vec::new();
    for item in &detail.items {
        let (brand, upc) = (item.brand(), item.upc());
        brands.extend(brand.clone().filter(|brand| !brands.contains(brand)));
        let times = if by_unit { usize::try_from(quantity(item.quantity)).unwrap_or(1) } else { 1 };
        upcs.extend(upc.iter().flat_map(|upc| std::iter::repeat_n(upc.clone(), times)));
        let name = item.name().unwrap_or_default();
        items.push(PurchaseItem { name, brand, upc, price: item.price, quantity: item.quantity });
    }
    Purchase {
        purchase_id: detail.purchase_id.clone(),
        date: detail.date.clone(),
        item_count,
        subtotal: detail.subtotal,
        tax: detail.tax,
        total: detail.total,
        brands,
        upcs,
        items,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Purchase {
        purchase(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn money_as_text_becomes_numbers_and_upcs_stand_once_for_each_item() {
        let told = read(json!({
            "purchase_id": "01KEVN1ZPM9H19JSHGN5NF0M69", "date": "2025-05-31T14:48:23Z", "total": "44.64", "tax": "1.60",
            "subtotal": "43.04", "item_count": 4, "items": [
                { "item_id": "1", "price": "3.98", "quantity": 3, "product":
                    { "product_id": "p", "name": "Jif Creamy", "description": "16 oz", "brand": "jif", "upc": "041331027878" } },
                { "item_id": "2", "price": "5.10", "quantity": 1, "product":
                    { "product_id": "q", "name": "Jif To Go", "brand": "jif", "upc": "049000031171" } },
            ],
        }));
        assert_eq!((told.subtotal, told.tax, told.total, told.item_count), (Some(43.04), Some(1.6), Some(44.64), 4));
        assert_eq!(told.brands, ["jif"]);
        assert_eq!(told.upcs, ["041331027878", "041331027878", "041331027878", "049000031171"]);
        assert_eq!(told.items[0].name, "Jif Creamy");
        assert_eq!((told.items[0].price, told.items[0].quantity), (Some(3.98), Some(3.0)));
    }

    #[test]
    fn a_count_of_lines_leaves_one_upc_a_line() {
        let items =
            json!([{ "quantity": 3, "product": { "upc": "1" } }, { "quantity": "2", "product": { "upc": "2" } }]);
        let told = read(json!({ "purchase_id": "p", "date": "d", "item_count": 2, "items": items }));
        assert_eq!(told.upcs, ["1", "2"]);
    }

    #[test]
    fn a_upc_that_is_none_is_not_told_ten_thousand_times() {
        let told = |upc: String| {
            let items = json!([{ "quantity": 10_000, "product": { "upc": upc } }]);
            read(json!({ "purchase_id": "p", "date": "d", "item_count": 10_000, "items": items }))
        };
        assert_eq!(told("7".repeat(64)).upcs.len(), 10_000);
        let long = told("7".repeat(65));
        assert_eq!((long.upcs.len(), long.items[0].upc.as_ref(), long.item_count), (0, None, 10_000));
    }

    #[test]
    fn older_shapes_are_understood_and_what_is_missing_is_left_out() {
        let told = read(json!({
            "purchase_id": "p", "date": "2025-05-31", "total": "n/a", "items": [
                { "name": "Oats", "brand": "quaker", "gtin": "0003", "price": 4, "quantity": 2 },
                { "item_id": "2", "description": "Milk", "price": "1.00", "quantity": null },
                { "product": null },
            ],
        }));
        assert_eq!((told.total, told.item_count), (None, 4));
        assert_eq!(told.upcs, ["0003", "0003"]);
        assert_eq!(told.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["Oats", "Milk", ""]);
    }
}
