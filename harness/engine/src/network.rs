//! How the harness reaches a stack: names it resolves itself, the authority it trusts, and never a
//! proxy of the host. A probe that went through the host's proxy would report on the proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Names of a stack and the authority that signs its certificates.
#[derive(Clone, Debug, Default)]
pub struct Network {
    names: Arc<RwLock<BTreeMap<String, SocketAddr>>>,
    authority_pem: Arc<RwLock<Option<String>>>,
}

impl Network {
    /// A network whose services present certificates of this authority (PEM), or any of the
    /// system's when `None`.
    #[must_use]
    pub fn new(authority_pem: Option<String>) -> Self {
        Self {
            names: Arc::default(),
            authority_pem: Arc::new(RwLock::new(authority_pem)),
        }
    }

    /// Makes a name resolve to an address, port included.
    pub fn set(&self, name: &str, address: SocketAddr) {
        if let Ok(mut names) = self.names.write() {
            names.insert(name.to_owned(), address);
        }
    }

    /// The address that a name resolves to.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.names
            .read()
            .ok()
            .and_then(|names| names.get(name).copied())
    }

    /// From now on this authority (PEM) is trusted, and no other: a stack that was rebuilt may have
    /// a new one. Clients that were made before go on as they were.
    pub fn trust(&self, authority_pem: &str) {
        if let Ok(mut trusted) = self.authority_pem.write() {
            *trusted = Some(authority_pem.to_owned());
        }
    }

    /// PEM of the authority that is trusted, when it is not the system's set.
    #[must_use]
    pub fn authority_pem(&self) -> Option<String> {
        self.authority_pem
            .read()
            .ok()
            .and_then(|trusted| trusted.clone())
    }

    /// A client for probes and application calls: no proxy, no redirects followed, no cookies of
    /// its own, each request bounded by `timeout`.
    ///
    /// # Errors
    /// When the authority's PEM does not parse.
    pub fn client(&self, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(Duration::from_secs(3).min(timeout))
            .user_agent(concat!("phoenix/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Names(Arc::clone(&self.names))));
        if let Some(pem) = self.authority_pem() {
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes())?]);
        }
        builder.build()
    }
}

struct Names(Arc<RwLock<BTreeMap<String, SocketAddr>>>);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self
            .0
            .read()
            .ok()
            .and_then(|names| names.get(name.as_str()).copied());
        let name = name.as_str().to_owned();
        Box::pin(async move {
            match found {
                Some(address) => Ok(Box::new(std::iter::once(address)) as Addrs),
                // Names that the stack did not declare are refused rather than asked of the
                // host's resolver: a drill must not talk to a real service by accident.
                None => Err(format!("`{name}` is not a name of this stack").into()),
            }
        })
    }
}
