//! A service's own outgoing calls: its names, its trust, no proxy, no redirects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::platform::{Platform, Resolver};

/// Time that an application gives the provider.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client for back-channel calls.
///
/// # Errors
/// When a trusted certificate does not parse.
pub fn http_client(platform: &Platform) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto();
    let mut roots = Vec::new();
    for pem in &platform.trust_pem {
        roots.push(reqwest::Certificate::from_pem(pem.as_bytes())?);
    }
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .tls_certs_only(roots)
        .dns_resolver(Arc::new(Names(platform.resolver.clone())))
        .build()
}

/// Chooses the one TLS implementation; safe to repeat.
pub fn install_crypto() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}

struct Names(Resolver);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let found: Option<SocketAddr> = self.0.get(name.as_str());
        let asks = self.0.asks_the_system();
        let name = name.as_str().to_owned();
        Box::pin(async move {
            match found {
                Some(address) => Ok(Box::new(std::iter::once(address)) as Addrs),
                None if asks => {
                    let addresses = tokio::net::lookup_host((name, 0)).await?;
                    Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
                }
                None => Err(format!("could not resolve host: {name}").into()),
            }
        })
    }
}
