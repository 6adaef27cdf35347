//! Whether the process is up, and whether it can do its work.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use tokio::time::timeout;

use crate::app::AppState;
use crate::store::{Schema, StoreError};

/// How long the database may take to say how it is.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The process is up; nothing else is asked.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// The database has a current schema and can be written to, and the process is not stopping.
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
            return self.writable().await;
        }
        match timeout(PATIENCE, self.store.schema()).await {
            Ok(Ok(Schema { pending: 0, .. })) => {
                self.schema_current.store(true, Ordering::Relaxed);
                self.writable().await
            }
            Ok(Ok(_)) => Err("the database schema is not current: run migrate"),
            Ok(Err(StoreError::NewerSchema(_))) => Err("the database schema is of a newer version: run that version"),
            Ok(Err(_)) | Err(_) => Err("the database does not answer"),
        }
    }

    async fn writable(&self) -> Result<(), &'static str> {
        match timeout(PATIENCE, self.store.try_writing()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the database can not be written to"),
            Ok(Err(_)) | Err(_) => Err("the database does not answer"),
        }
    }
}
