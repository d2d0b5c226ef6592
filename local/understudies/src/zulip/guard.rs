//! What stands before the application: nginx while it boots, then Django's checks of Host and
//! proxy.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::Application;
use crate::shared::server::asked;

/// nginx, before there is anything behind it.
pub(super) fn bad_gateway() -> Response {
    let page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad \
                Gateway</h1></center><hr><center>nginx</center></body></html>";
    (StatusCode::BAD_GATEWAY, Html(page)).into_response()
}

/// Why a request goes no further, if it does not.
pub(super) fn refused(
    app: &Application,
    headers: &HeaderMap,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Option<Response> {
    let forwarded = headers.contains_key("x-forwarded-for");
    let trusted = app
        .config
        .load_balancers
        .iter()
        .any(|one| one.parse() == Ok(peer.ip()));
    if forwarded && !trusted {
        app.log.line(format!(
            "Reverse proxy misconfiguration: {} is not in LOADBALANCER_IPS",
            peer.ip()
        ));
        return Some(
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                Html("<h1>Reverse proxy misconfiguration</h1>"),
            )
                .into_response(),
        );
    }
    let host = asked(headers).host;
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            name
        } else {
            &host
        }
    });
    let own = app
        .config
        .external_host
        .split(':')
        .next()
        .unwrap_or_default();
    if name == own || ["localhost", "127.0.0.1"].contains(&name) {
        return None;
    }
    app.log.line(format!(
        "Invalid HTTP_HOST header: '{host}'. You may need to add '{name}' to ALLOWED_HOSTS."
    ));
    Some((StatusCode::BAD_REQUEST, Html("<h1>Bad Request (400)</h1>")).into_response())
}
