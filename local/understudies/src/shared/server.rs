//! Serving on the address that the platform gives.

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::platform::{BootError, Log, Platform, Running};

/// Serves a router until it is stopped.
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(platform: &Platform, router: Router, log: Log) -> Result<Running, BootError> {
    let listener = TcpListener::bind(platform.listen).await.map_err(|why| {
        BootError::Configuration(format!("cannot listen on {}: {why}", platform.listen))
    })?;
    let address = listener
        .local_addr()
        .map_err(|why| BootError::Configuration(format!("cannot listen: {why}")))?;
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let (stop, log) = (stop.clone(), log.clone());
        async move {
            let serving = axum::serve(
                listener,
                router
                    .layer(axum::middleware::map_request(whole))
                    .into_make_service_with_connect_info::<std::net::SocketAddr>(),
            )
            .with_graceful_shutdown({
                let stop = stop.clone();
                async move { stop.cancelled().await }
            });
            // Connections kept alive by a proxy would hold a graceful end for ever.
            tokio::select! {
                ended = serving => if let Err(why) = ended { log.line(format!("server: {why}")) },
                () = async {
                    stop.cancelled().await;
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                } => {}
            }
        }
    });
    Ok(Running::new(address, log, stop, task))
}

/// Bytes of a request that are taken in before anything is answered.
const TAKEN_IN: u64 = 256 * 1024;

/// A request whose short body is all there. An answer before the end of a body would close the
/// connection, and a proxy that was about to use it again would answer with an error of its own. The
/// upstream servers take in the rest of such a body as well.
async fn whole(request: Request) -> Result<Request, StatusCode> {
    let is_short = request
        .body()
        .size_hint()
        .upper()
        .is_some_and(|upper| upper <= TAKEN_IN);
    if !is_short {
        return Ok(request);
    }
    let (head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_gone| StatusCode::BAD_REQUEST)?;
    Ok(Request::from_parts(head, bytes.into()))
}

/// Host and scheme as the client asked for them, by what a proxy in front has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Host, port included where there was one.
    pub host: String,
    /// `http` or `https`.
    pub scheme: String,
}

/// What the client asked for.
#[must_use]
pub fn asked(headers: &HeaderMap) -> Asked {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("x-forwarded-host")
        .or_else(|| text(header::HOST.as_str()))
        .unwrap_or_default();
    Asked {
        host: host.to_owned(),
        scheme: text("x-forwarded-proto").unwrap_or("http").to_owned(),
    }
}

/// The value of a cookie that the client sent.
#[must_use]
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|line| {
            line.split(';').find_map(|pair| {
                let (found, value) = pair.trim().split_once('=')?;
                (found == name).then(|| value.to_owned())
            })
        })
}

/// A `Set-Cookie` value: HttpOnly, Lax, for the whole site, `Secure` over https.
#[must_use]
pub fn set_cookie(name: &str, value: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}
