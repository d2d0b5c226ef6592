//! TLS in front of servers that speak without it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A listener with a certificate of its own for a name.
pub(crate) struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    /// The certificate, which is its own authority.
    pub(crate) pem: String,
    pub(crate) address: SocketAddr,
}

impl Tls {
    pub(crate) async fn listen(name: &str) -> Self {
        phoenix_understudies::shared::client::install_crypto();
        let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: tcp.local_addr().unwrap(),
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: certified.cert.pem(),
        }
    }

    async fn next(&self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            let (tcp, from) = self.tcp.accept().await.unwrap();
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, from);
            }
        }
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A tunnel to a server that can be exchanged: where it listens, and the certificate.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) pem: String,
    backend: Arc<std::sync::Mutex<SocketAddr>>,
}

impl Front {
    pub(crate) async fn start(name: &str, backend: SocketAddr) -> Self {
        let tls = Tls::listen(name).await;
        let front = Self {
            address: tls.address,
            pem: tls.pem.clone(),
            backend: Arc::new(std::sync::Mutex::new(backend)),
        };
        let backend = Arc::clone(&front.backend);
        tokio::spawn(async move {
            loop {
                let (mut outside, _) = tls.next().await;
                let to = *backend.lock().unwrap();
                tokio::spawn(async move {
                    if let Ok(mut inside) = TcpStream::connect(to).await {
                        let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        front
    }

    /// Another server behind it.
    pub(crate) fn lead_to(&self, backend: SocketAddr) {
        *self.backend.lock().unwrap() = backend;
    }
}
