//! `GET /health`: a round trip to each of the four stores, in upstream's order and words.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Json, response::IntoResponse as _};
use serde_json::json;

use super::{Application, schema};
use crate::platform::Cache;
use crate::shared::text::token;

pub(super) async fn health(State(app): State<Arc<Application>>) -> Response {
    match stores(&app).await {
        Ok(()) => Json(json!({"result": "success", "msg": ""})).into_response(),
        Err(words) => {
            let body = json!({"result": "error", "code": "SERVER_NOT_READY", "msg": words});
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
        }
    }
}

async fn stores(app: &Application) -> Result<(), &'static str> {
    match schema::migrations(app.database.as_ref()).await {
        Err(_) => return Err("Cannot query postgresql"),
        Ok(0) => return Err("Database is empty"),
        Ok(_) => {}
    }
    let backing = &app.platform.backing;
    let rabbitmq = backing
        .rabbitmq
        .as_ref()
        .ok_or("Cannot connect to rabbitmq")?;
    rabbitmq.ping().await.map_err(|_| "Cannot query rabbitmq")?;
    let redis = backing.redis.as_ref().ok_or("Cannot query redis")?;
    redis
        .get("health_check")
        .await
        .map_err(|_| "Cannot query redis")?;
    let memcached = backing.memcached.as_ref().ok_or("Cannot query memcached")?;
    match round_trip(memcached.as_ref()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("Cannot write to memcached"),
        Err(_) => Err("Cannot query memcached"),
    }
}

/// Writes and reads back: whether what was written is what is read.
async fn round_trip(cache: &dyn Cache) -> Result<bool, String> {
    let key = format!("health_check_{}", token(24));
    let value = token(24).into_bytes();
    cache.set(&key, value.clone(), None).await?;
    let read = cache.get(&key).await?;
    cache.delete(&key).await?;
    Ok(read == Some(value))
}
