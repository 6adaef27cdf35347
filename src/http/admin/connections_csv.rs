//! Connections as a file of CSV, read and sent a part at a time, so that a long list costs no memory.

use actix_web::http::header::{CONTENT_DISPOSITION, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::{StreamExt, stream};

use super::activity::rfc3339;
use super::connections::Question;
use super::place::Place;
use super::relink::Relinks;
use crate::app::AppState;
use crate::http::csv;
use crate::http::error::AppError;
use crate::store::KnownConnection;

/// Connections read at a time.
const PART: u32 = 1000;
const HEAD: [&str; 7] =
    ["connection_id", "customer_id", "retailer_id", "status", "since", "relink_url", "relink_problem"];

/// Every connection asked for. A failure on the way breaks the connection off.
pub(super) fn download(state: web::Data<AppState>, shop_id: i64, question: Question, relinks: Relinks) -> HttpResponse {
    let head = Bytes::from(csv::record(&HEAD));
    // What is still to be read, and how many at most. `None` once there is no more.
    let left = question.limit.unwrap_or(u32::MAX);
    let records = stream::unfold(Some((question, left)), move |rest| {
        let (state, relinks) = (state.clone(), relinks.clone());
        async move {
            let (mut question, left) = rest?;
            let part = left.min(PART);
            let found = match state.store.known_connections(shop_id, question.asks(part)).await {
                Ok(found) => found,
                Err(error) => return Some((Err(AppError::from(error)), None)),
            };
            let text: String = found.iter().map(|connection| record(connection, &relinks)).collect();
            let read = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let last = found.last().filter(|_| read == part && left > part);
            let rest = last.map(|last| {
                question.before = Some(Place { at: last.since, id: last.connection_id.clone() });
                (question, left - part)
            });
            Some((Ok(Bytes::from(text)), rest))
        }
    });
    HttpResponse::Ok()
        .insert_header((VARY, "Accept"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"connections.csv\""))
        .content_type("text/csv; charset=utf-8")
        .streaming(stream::iter([Ok(head)]).chain(records))
}

fn record(connection: &KnownConnection, relinks: &Relinks) -> String {
    csv::record(&[
        &connection.connection_id,
        connection.customer_id.as_deref().unwrap_or_default(),
        &connection.retailer_id,
        &connection.status,
        &rfc3339(connection.since),
        relinks.url(connection).as_deref().unwrap_or_default(),
        relinks.problem.unwrap_or_default(),
    ])
}
