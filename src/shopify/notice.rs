//! What a verified webhook says, as far as this service acts on it. Serialised, a notice is the work to be done, so it
//! holds ids only.
//!
//! Topic and shop come from headers, which are not signed. What destroys or reveals data is therefore taken only from a
//! body that names the same shop and has the members of its topic and of no other.
//!
//! The client secret also signs session tokens, which shoppers hold. What is signed of one, `{header}.{claims}`, is no JSON,
//! so a body that is not a JSON object is nobody's webhook.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CustomerId;
use super::webhook::{VerifiedWebhook, WebhookRefusal};

/// The topics that are acted on, as the app subscribes to them.
pub const TOPICS: [&str; 8] = [
    "app/uninstalled",
    "app/scopes_update",
    "shop/update",
    "customers/update",
    "customers/delete",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
];
/// Those of them that Shopify requires of every app ("Privacy law compliance",
/// <https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>).
pub const COMPLIANCE_TOPICS: [&str; 3] = ["customers/data_request", "customers/redact", "shop/redact"];
/// Longest text that is taken from a body, in bytes.
const MAX_TEXT: usize = 255;
/// Scopes that are taken from a body at most.
const MAX_SCOPES: usize = 100;

/// What happened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// `app/uninstalled`
    Uninstalled,
    /// `app/scopes_update`
    ScopesChanged {
        /// Every scope that is granted now.
        scopes: Vec<String>,
    },
    /// `shop/update`
    ShopUpdated {
        /// The host of the online store.
        domain: Option<String>,
    },
    /// `customers/update`
    CustomerUpdated {
        /// Who.
        customer: CustomerId,
    },
    /// `customers/delete`
    CustomerDeleted {
        /// Who.
        customer: CustomerId,
    },
    /// `customers/data_request`
    DataRequested {
        /// Whose data; `None` for somebody who never had an account.
        customer: Option<CustomerId>,
        /// Shopify's id of the request.
        request: Option<String>,
    },
    /// `customers/redact`
    CustomerRedacted {
        /// Who; `None` for somebody who never had an account.
        customer: Option<CustomerId>,
        /// Never serialised.
        #[serde(skip)]
        email: Option<String>,
    },
    /// `shop/redact`
    ShopRedacted,
}

impl Notice {
    /// Reads a webhook; `None` for a topic, or a body, that asks for nothing.
    ///
    /// # Errors
    /// [`WebhookRefusal::Body`] for a body that is not a JSON object; and for a topic that destroys or reveals data when
    /// the signed body is not about the shop of the header, or is of another topic.
    pub fn read(webhook: &VerifiedWebhook) -> Result<Option<Self>, WebhookRefusal> {
        let body = Body(serde_json::from_slice(&webhook.body).map_err(|_| WebhookRefusal::Body)?);
        let shop = webhook.shop.as_str();
        let must_be = |holds: bool| if holds { Ok(()) } else { Err(WebhookRefusal::Body) };
        Ok(Some(match webhook.topic.as_str() {
            "app/uninstalled" => {
                must_be(body.text("myshopify_domain") == Some(shop))?;
                Self::Uninstalled
            }
            "shop/redact" => {
                must_be(body.text("shop_domain") == Some(shop))?;
                must_be(!body.has_any(&["customer", "orders_to_redact", "orders_requested", "data_request"]))?;
                Self::ShopRedacted
            }
            "customers/redact" => {
                must_be(body.text("shop_domain") == Some(shop))?;
                must_be(body.has_any(&["customer"]) && !body.has_any(&["orders_requested", "data_request"]))?;
                let customer = body.object("customer");
                Self::CustomerRedacted { customer: customer.customer_id(), email: customer.owned("email") }
            }
            "customers/data_request" => {
                must_be(body.text("shop_domain") == Some(shop))?;
                must_be(body.has_any(&["customer"]) && !body.has_any(&["orders_to_redact"]))?;
                let request = body.object("data_request").id();
                Self::DataRequested { customer: body.object("customer").customer_id(), request }
            }
            "shop/update" => {
                must_be(body.text("myshopify_domain").is_none_or(|named| named == shop))?;
                Self::ShopUpdated { domain: body.owned("domain") }
            }
            "app/scopes_update" => match body.texts("current") {
                Some(scopes) => Self::ScopesChanged { scopes },
                None => return Ok(None),
            },
            "customers/update" => match body.customer_id() {
                Some(customer) => Self::CustomerUpdated { customer },
                None => return Ok(None),
            },
            "customers/delete" => match body.customer_id() {
                Some(customer) => Self::CustomerDeleted { customer },
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }
}

/// Names what happened, never to whom.
impl std::fmt::Debug for Notice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Uninstalled => "Uninstalled",
            Self::ScopesChanged { .. } => "ScopesChanged",
            Self::ShopUpdated { .. } => "ShopUpdated",
            Self::CustomerUpdated { .. } => "CustomerUpdated",
            Self::CustomerDeleted { .. } => "CustomerDeleted",
            Self::DataRequested { .. } => "DataRequested",
            Self::CustomerRedacted { .. } => "CustomerRedacted",
            Self::ShopRedacted => "ShopRedacted",
        })
    }
}

/// A JSON object; empty where the JSON is something else.
#[derive(Default)]
struct Body(Map<String, Value>);

impl Body {
    fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty() && text.len() <= MAX_TEXT)
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    fn texts(&self, name: &str) -> Option<Vec<String>> {
        let values = self.0.get(name)?.as_array().filter(|values| values.len() <= MAX_SCOPES)?;
        values.iter().map(|value| value.as_str().filter(|text| text.len() <= MAX_TEXT).map(str::to_owned)).collect()
    }

    fn object(&self, name: &str) -> Self {
        self.0.get(name).and_then(Value::as_object).cloned().map(Self).unwrap_or_default()
    }

    /// The member `id`, a number or a text.
    fn id(&self) -> Option<String> {
        match self.0.get("id")? {
            Value::Number(number) => number.as_u64().map(|number| number.to_string()),
            Value::String(_) => self.owned("id"),
            _ => None,
        }
    }

    fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(&self.id()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shopify::ShopDomain;

    fn read(topic: &str, body: &Value) -> Result<Option<Notice>, WebhookRefusal> {
        Notice::read(&VerifiedWebhook {
            topic: topic.to_owned(),
            shop: ShopDomain::parse("a.myshopify.com").unwrap(),
            delivery_id: "d".to_owned(),
            triggered_at: None,
            body: body.to_string().into_bytes(),
        })
    }

    #[test]
    fn what_destroys_names_its_shop_in_the_signed_body_and_has_its_own_shape() {
        use serde_json::json;
        let redact = json!({ "shop_domain": "a.myshopify.com", "customer": { "id": 7 }, "orders_to_redact": [] });
        let request = json!({ "shop_domain": "a.myshopify.com", "customer": { "id": 7 }, "data_request": { "id": 9 } });
        let shop = json!({ "shop_domain": "a.myshopify.com" });
        let other = json!({ "shop_domain": "b.myshopify.com", "myshopify_domain": "b.myshopify.com", "customer": {} });
        let resource = json!({ "id": 1, "myshopify_domain": "a.myshopify.com" });
        for (topic, good) in [
            ("shop/redact", &shop),
            ("customers/redact", &redact),
            ("customers/data_request", &request),
            ("app/uninstalled", &resource),
        ] {
            assert!(read(topic, good).unwrap().is_some(), "{topic}");
            for bad in [&other, &json!({}), &json!([]), &json!("text")] {
                assert_eq!(read(topic, bad), Err(WebhookRefusal::Body), "{topic} {bad}");
            }
        }
        assert_eq!(read("shop/redact", &redact), Err(WebhookRefusal::Body), "a customer's redaction is not a shop's");
        assert_eq!(read("shop/redact", &request), Err(WebhookRefusal::Body));
        assert_eq!(read("customers/redact", &request), Err(WebhookRefusal::Body), "a request deletes nobody");
        assert_eq!(read("customers/data_request", &redact), Err(WebhookRefusal::Body));
    }

    #[test]
    fn every_topic_that_is_subscribed_to_is_acted_on() {
        let good = |topic: &str| match topic {
            "customers/redact" => serde_json::json!({ "shop_domain": "a.myshopify.com", "customer": { "id": 7 } }),
            "app/scopes_update" => serde_json::json!({ "current": ["read_customers"] }),
            "customers/data_request" => {
                serde_json::json!({ "shop_domain": "a.myshopify.com", "customer": {}, "data_request": { "id": 9 } })
            }
            "shop/redact" => serde_json::json!({ "shop_domain": "a.myshopify.com" }),
            _ => serde_json::json!({ "id": 1, "myshopify_domain": "a.myshopify.com" }),
        };
        for topic in TOPICS {
            assert!(read(topic, &good(topic)).unwrap().is_some(), "{topic}");
        }
        assert!(COMPLIANCE_TOPICS.iter().all(|topic| TOPICS.contains(topic)));
    }

    #[test]
    fn what_a_body_says_is_taken_within_bounds() {
        use serde_json::json;
        let customer = || CustomerId::parse("7").unwrap();
        let taken = |topic: &str, body: Value| read(topic, &body).unwrap();
        let (longest, too_long) = ("x".repeat(MAX_TEXT), "x".repeat(MAX_TEXT + 1));

        let redact = |email: &str| {
            taken(
                "customers/redact",
                json!({ "shop_domain": "a.myshopify.com", "customer": { "id": "7", "email": email } }),
            )
        };
        let redacted = |email: Option<&str>| {
            Some(Notice::CustomerRedacted { customer: Some(customer()), email: email.map(Into::into) })
        };
        assert!(redact("m@example.com") == redacted(Some("m@example.com")));
        assert!(redact(&longest) == redacted(Some(&longest)));
        assert!(redact(&too_long) == redacted(None) && redact("") == redacted(None));

        let request = json!({
            "shop_domain": "a.myshopify.com", "customer": { "id": 7 }, "data_request": { "id": 9 },
        });
        let requested = Notice::DataRequested { customer: Some(customer()), request: Some("9".into()) };
        assert!(taken("customers/data_request", request) == Some(requested));

        let updated = |domain: Option<&str>| Some(Notice::ShopUpdated { domain: domain.map(Into::into) });
        assert!(taken("shop/update", json!({ "domain": "shop.example.com" })) == updated(Some("shop.example.com")));
        assert!(taken("shop/update", json!({ "domain": 7, "myshopify_domain": "a.myshopify.com" })) == updated(None));
        assert!(read("shop/update", &json!({ "myshopify_domain": "b.myshopify.com" })) == Err(WebhookRefusal::Body));

        let scopes = |current: Value| taken("app/scopes_update", json!({ "current": current }));
        let changed = |scopes: &[&str]| {
            Some(Notice::ScopesChanged { scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() })
        };
        assert!(scopes(json!(["read_customers", &longest])) == changed(&["read_customers", &longest]));
        assert!(scopes(json!(vec!["a"; MAX_SCOPES])) == changed(&["a"; MAX_SCOPES]));
        for none in [json!(vec!["a"; MAX_SCOPES + 1]), json!([too_long]), json!(["a", 7]), json!("a"), json!(null)] {
            assert!(scopes(none.clone()).is_none(), "{none}");
        }

        for id in [json!(7), json!("7")] {
            let of = |topic| taken(topic, json!({ "id": id }));
            assert!(of("customers/update") == Some(Notice::CustomerUpdated { customer: customer() }));
            assert!(of("customers/delete") == Some(Notice::CustomerDeleted { customer: customer() }));
        }
        for id in [json!(-7), json!(7.5), json!("x"), json!(true), json!(null)] {
            assert!(taken("customers/update", json!({ "id": id })).is_none());
        }
        assert!(taken("orders/create", json!({ "id": 7 })).is_none());
    }

    #[test]
    fn work_holds_ids_only() {
        let body = serde_json::json!({
            "shop_domain": "a.myshopify.com", "customer": { "id": 7001, "email": "m@example.com", "phone": "+1555" },
        });
        let notice = read("customers/redact", &body).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&notice).unwrap(), r#"{"what":"customer_redacted","customer":"7001"}"#);
        assert_eq!(format!("{notice:?}"), "CustomerRedacted");
        let body = serde_json::json!({ "id": 7001, "email": "m@example.com", "first_name": "M" });
        let notice = read("customers/update", &body).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&notice).unwrap(), r#"{"what":"customer_updated","customer":"7001"}"#);
        let again: Notice = serde_json::from_str(&serde_json::to_string(&notice).unwrap()).unwrap();
        assert!(again == notice);
    }
}
