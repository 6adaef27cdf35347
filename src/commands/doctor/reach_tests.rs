//! The looks outside, against fakes on this machine and this very service.

use std::collections::HashMap;

use tempfile::TempDir;
use time::Duration;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::Status;
use super::*;
use crate::app::Application;
use crate::clock::Clock;

/// Subtotal and Shopify, both played by one server.
struct World {
    outside: MockServer,
    config: Config,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let outside = MockServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let settings = HashMap::from([
            ("SHOPIFY_API_KEY", "client-id".to_owned()),
            ("SHOPIFY_API_SECRET", "client-secret-of-the-app".to_owned()),
            ("SHOPIFY_APP_URL", "https://127.0.0.1:1".to_owned()),
            ("SHOPIFY_ADMIN_URL", outside.uri()),
            ("SUBTOTAL_API_URL", outside.uri()),
            ("DATABASE_URL", format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display())),
            ("ENCRYPTION_KEYS", "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
            ("PORT", "0".to_owned()),
        ]);
        let config = Config::read(&|name| settings.get(name).cloned()).unwrap();
        Self { outside, config, _folder: folder }
    }

    /// What every answer says, with this difference between its clock and ours in seconds.
    async fn answers(&self, status: u16, body: &str, ahead: i64) {
        self.outside.reset().await;
        let now = OffsetDateTime::from_unix_timestamp(super::super::super::now() / 1000).unwrap();
        let date = (now + Duration::seconds(ahead)).format(&Rfc2822).unwrap().replace("+0000", "GMT");
        let answer = ResponseTemplate::new(status).insert_header("Date", date.as_str()).set_body_string(body);
        Mock::given(any()).respond_with(answer).mount(&self.outside).await;
    }

    async fn found(&self, check: &str) -> Finding {
        let shop = Some("demo.myshopify.com".parse().unwrap());
        let mut findings = super::check(&self.config, shop, &[]).await;
        let at = findings.iter().position(|finding| finding.check == check).unwrap();
        findings.swap_remove(at)
    }

    async fn status(&self, check: &str) -> Status {
        let finding = self.found(check).await;
        assert_eq!(finding.advice.is_none(), finding.status == Status::Ok, "{finding:?}");
        finding.status
    }
}

#[actix_web::test]
async fn the_clocks_of_others_are_compared_with_ours() {
    let world = World::new().await;
    for (ahead, expected) in
        [(0, Status::Ok), (-3, Status::Ok), (8, Status::Warning), (-8, Status::Warning), (60, Status::Problem)]
    {
        world.answers(401, "", ahead).await;
        assert_eq!(world.status("clock").await, expected, "{ahead}");
    }
    world.answers(401, "", -120).await;
    assert!(world.found("clock").await.message.contains("ahead of"));
}

#[actix_web::test]
async fn shopify_says_whether_it_knows_the_app() {
    let world = World::new().await;
    world.answers(400, r#"{"error":"invalid_subject_token"}"#, 0).await;
    assert_eq!(world.status("credentials").await, Status::Ok);
    assert_eq!(world.status("shopify").await, Status::Ok);
    world.answers(401, r#"{"error":"invalid_client"}"#, 0).await;
    assert_eq!(world.status("credentials").await, Status::Problem);
    world.answers(503, "", 0).await;
    assert_eq!(world.status("credentials").await, Status::Warning);
    assert_eq!(world.status("subtotal").await, Status::Warning);
}

#[actix_web::test]
async fn what_can_not_be_reached_is_told_apart_from_what_is_slow() {
    let mut world = World::new().await;
    world.answers(200, "", 0).await;
    world.config.subtotal.base_url = Url::parse("http://127.0.0.1:1").unwrap();
    let finding = world.found("subtotal").await;
    assert_eq!(finding.status, Status::Problem);
    assert!(!finding.message.contains("within"), "{finding:?}");

    world.outside.reset().await;
    let hang = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(60));
    Mock::given(any()).respond_with(hang).mount(&world.outside).await;
    world.config.subtotal.base_url = Url::parse(&world.outside.uri()).unwrap();
    let started = Instant::now();
    let finding = world.found("subtotal").await;
    assert!(finding.message.contains("no answer within 3s"), "{finding:?}");
    assert!(started.elapsed() < PATIENCE * 2, "both hang at the same time: {:?}", started.elapsed());
}

#[actix_web::test]
async fn a_proxy_that_alters_bodies_is_found() {
    let mut world = World::new().await;
    world.answers(401, "", 0).await;
    let application = Application::build(&world.config, Clock::system(), None).await.unwrap();
    let service = Url::parse(&format!("http://127.0.0.1:{}", application.port())).unwrap();
    let handle = application.handle();
    actix_web::rt::spawn(application.run());

    world.config.shopify.app_url = service;
    assert_eq!(world.status("public URL").await, Status::Ok);
    let right = std::mem::replace(&mut world.config.shopify.client_secrets, vec!["another-secret".into()]);
    let finding = world.found("public URL").await;
    assert_eq!(finding.status, Status::Warning, "{finding:?}");
    assert!(finding.message.contains("404") && finding.advice.unwrap().contains("same client secret"));
    world.config.shopify.client_secrets = right;
    handle.stop(true).await;

    // What a proxy would make of it that writes JSON anew: the service then tells the digest of something else.
    let rewritten = hex::encode(Sha256::digest(r#"{"b":1.0,"a":[]}"#));
    world.answers(200, &format!(r#"{{"sha256":"{rewritten}","length":16}}"#), 0).await;
    world.config.shopify.app_url = Url::parse(&world.outside.uri()).unwrap();
    assert_eq!(world.status("public URL").await, Status::Problem);
    world.answers(200, "<html>", 0).await;
    assert_eq!(world.status("public URL").await, Status::Warning);
}

#[actix_web::test]
async fn a_setting_that_is_missing_is_not_used() {
    let world = World::new().await;
    let problem = |variable| Problem { variable, message: "is missing".to_owned() };
    let problems =
        ["SHOPIFY_API_SECRET", "SHOPIFY_APP_URL", "SUBTOTAL_API_URL", "SHOPIFY_ADMIN_URL"].map(problem).to_vec();
    let findings = super::check(&world.config, None, &problems).await;
    for check in ["subtotal", "shopify", "public URL", "clock"] {
        let finding = findings.iter().find(|finding| finding.check == check).unwrap();
        assert!(finding.message.contains("not checked"), "{finding:?}");
    }
    assert_eq!(world.outside.received_requests().await.unwrap().len(), 0);
}
