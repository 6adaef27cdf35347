//! An answer that never comes, for levers that lose answers.

use std::io;

use actix_web::{HttpResponse, web};

/// An answer whose body fails before its first byte: actix closes the connection with nothing written.
pub(super) fn dropped_connection() -> HttpResponse {
    let failure = || async { Err::<web::Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) };
    HttpResponse::Ok().streaming(futures_util::stream::once(failure()))
}
