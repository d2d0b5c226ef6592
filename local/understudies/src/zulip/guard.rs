//! What stands before the application: nginx with its rules and its page while the application
//! boots, then Django's checks of Host and proxy.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::Application;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// nginx, before there is anything behind it.
pub(super) fn bad_gateway() -> Response {
    nginx(StatusCode::BAD_GATEWAY, "502 Bad Gateway")
}

fn nginx(status: StatusCode, title: &str) -> Response {
    let page = format!(
        "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center><hr>\
         <center>nginx</center></body></html>"
    );
    (status, Html(page)).into_response()
}

/// nginx lets this machine and the load balancers ask for health, and nobody else.
pub(super) fn forbidden(
    app: &Application,
    request: &Request,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Option<Response> {
    if request.uri().path() != "/health" {
        return None;
    }
    let address = address(app, request.headers(), peer.ip());
    let own = [
        IpAddr::from([127, 0, 0, 1]),
        std::net::Ipv6Addr::LOCALHOST.into(),
    ];
    if own.contains(&address) || trusted(app, address) {
        return None;
    }
    Some(nginx(StatusCode::FORBIDDEN, "403 Forbidden"))
}

/// The address of the client: what a load balancer says, when it is one that is trusted.
fn address(app: &Application, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    if !trusted(app, peer) {
        return peer;
    }
    headers
        .get(FORWARDED_FOR)
        .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
        .unwrap_or(peer)
}

fn trusted(app: &Application, address: IpAddr) -> bool {
    let balancers = &app.config.load_balancers;
    balancers.iter().any(|one| holds(one, address))
}

/// Whether an address is the one that is written, or in the range that is written as `ADDRESS/BITS`.
fn holds(written: &str, address: IpAddr) -> bool {
    let (base, bits) = match written.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (written, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse(), bits) else {
        return false;
    };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let outside = 32_u32.saturating_sub(bits);
            (u64::from(base.to_bits()) >> outside) == (u64::from(address.to_bits()) >> outside)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let differs = base.to_bits() ^ address.to_bits();
            differs.leading_zeros() >= bits.min(128)
        }
        _ => false,
    }
}

/// Why a request goes no further, if it does not.
pub(super) fn refused(
    app: &Application,
    headers: &HeaderMap,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Option<Response> {
    if headers.contains_key(FORWARDED_FOR) && !trusted(app, peer.ip()) {
        app.log.line(format!(
            "Reverse proxy misconfiguration: {} is not in LOADBALANCER_IPS",
            peer.ip()
        ));
        let page = Html("<h1>Reverse proxy misconfiguration</h1>");
        return Some((StatusCode::INTERNAL_SERVER_ERROR, page).into_response());
    }
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = without_port(host);
    let own = without_port(&app.config.external_host);
    if [own, "localhost", "127.0.0.1"]
        .iter()
        .any(|allowed| name.eq_ignore_ascii_case(allowed))
    {
        return None;
    }
    app.log.line(format!(
        "Invalid HTTP_HOST header: '{host}'. You may need to add '{name}' to ALLOWED_HOSTS."
    ));
    Some((StatusCode::BAD_REQUEST, Html("<h1>Bad Request (400)</h1>")).into_response())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_load_balancer_is_an_address_or_a_range() {
        let is_in = |written: &str, address: &str| holds(written, address.parse().expect("one"));
        assert!(is_in("172.18.0.2", "172.18.0.2"));
        assert!(!is_in("172.18.0.2", "172.18.0.3"));
        assert!(is_in("172.16.0.0/12", "172.31.255.255"));
        assert!(!is_in("172.16.0.0/12", "172.32.0.0"));
        assert!(is_in("0.0.0.0/0", "8.8.8.8"));
        assert!(is_in("fd00::/8", "fd12::1"));
        assert!(!is_in("fd00::/8", "fe80::1"));
        for nothing in ["", "10.0.0.0/", "10.0.0.0/x", "fd00::/8"] {
            assert!(!is_in(nothing, "10.0.0.1"), "{nothing}");
        }
    }
}
