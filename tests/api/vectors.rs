//! The known answers of `tests/vectors/app-proxy.json`, over HTTP at their own time.

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

    /// What `/configuration` says at the vector's own time plus `late` seconds.
    async fn status(&self, query: &str, late: i64) -> u16 {
        let clock = Clock::manual((self.timestamp() + late) * 1000);
        let app = TestApp::start_with(&[("SHOPIFY_API_SECRET", &self.secret)], clock).await;
        app.raw(reqwest::Method::GET, "/apps/subtotal/configuration", query).await.status
    }
}

#[test]
fn the_tests_own_signer_gives_shopifys_digests() {
    for vector in vectors().accept.iter().chain(&vectors().refuse) {
        assert_eq!(signer::signature(&vector.secret, &vector.query), vector.signature, "{}", vector.name);
    }
}

#[actix_web::test]
async fn every_accepted_vector_passes_at_its_time_and_not_91_seconds_off() {
    for vector in vectors().accept {
        for query in vector.signed() {
            // The shop of the vectors is not installed, so a verified call is answered 404 and a refused one 401.
            assert_eq!(vector.status(&query, 0).await, 404, "{}", vector.name);
        }
        let [query, _] = vector.signed();
        assert_eq!(vector.status(&query, 91).await, 401, "{}", vector.name);
    }
}

#[actix_web::test]
async fn every_refused_vector_is_refused_at_its_time() {
    for vector in vectors().refuse {
        for query in vector.signed() {
            assert_eq!(vector.status(&query, 0).await, 401, "{}", vector.name);
        }
    }
}
