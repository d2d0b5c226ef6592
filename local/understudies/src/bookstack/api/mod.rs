//! The REST API below `/api`, by token.

mod answer;
mod attachments;
mod books;
mod caller;
mod entities;
mod images;
mod input;
mod listing;
mod pages;
mod recycle_bin;
mod search;
mod system;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::Application;
use answer::ApiError;

/// Largest request, in bytes: the image's `upload_max_filesize` is 50 MB unless changed.
const REQUEST_BYTES_MAX: usize = 50 << 20;

/// Every route of the API, behind the rate limit and the token.
pub(super) fn router(app: &Arc<Application>) -> Router<Arc<Application>> {
    Router::new()
        .route("/docs.json", get(system::docs))
        .route("/system", get(system::show))
        .route("/search", get(search::find))
        .route("/books", get(books::list).post(books::create))
        .route(
            "/books/{id}",
            get(books::read).put(books::update).delete(books::delete),
        )
        .route("/pages", get(pages::list).post(pages::create))
        .route(
            "/pages/{id}",
            get(pages::read).put(pages::update).delete(pages::delete),
        )
        .route("/pages/{id}/export/plaintext", get(pages::export_plaintext))
        .route(
            "/attachments",
            get(attachments::list).post(attachments::create),
        )
        .route(
            "/attachments/{id}",
            get(attachments::read)
                .put(attachments::update)
                .delete(attachments::delete),
        )
        .route("/image-gallery", get(images::list).post(images::create))
        .route(
            "/image-gallery/{id}",
            get(images::read).delete(images::delete),
        )
        .route("/image-gallery/{id}/data", get(images::data))
        .route("/users", get(users::list).post(users::create))
        .route(
            "/users/{id}",
            get(users::read).put(users::update).delete(users::delete),
        )
        .route("/recycle-bin", get(recycle_bin::list))
        .route(
            "/recycle-bin/{id}",
            axum::routing::put(recycle_bin::restore),
        )
        .route(
            "/recycle-bin/{id}",
            axum::routing::delete(recycle_bin::destroy),
        )
        .fallback(|| async { ApiError::missing("Route") })
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(app), caller::layer))
}
