//! Whether the process is up, and whether it can do its work.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};

use crate::app::AppState;
use crate::store::{Schema, StoreError};

/// The process is up; nothing else is asked.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// The database answers with a current schema, and the process is not stopping.
pub(super) async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    match state.readiness().await {
        Ok(()) => HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })),
        Err(reason) => {
            HttpResponse::ServiceUnavailable().json(serde_json::json!({ "status": "not ready", "reason": reason }))
        }
    }
}

impl AppState {
    async fn readiness(&self) -> Result<(), &'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping");
        }
        if self.schema_current.load(Ordering::Relaxed) {
            return self.store.ping().await.map_err(|_| "the database does not answer");
        }
        match self.store.schema().await {
            Ok(Schema { pending: 0, .. }) => {
                self.schema_current.store(true, Ordering::Relaxed);
                Ok(())
            }
            Ok(_) => Err("the database schema is not current: run migrate"),
            Err(StoreError::NewerSchema(_)) => Err("the database schema is of a newer version: run that version"),
            Err(_) => Err("the database does not answer"),
        }
    }
}
