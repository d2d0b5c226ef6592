//! The ingress: terminates TLS on one loopback port and routes by Host, as the load balancer of
//! production does. A name without a live service behind it gets 503, an unknown name 404.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::authority::Authority;

type Body = BoxBody<Bytes, hyper::Error>;
type Routes = Arc<RwLock<BTreeMap<String, Option<SocketAddr>>>>;

/// A running ingress. Dropping it stops it.
pub(crate) struct Router {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    routes: Routes,
    certificates: Arc<Certificates>,
    stop: CancellationToken,
}

/// What each name shows.
#[derive(Debug)]
struct Certificates {
    own: Arc<CertifiedKey>,
    others: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let others = self.others.read().ok()?;
        let other = hello.server_name().and_then(|name| others.get(name));
        Some(Arc::clone(other.unwrap_or(&self.own)))
    }
}

fn certified(authority: &Authority) -> std::io::Result<Arc<CertifiedKey>> {
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(
        authority.chain.clone(),
        authority.key.clone_key(),
        &provider,
    )
    .map(Arc::new)
    .map_err(std::io::Error::other)
}

impl Router {
    /// Listens on an ephemeral loopback port.
    ///
    /// # Errors
    /// When no port can be had or the certificate is refused.
    pub(crate) async fn start(authority: &Authority) -> std::io::Result<Self> {
        let certificates = Arc::new(Certificates {
            own: certified(authority)?,
            others: RwLock::default(),
        });
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let routes = Routes::default();
        let stop = CancellationToken::new();
        let client: Client<HttpConnector, Incoming> =
            Client::builder(TokioExecutor::new()).build_http();
        tokio::spawn(accept(
            listener,
            acceptor,
            Arc::clone(&routes),
            client,
            stop.clone(),
        ));
        Ok(Self {
            address,
            routes,
            certificates,
            stop,
        })
    }

    /// From now on a name shows this certificate instead of the stack's own.
    ///
    /// # Errors
    /// When its key is refused.
    pub(crate) fn certify(&self, host: &str, authority: &Authority) -> std::io::Result<()> {
        let certificate = certified(authority)?;
        if let Ok(mut others) = self.certificates.others.write() {
            others.insert(host.to_owned(), certificate);
        }
        Ok(())
    }

    /// Declares a name; `backend` is the service behind it, if one lives.
    pub(crate) fn route(&self, host: &str, backend: Option<SocketAddr>) {
        if let Ok(mut routes) = self.routes.write() {
            routes.insert(host.to_owned(), backend);
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    routes: Routes,
    client: Client<HttpConnector, Incoming>,
    stop: CancellationToken,
) {
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of descriptors, or a connection that died in the queue: the next one may do.
                Err(_) => { tokio::task::yield_now().await; continue }
            },
        };
        let (acceptor, routes, client, stop) = (
            acceptor.clone(),
            Arc::clone(&routes),
            client.clone(),
            stop.clone(),
        );
        tokio::spawn(async move {
            let _nodelay = stream.set_nodelay(true);
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| {
                forward(request, peer, Arc::clone(&routes), client.clone())
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = stop.cancelled() => {}
                _ended = connection => {}
            }
        });
    }
}

async fn forward(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    routes: Routes,
    client: Client<HttpConnector, Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let name = host.split(':').next().unwrap_or_default();
    let route = routes
        .read()
        .ok()
        .and_then(|routes| routes.get(name).copied());
    let backend = match route {
        None => return Ok(page(StatusCode::NOT_FOUND, "404 page not found")),
        Some(None) => return Ok(page(StatusCode::SERVICE_UNAVAILABLE, "no available server")),
        Some(Some(backend)) => backend,
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let Ok(uri) = format!("http://{backend}{path}").parse() else {
        return Ok(page(StatusCode::BAD_REQUEST, "bad request"));
    };
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    // What a client claims of itself is replaced, never appended to.
    set("x-forwarded-proto", "https");
    set("x-forwarded-host", &host);
    set("x-forwarded-port", "443");
    set("x-forwarded-for", &peer.ip().to_string());
    Ok(match client.request(request).await {
        Ok(response) => response.map(BodyExt::boxed),
        Err(_) => page(StatusCode::BAD_GATEWAY, "bad gateway"),
    })
}

fn page(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {});
    let mut response = Response::new(BodyExt::boxed(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
