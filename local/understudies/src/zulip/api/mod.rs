//! The routes.

mod channels;
mod events;
mod messages;
mod parameters;
mod server;
mod uploads;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::answers::Refusal;
use super::{Application, health, login};

/// Largest upload, in bytes: upstream's default.
const UPLOAD_MAX: usize = 100 * 1024 * 1024;

pub(super) fn router(app: Arc<Application>) -> Router {
    let api = Router::new()
        .route("/server_settings", get(server::settings))
        .route("/fetch_api_key", post(users::fetch_api_key))
        .route("/users/me", get(users::me))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{who}", get(users::show))
        .route(
            "/users/me/subscriptions",
            get(channels::subscriptions)
                .post(channels::subscribe)
                .delete(channels::unsubscribe),
        )
        .route("/users/me/{id}/topics", get(channels::topics))
        .route("/streams", get(channels::list))
        .route("/streams/{id}/members", get(channels::members))
        .route("/get_stream_id", get(channels::id))
        .route("/register", post(events::register))
        .route("/events", get(events::events).delete(events::deregister))
        .route("/messages/render", post(messages::render))
        .route("/messages/{id}/history", get(messages::history))
        .route("/attachments", get(uploads::list))
        .route("/messages", post(messages::send).get(messages::list))
        .route(
            "/messages/{id}",
            get(messages::show)
                .patch(messages::edit)
                .delete(messages::remove),
        )
        .route("/user_uploads", post(uploads::upload))
        .route("/user_uploads/{*path}", get(uploads::address));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(health::health))
        .route("/json/users/me", get(users::session_me))
        .route(
            "/user_uploads/temporary/{token}/{name}",
            get(uploads::temporary),
        )
        .route("/accounts/login/social/oidc/{name}", get(login::begin))
        .route("/accounts/login/subdomain/{token}", get(login::enter))
        .route("/login/oidc/", get(login::leave))
        .route("/complete/oidc/", get(login::complete))
        .route("/config-error/oidc", get(login::config_error_page))
        .route("/login/", get(login::page))
        .route("/", get(login::home))
        .fallback(|| async { Refusal::not_found("Not found") })
        .layer(DefaultBodyLimit::max(UPLOAD_MAX))
        .with_state(app)
}
