//! A shopper's way through the demo without a browser: in, linked, out and back.

use serde_json::{Value, json};

use super::world::{Browser, Demo, MAYA, THEO, attributes};
use crate::support::app::Answer;

/// The one form action on a page that ends in `end`.
fn action(page: &Answer, end: &str) -> String {
    let found: Vec<_> = attributes(&page.body, "action=\"").filter(|action| action.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{page:?}");
    found[0].clone()
}

fn location(answer: &Answer, status: u16) -> &str {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.header("location")
}

/// Signs in to a retailer on its Link page, after a wrong password and a wrong code; where the shopper goes on to.
async fn through_link(browser: &Browser<'_>, link_url: &str) -> String {
    let origin = url::Url::parse(link_url).unwrap().origin().ascii_serialization();
    let page = browser.get(link_url).await;
    assert_eq!(page.status, 200, "{page:?}");
    let sign_in = format!("{origin}{}", action(&page, "/sign-in"));
    let wrong = browser.submit(&sign_in, &[("username", "shopper"), ("password", "wrong")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("role=\"alert\""), "{wrong:?}");
    let right = browser.submit(&sign_in, &[("username", "shopper"), ("password", "password")]).await;
    let page = browser.get(&format!("{origin}{}", location(&right, 303))).await;
    let code = format!("{origin}{}", action(&page, "/code"));
    let wrong = browser.submit(&code, &[("code", "654321")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("role=\"alert\""), "{wrong:?}");
    let right = browser.submit(&code, &[("code", "123456")]).await;
    location(&right, 303).to_owned()
}

async fn cancelled(browser: &Browser<'_>, link_url: &str) -> String {
    let origin = url::Url::parse(link_url).unwrap().origin().ascii_serialization();
    let page = browser.get(link_url).await;
    let answer = browser.submit(&format!("{origin}{}", action(&page, "/cancel")), &[]).await;
    location(&answer, 303).to_owned()
}

async fn link_url(browser: &Browser<'_>, retailer: &Value, back: &str) -> String {
    let body = json!({
        "retailerId": retailer["retailer_id"], "retailerLinkUrl": retailer["link_url"], "redirectUrl": back,
    });
    let answer = browser.post("/connections", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["link_url"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_signed_out_shopper_signs_in_links_disconnects_and_links_again() {
    let demo = Demo::start();
    let back = demo.shop("/account?from=link#link-accounts");
    let mut browser = demo.browser("");
    let signed_out = browser.api("/retailers").await;
    assert_eq!((signed_out.status, signed_out.code().as_str()), (400, "customer_not_signed_in"));

    // A plain link on the shop's page leads to the login first, and from there straight on.
    let link = format!(
        "/link/mC9hTwZe?redirect_url={}",
        url::form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>()
    );
    let to_login = browser.api(&link).await;
    let login = demo.shop(location(&to_login, 302));
    assert!(
        login.starts_with(&demo.shop("/customer_authentication/login?return_to=%2Fapps%2Fsubtotal%2Flink%2FmC9hTwZe"))
    );
    let page = browser.get(&login).await;
    let return_to = attributes(&page.body, "name=\"return_to\" value=\"").last().unwrap();
    assert!(page.body.contains(&format!("name=\"shopper\" value=\"{THEO}\"")));
    let form = demo.shop("/customer_authentication/login");
    let signed_in = browser.submit(&form, &[("shopper", THEO), ("return_to", &return_to)]).await;
    browser.cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let onwards = browser.get(&demo.shop(location(&signed_in, 303))).await;
    let link_url_1 = location(&onwards, 302).to_owned();
    // This brand has a Link host of its own.
    assert!(link_url_1.starts_with("http://localhost:"), "{link_url_1}");

    assert_eq!(browser.retailer("costco").await["connection"]["status"], "initialized");
    assert_eq!(through_link(&browser, &link_url_1).await, back);
    let linked = browser.retailer("costco").await;
    assert_eq!(linked["connection"]["status"], "active");
    let id = linked["connection"]["connection_id"].clone();
    assert!(link_url_1.contains(&format!("connection_id={}", id.as_str().unwrap())));

    let gone = browser.post("/disconnect-connection", json!({ "connectionId": id })).await;
    assert_eq!((gone.status, gone.json()), (200, json!({ "success": true })));
    assert_eq!(browser.retailer("costco").await["connection"]["status"], "disconnected");

    let again = link_url(&browser, &linked, &back).await;
    assert_eq!(through_link(&browser, &again).await, back);
    let relinked = browser.retailer("costco").await;
    assert_eq!(relinked["connection"], json!({ "connection_id": id, "retailer_id": "costco", "status": "active" }));
}

#[actix_web::test]
async fn a_revoked_connection_is_replaced_and_the_others_are_taken_up_again() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let back = demo.shop("/");
    for (id, reused) in [("target", true), ("amazon", true), ("kroger", true), ("walmart", true), ("walgreens", false)]
    {
        let before = maya.retailer(id).await;
        let link = link_url(&maya, &before, &back).await;
        assert_eq!(through_link(&maya, &link).await, back, "{id}");
        let after = maya.retailer(id).await;
        assert_eq!(after["connection"]["status"], "active", "{id}");
        let same = before["connection"]["connection_id"] == after["connection"]["connection_id"];
        assert_eq!(same, reused, "{id}");
    }
}

#[actix_web::test]
async fn turning_back_on_the_link_page_changes_nothing() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    let before = demo.state().await["connections"].clone();
    let back = demo.shop("/account");
    for id in ["walmart", "target", "amazon", "kroger"] {
        let link = link_url(&maya, &maya.retailer(id).await, &back).await;
        assert_eq!(cancelled(&maya, &link).await, back);
    }
    assert_eq!(demo.state().await["connections"], before);
}

#[actix_web::test]
async fn one_shoppers_connection_is_not_anothers() {
    let demo = Demo::start();
    let walmart = demo.browser(MAYA).retailer("walmart").await;
    let theft = json!({ "connectionId": walmart["connection"]["connection_id"] });
    let refused = demo.browser(THEO).post("/disconnect-connection", theft).await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "connection_not_found"));
    assert_eq!(demo.browser(MAYA).retailer("walmart").await, walmart);
}

#[actix_web::test]
async fn a_visitors_own_copies_of_shopifys_parameters_are_refused() {
    let demo = Demo::start();
    let theo = demo.browser(THEO);
    let tricks = [
        format!("?logged_in_customer_id={MAYA}"),
        "?shop=other.myshopify.com".to_owned(),
        "?timestamp=1".to_owned(),
        "?hmac=1".to_owned(),
        "?x=path_prefix%3D".to_owned(),
        "?a%3Db=1".to_owned(),
    ];
    for trick in tricks {
        let answer = theo.api(&format!("/retailers{trick}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{trick}");
    }
    assert_eq!(theo.api("/retailers?utm_source=mail&x=1&x=2").await.status, 200);
}
