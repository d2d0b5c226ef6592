//! The routes.

mod channels;
mod files;
mod posts;
mod system;
mod users;

pub(super) use users::cookies;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use super::failure::Failure;
use super::{Application, gitlab};

/// Beyond this a request is not read at all; the file size of the settings is checked by itself.
const BODY_MAX: usize = 256 * 1024 * 1024;

pub(super) fn router(app: Arc<Application>) -> Router {
    Router::new()
        .route("/api/v4/system/ping", get(system::ping))
        .route("/api/v4/config/client", get(system::client_config))
        .route("/api/v4/users", post(users::create).get(users::list))
        .route("/api/v4/users/login", post(users::log_in))
        .route("/api/v4/users/me", get(users::me))
        .route("/api/v4/users/email/{email}", get(users::by_email))
        .route("/api/v4/users/{id}", get(users::by_id))
        .route("/api/v4/users/{id}/tokens", post(users::make_token))
        .route("/api/v4/teams", post(channels::create_team))
        .route("/api/v4/teams/name/{name}", get(channels::team_by_name))
        .route("/api/v4/teams/{id}/posts/search", post(posts::search))
        .route(
            "/api/v4/teams/{id}/channels/name/{name}",
            get(channels::by_name),
        )
        .route("/api/v4/channels", post(channels::create))
        .route("/api/v4/channels/{id}/posts", get(posts::of_channel))
        .route("/api/v4/posts", post(posts::create))
        .route("/api/v4/posts/{id}", get(posts::show).delete(posts::remove))
        .route("/api/v4/posts/{id}/patch", put(posts::patch))
        .route("/api/v4/files", post(files::upload))
        .route("/api/v4/files/{id}", get(files::bytes))
        .route("/api/v4/files/{id}/info", get(files::info))
        .route("/api/v4/files/{id}/link", get(files::link))
        .route("/files/{id}/public", get(files::public))
        .route("/oauth/gitlab/login", get(gitlab::log_in))
        .route("/oauth/gitlab/signup", get(gitlab::log_in))
        .route("/signup/gitlab/complete", get(gitlab::complete))
        .route("/login/gitlab/complete", get(gitlab::complete))
        .route("/oauth/gitlab/complete", get(gitlab::complete))
        .route("/", get(system::page))
        .route("/login", get(system::page))
        .fallback(|| async {
            Failure::not_found(
                "api.context.404.app_error",
                "Sorry, we could not find the page.",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(app)
}
