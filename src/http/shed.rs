//! Turns requests away while as many as the process, or this worker, takes on are in flight, before anything is read, verified or routed: it
//! must cost a fraction of what it saves. So these answers have no line in the log each, but a counter, and now and then a
//! line that says how many they were.
//!
//! Health is exempt. A process that is busy is up, and one that a load balancer takes out leaves its share to the others.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use tokio::time::sleep;
use ulid::Ulid;

use super::connections::Connection;
use super::edge::dress;
use super::error::AppError;
use super::problem::Details;
use crate::app::AppState;
use crate::limits::Pace;

const EXEMPT: [&str; 2] = ["/healthz", "/readyz"];
/// How long whoever is turned away waits for the answer. A worker's connections are limited, so this limits how many a
/// second it turns away, to a part of what it could do: who tries again at once would leave no time for those taken on.
const HELD: Duration = Duration::from_millis(100);

/// How many were turned away since it was last said.
#[derive(Debug, Default)]
pub(crate) struct Shed(AtomicU64);

impl Shed {
    /// Says how many it were, if any.
    pub(crate) fn report(&self) {
        let requests = self.0.swap(0, Ordering::Relaxed);
        if requests > 0 {
            tracing::warn!(
                requests,
                "turned away: MAX_IN_FLIGHT were in flight, or the processor has more to do than it can"
            );
        }
    }
}

/// Wraps everything, [`super::edge::edge`] too.
pub(crate) async fn shed(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _busy = request.conn_data::<Arc<Connection>>().map(Connection::busy);
    if EXEMPT.contains(&request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let state = request.app_data::<web::Data<AppState>>().expect("the application always holds its state");
    let pace: &Rc<Pace> = request.app_data().expect("each worker has its pace");
    let scope = match (pace.enter(), state.places.enter()) {
        (Some(_turn), Some(_place)) => return Ok(next.call(request).await?.map_into_boxed_body()),
        (None, _) => "lag",
        (_, None) => "process",
    };
    metrics::counter!("requests_shed_total", "scope" => scope).increment(1);
    state.shed.0.fetch_add(1, Ordering::Relaxed);
    sleep(HELD).await;
    let answer = turned_away(request.path());
    Ok(request.into_response(answer))
}

fn turned_away(path: &str) -> HttpResponse {
    let (id, failure) = (Ulid::generate().to_string(), AppError::Overloaded);
    let problem = failure.kind().occurred(&id, Details::Fields(&[]));
    let mut answer = HttpResponse::ServiceUnavailable();
    answer.content_type("application/problem+json");
    answer.insert_header(failure.header().expect("it says when to come again"));
    let mut answer = answer.body(serde_json::to_string(&problem).expect("plain structs serialise"));
    dress(answer.headers_mut(), path, &id);
    answer
}
