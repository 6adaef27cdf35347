//! The Link pages: what a shopper sees and where it leads.

use reqwest::header::LOCATION;

use super::super::{DEMO_CODE, DEMO_PASSWORD};
use super::{Sandbox, answered};

/// Where a Link page's form posts to, less its last segment.
fn visit_path(html: &str) -> String {
    html.split("action=\"").nth(1).unwrap().split("/sign-in\"").next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_shopper_links_an_account_after_a_wrong_password_and_a_wrong_code() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "walmart").await;
    let start = format!("/zklQOnlG?connection_id={connection}&redirect_url=https%3A%2F%2Fshop.example%2Fme%3Fa%3D1");
    let visit = visit_path(&sandbox.visit(&start).await.text().await.unwrap());

    let sign_in = format!("{visit}/sign-in");
    let wrong = sandbox.post_form(&sign_in, &[("username", "<ann>"), ("password", "wrong")]).await;
    assert_eq!(wrong.status(), 422);
    let wrong = wrong.text().await.unwrap();
    assert!(wrong.contains("role=\"alert\"") && wrong.contains("&#60;ann&#62;"), "{wrong}");
    let right = sandbox.post_form(&sign_in, &[("username", "ann"), ("password", DEMO_PASSWORD)]).await;
    assert_eq!(answered(&right, LOCATION), (303, &*visit));

    let code = format!("{visit}/code");
    assert_eq!(sandbox.post_form(&code, &[("code", "000000")]).await.status(), 422);
    assert_eq!(sandbox.status_of(&connection), "initialized");
    let right = sandbox.post_form(&code, &[("code", DEMO_CODE)]).await;
    assert_eq!(answered(&right, LOCATION), (303, "https://shop.example/me?a=1"));
    assert_eq!(sandbox.status_of(&connection), "active");
}

#[actix_web::test]
async fn cancelling_changes_nothing_and_a_later_code_no_longer_counts() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "costco").await;
    let token = sandbox.token(&connection, "link").await;
    let page = sandbox.visit(&format!("/mC9hTwZe?connection_token={token}")).await;
    let visit = visit_path(&page.text().await.unwrap());
    sandbox.post_form(&format!("{visit}/sign-in"), &[("username", "ann"), ("password", DEMO_PASSWORD)]).await;
    sandbox.post_form(&format!("{visit}/cancel"), &[]).await;
    sandbox.post_form(&format!("{visit}/code"), &[("code", DEMO_CODE)]).await;
    assert_eq!(sandbox.status_of(&connection), "initialized");
    let end = sandbox.visit(&visit).await.text().await.unwrap();
    assert!(end.contains("Nothing was linked") && end.contains("close this window"), "{end}");
}

#[actix_web::test]
async fn links_that_cannot_work_say_so_on_a_page() {
    let sandbox = Sandbox::start();
    let connection = sandbox.connect("7001", "walmart").await;
    let access_token = sandbox.token(&connection, "access").await;
    for (path, status) in [
        ("/unknown1?connection_id=x".to_owned(), 404),
        ("/zklQOnlG".to_owned(), 400),
        ("/zklQOnlG?connection_id=unknown".to_owned(), 404),
        (format!("/zSG5nWHy?connection_id={connection}"), 404),
        (format!("/zklQOnlG?connection_token={access_token}"), 410),
        (format!("/zklQOnlG?connection_id={connection}&redirect_url=javascript:alert(1)"), 400),
        ("/zklQOnlG/unknown".to_owned(), 410),
    ] {
        let answer = sandbox.visit(&path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.headers().contains_key("content-security-policy"));
        assert!(answer.text().await.unwrap().contains("Go back to the shop"), "{path}");
    }
}
