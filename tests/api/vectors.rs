//! The known answers of `tests/vectors/app-proxy.json`, over HTTP at their own time.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use subtotal_connect::clock::Clock;

use crate::support::app::TestApp;
use crate::support::signer;

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
    serde_json::from_str(include_str!("../vectors/app-proxy.json")).unwrap()
}

impl Vector {
    fn timestamp(&self) -> i64 {
        let timestamp = url::form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == "timestamp");
        timestamp.unwrap().1.parse().unwrap()
    }

    /// The query with the signature in front or behind, since it may stand anywhere.
    fn signed(&self) -> [String; 2] {
        [format!("{}&signature={}", self.query, self.signature), format!("signature={}&{}", self.signature, self.query)]
    }
}

/// What `/configuration` says to every vector at its own time plus `late` seconds, both ways: one application a secret,
/// and a clock that moves from vector to vector.
async fn statuses(mut vectors: Vec<Vector>, late: i64) -> Vec<(String, [u16; 2])> {
    vectors.sort_by_key(|vector| (vector.secret.clone(), vector.timestamp()));
    let mut statuses = Vec::new();
    for same_secret in vectors.chunk_by(|left, right| left.secret == right.secret) {
        let clock = Clock::manual((same_secret[0].timestamp() + late) * 1000);
        let app = TestApp::start_with(&[("SHOPIFY_API_SECRET", &same_secret[0].secret)], clock.clone()).await;
        for vector in same_secret {
            let ahead = vector.timestamp() + late - clock.unix_seconds();
            clock.advance(Duration::from_secs(ahead.try_into().unwrap()));
            let [behind, in_front] = vector.signed();
            let path = "/apps/subtotal/configuration";
            let first = app.raw(Method::GET, path, &behind).await.status;
            let second = app.raw(Method::GET, path, &in_front).await.status;
            statuses.push((vector.name.clone(), [first, second]));
        }
    }
    statuses
}

#[test]
fn the_tests_own_signer_gives_shopifys_digests() {
    for vector in vectors().accept.iter().chain(&vectors().refuse) {
        assert_eq!(signer::signature(&vector.secret, &vector.query), vector.signature, "{}", vector.name);
    }
}

#[actix_web::test]
async fn every_accepted_vector_passes_at_its_time_and_not_91_seconds_off() {
    // The shop of the vectors is not installed, so a verified call is answered 404 and a refused one 401.
    for (late, expected) in [(0, 404), (90, 404), (-90, 404), (91, 401), (-91, 401)] {
        let answered = statuses(vectors().accept, late).await;
        assert_eq!(answered.len(), vectors().accept.len());
        for (name, statuses) in answered {
            assert_eq!(statuses, [expected; 2], "{name}, {late} s late");
        }
    }
}

#[actix_web::test]
async fn every_refused_vector_is_refused_at_its_time() {
    for (name, statuses) in statuses(vectors().refuse, 0).await {
        assert_eq!(statuses, [401; 2], "{name}");
    }
}
