//! The S3 API on a loopback port: started, stopped and started again over the same buckets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Stock;
use super::service::Api;

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(5);
/// The region that everybody is told.
const REGION: &str = "us-east-1";

/// How an application reaches its buckets. Printing it shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// URL without a slash at its end; buckets are in the path.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Access key.
    pub key: String,
    /// Secret key.
    pub secret: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// An object store: its buckets, and the server in front of them while it runs.
#[derive(Debug)]
pub struct Objects {
    /// The buckets.
    pub stock: Arc<Stock>,
    key: String,
    secret: String,
    running: Mutex<Option<Running>>,
    /// Where it listened last.
    last: Mutex<Option<SocketAddr>>,
}

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Objects {
    /// An object store over a root folder, for whoever has this key and secret.
    #[must_use]
    pub fn new(root: PathBuf, key: &str, secret: &str) -> Self {
        Self {
            stock: Arc::new(Stock::new(root)),
            key: key.to_owned(),
            secret: secret.to_owned(),
            running: Mutex::default(),
            last: Mutex::default(),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens on an ephemeral loopback port, unless it does already.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(&self) -> std::io::Result<()> {
        if self.running().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut builder = S3ServiceBuilder::new(Api::new(Arc::clone(&self.stock), REGION));
        builder.set_auth(SimpleAuth::from_single(
            self.key.clone(),
            self.secret.clone(),
        ));
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, builder.build(), stop.clone()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        *self.running() = Some(Running {
            address,
            stop,
            task,
        });
        Ok(())
    }

    /// Where it listens and with what; `None` while it is stopped.
    #[must_use]
    pub fn access(&self) -> Option<Access> {
        let address = self.address()?;
        Some(Access {
            endpoint: format!("http://{address}"),
            region: REGION.to_owned(),
            key: self.key.clone(),
            secret: self.secret.clone(),
        })
    }

    /// Where it listens; `None` while it is stopped.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.running().as_ref().map(|running| running.address)
    }

    /// Where it still answers although it was stopped: nowhere, if all is well.
    pub async fn answers_stopped(&self) -> Option<SocketAddr> {
        if self.running().is_some() {
            return None;
        }
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = tokio::net::TcpStream::connect(last?).await;
        answers.is_ok().then_some(last?)
    }

    /// Stops listening, lets requests under way finish, ends all streams and lets go of all files.
    ///
    /// # Errors
    /// What a stream met.
    pub async fn stop(&self) -> std::io::Result<()> {
        let running = self.running().take();
        if let Some(running) = running {
            running.stop.cancel();
            let _ended = running.task.await;
        }
        let stock = Arc::clone(&self.stock);
        tokio::task::spawn_blocking(move || stock.close())
            .await
            .map_err(std::io::Error::other)?
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Some(running) = self.running().take() {
            running.stop.cancel();
        }
        let _ended = self.stock.close();
    }
}

async fn accept(listener: TcpListener, service: S3Service, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or a connection that died in the queue: the next one may do.
                Err(_) => { tokio::task::yield_now().await; continue }
            },
        };
        let _nodelay = stream.set_nodelay(true);
        let (service, stop) = (service.clone(), stop.clone());
        connections.spawn(async move {
            let mut connection = pin!(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
            );
            tokio::select! {
                _ended = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ended = tokio::time::timeout(GRACE, connection).await;
                }
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
