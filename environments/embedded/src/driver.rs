//! The driver: vessels, recovery points and direct access. Everything that it destroys lies in the
//! one folder that it made itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::application::AppContext;
use phoenix_engine::environment::{
    DirectCopy, DriverError, Environment, FileSeen, Fingerprint, Injected, Loaded, Point,
    ProcessLog, Started, StreamCut, Vessel,
};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::network::Network;
use phoenix_engine::plan::{Fault, Unit};
use phoenix_engine::stack::{Automation, Policy, Stack, Store, StoreKind};
use phoenix_evidence::finding::Level;
use phoenix_kit::{Access, Hidden, Keyring, Secrets, Vault};
use phoenix_understudies::platform::{Log, Platform, Resolver, Running, SqliteDatabase};

use crate::authority::Authority;
use crate::buckets;
use crate::faults::Armed;
use crate::objects::{self, Objects};
use crate::router::Router;
use crate::store::{directory, memory, sqlite};

/// The slowest service of an embedded stack is up within a tenth of this on a quiet machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(4);

/// Whether somebody answers there. A call to a free port can meet itself, which is nobody.
async fn answers(address: SocketAddr) -> bool {
    match tokio::net::TcpStream::connect(address).await {
        Ok(stream) => stream.local_addr().ok() != stream.peer_addr().ok(),
        Err(_) => false,
    }
}

/// An embedded stack of one cycle.
pub struct Embedded {
    pub(crate) run: String,
    pub(crate) stack: Stack,
    /// What a destroy removes: stores, secrets, containers.
    pub(crate) folder: PathBuf,
    pub(crate) vault: Vault,
    pub(crate) authority_pem: String,
    pub(crate) router: Router,
    pub(crate) objects: Objects,
    pub(crate) network: Network,
    pub(crate) resolver: Resolver,
    pub(crate) access: Access,
    pub(crate) servers: memory::Servers,
    pub(crate) live: tokio::sync::Mutex<Live>,
    pub(crate) armed: Mutex<Armed>,
}

/// What runs.
pub(crate) struct Live {
    pub(crate) running: BTreeMap<String, Running>,
    /// Where each service listened last.
    pub(crate) addresses: BTreeMap<String, SocketAddr>,
    pub(crate) databases: BTreeMap<String, std::sync::Arc<SqliteDatabase>>,
    /// What each service was started with: where its own commands run.
    pub(crate) platforms: BTreeMap<String, Platform>,
    pub(crate) logs: BTreeMap<String, Log>,
    pub(crate) secrets: Keyring,
    pub(crate) clocks: BTreeMap<String, i64>,
}

impl Live {
    fn new(secrets: Keyring) -> Self {
        Self {
            running: BTreeMap::new(),
            addresses: BTreeMap::new(),
            databases: BTreeMap::new(),
            platforms: BTreeMap::new(),
            logs: BTreeMap::new(),
            secrets,
            clocks: BTreeMap::new(),
        }
    }
}

impl Embedded {
    /// A stack that is not built yet, in a folder of its own that must not exist.
    ///
    /// # Errors
    /// When the folder, the port or the authority cannot be had.
    pub async fn new(
        run: &str,
        nonce: &str,
        stack: Stack,
        cycle_folder: &Path,
    ) -> Result<Self, DriverError> {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let doing = "make room for an embedded stack";
        buckets::can_keep(&stack)?;
        let fail = |why: &dyn std::fmt::Display| DriverError::new(doing, why);
        // Volumes are mounted by links, and a link's target is not read from this process's place.
        let folder = std::path::absolute(cycle_folder.join("stack")).map_err(|why| fail(&why))?;
        fs::create_dir(&folder).map_err(|why| fail(&format!("{}: {why}", folder.display())))?;
        let mut names = Vec::new();
        for service in &stack.services {
            let url = url::Url::parse(&service.url)
                .map_err(|why| fail(&format!("{}: {why}", service.url)))?;
            names.extend(url.host_str().map(str::to_owned));
        }
        let authority = Authority::new(run, &names).map_err(|why| fail(&why))?;
        let router = Router::start(&authority).await.map_err(|why| fail(&why))?;
        let network = Network::new(Some(authority.pem.clone()));
        let resolver = Resolver::default();
        for name in &names {
            network.set(name, router.address);
            resolver.set(name, router.address);
            router.route(name, None);
        }
        let access = Access::new(network.clone(), nonce);
        let objects = Objects::new(
            folder.join("objects"),
            &Secrets::random(20),
            &Secrets::random(40),
        );
        let vault = Vault::new(cycle_folder.join("vault"));
        let secrets = Keyring::new(
            folder.join("secrets.json"),
            vault.content("secrets", "preserved"),
        );
        Ok(Self {
            run: run.to_owned(),
            stack,
            folder,
            vault,
            authority_pem: authority.pem.clone(),
            router,
            objects,
            network,
            resolver,
            access,
            servers: memory::Servers::default(),
            live: tokio::sync::Mutex::new(Live::new(secrets)),
            armed: Mutex::default(),
        })
    }

    pub(crate) fn armed(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self, name: &str) -> Result<&Store, DriverError> {
        self.stack
            .store(name)
            .ok_or_else(|| DriverError::new(format!("find the store {name}"), "it is not declared"))
    }
}

#[async_trait]
impl Environment for Embedded {
    fn level(&self) -> Level {
        Level::Embedded
    }

    fn settles_within(&self) -> Duration {
        SETTLES_WITHIN
    }

    fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("sqlite".to_owned(), rusqlite::version().to_owned())])
    }

    async fn build(&self) -> Result<(), DriverError> {
        self.start_objects().await?;
        for store in &self.stack.stores {
            self.create_vessel(store)
                .map_err(|why| DriverError::new(format!("create {}", store.name), why))?;
        }
        self.live.lock().await.secrets.make(&self.stack)?;
        self.make_roles(&self.stack.store_names()).await?;
        self.first_start().await
    }

    async fn inventory(&self) -> Result<Vec<Vessel>, DriverError> {
        self.vessels()
    }

    async fn stop(&self, services: &[String]) -> Result<(), DriverError> {
        self.stop_services(services).await;
        self.lose_what_was_not_mounted(services)
            .map_err(|why| DriverError::new("stop services", why))
    }

    async fn start(&self, services: &[String]) -> Result<BTreeMap<String, Started>, DriverError> {
        let mut started = BTreeMap::new();
        for service in services {
            let how = self.start_service(service).await?;
            if self.armed().builds_anew(service) && matches!(how, Started::Listening) {
                self.provision(service).await?;
                self.armed().built_anew(service);
            }
            started.insert(service.clone(), how);
        }
        self.after_start().await?;
        Ok(started)
    }

    async fn destroy(&self, stores: &[String]) -> Result<(), DriverError> {
        let whole = stores.len() + self.retained() >= self.stack.stores.len();
        // A stream that nobody cut ends here: what it carried is a recovery point all the same.
        for name in stores {
            self.cut(name).await?;
        }
        if whole {
            self.stop_objects().await?;
        }
        for name in stores {
            let store = self.store(name)?;
            if self.armed().keeps(name) {
                continue;
            }
            self.remove_vessel(store)
                .map_err(|why| DriverError::new(format!("destroy {name}"), why))?;
            if matches!(
                store.policy,
                Policy::Snapshot {
                    outlives: false,
                    ..
                }
            ) {
                self.vault
                    .forget(name)
                    .map_err(|why| DriverError::new(format!("destroy backups of {name}"), why))?;
            }
        }
        // Secrets and containers live in the stack: they go with a whole destroy only.
        if whole {
            let mut live = self.live.lock().await;
            live.secrets.burn();
            let _gone = fs::remove_dir_all(self.folder.join("containers"));
        }
        Ok(())
    }

    async fn still_answering(&self, services: &[String]) -> Vec<String> {
        let last = self.live.lock().await.addresses.clone();
        let mut answering = Vec::new();
        for service in services {
            let Some(address) = last.get(service) else {
                continue;
            };
            if answers(*address).await {
                answering.push(format!("{service} at {address}"));
            }
        }
        if let Some(address) = self.objects.answers_stopped().await {
            answering.push(format!("the object store at {address}"));
        }
        answering
    }

    async fn rebuild(&self, stores: &[String]) -> Result<(), DriverError> {
        self.start_objects().await?;
        for name in stores {
            let store = self.store(name)?;
            self.create_vessel(store)
                .map_err(|why| DriverError::new(format!("rebuild {name}"), why))?;
        }
        self.live.lock().await.secrets.make(&self.stack)?;
        let built: Vec<&str> = stores.iter().map(String::as_str).collect();
        self.make_roles(&built).await
    }

    async fn backup(&self, store: &str, _label: Option<&str>) -> Result<Point, DriverError> {
        let declared = self.store(store)?;
        let doing = || format!("back up {store}");
        let io = |why: std::io::Error| DriverError::new(doing(), why);
        let (id, partial) = self.vault.begin(store).map_err(io)?;
        let path = self.path(declared);
        let content = partial.join("content");
        let fingerprint = match declared.kind {
            StoreKind::Database => {
                let (from, to) = (path.clone(), content.join("database"));
                let copied = tokio::task::spawn_blocking(move || sqlite::copy_out(&from, &to))
                    .await
                    .map_err(|why| DriverError::new(doing(), why))?
                    .map_err(|why| DriverError::new(doing(), why))?;
                Some(copied)
            }
            StoreKind::Bucket => self.back_up_bucket(declared, &content).map_err(io)?,
            StoreKind::Files => {
                // A folder has no snapshot of its own: what is fingerprinted is the copy.
                directory::copy_tree_but(&path, &content, &self.carried(declared)).map_err(io)?;
                Some(directory::fingerprint(&content).map_err(io)?)
            }
            StoreKind::Memory => None,
        };
        let manifest = self.vault.finish(store, &id, &partial).map_err(io)?;
        Ok(Point {
            id,
            bytes: manifest.bytes,
            digest: manifest.digest,
            fingerprint,
        })
    }

    async fn cut(&self, store: &str) -> Result<Option<StreamCut>, DriverError> {
        self.cut_stream(self.store(store)?).await
    }

    async fn points(&self, store: &str) -> Result<Vec<String>, DriverError> {
        self.points_of(store)
    }

    async fn restore(&self, store: &str, point: &str) -> Result<u64, DriverError> {
        let declared = self.store(store)?;
        let doing = || format!("restore {store} from {point}");
        let anew = self.stack.services.iter().any(|service| {
            self.armed().builds_anew(&service.name)
                && self
                    .stack
                    .stores_of(service)
                    .iter()
                    .any(|own| own.name == store)
        });
        if anew || self.armed().kept(store) {
            return Ok(0);
        }
        let (from_store, from_point) = match self.armed().source_of(store) {
            Some(other) => {
                let points = self.points_of(&other)?;
                let newest = points.last().cloned().unwrap_or_default();
                (other, newest)
            }
            None => (store.to_owned(), point.to_owned()),
        };
        self.vault
            .verify(&from_store, &from_point)
            .map_err(|why| DriverError::new(doing(), why))?;
        let content = self.vault.content(&from_store, &from_point);
        let bytes = self
            .under_its_role(declared, || self.copy_in(declared, &content))
            .map_err(|why| DriverError::new(doing(), why))?;
        self.after_restore(declared)
            .map_err(|why| DriverError::new(doing(), why))?;
        Ok(bytes)
    }

    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        self.take_foreign(point)
    }

    async fn newest(
        &self,
        store: &str,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        self.newest_straight(store, table, column, unit)
    }

    async fn rows(&self, store: &str, table: &str) -> Result<u64, DriverError> {
        self.rows_straight(store, table)
    }

    async fn file(&self, store: &str, path: &str) -> Result<Option<FileSeen>, DriverError> {
        self.file_straight(store, path)
    }

    async fn fingerprint(&self, store: &str) -> Result<Option<Fingerprint>, DriverError> {
        self.fingerprint_now(self.store(store)?)
    }

    fn compare(&self, store: &str, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        match self.stack.store(store).map(|store| store.kind) {
            Some(StoreKind::Database) => sqlite::compare(before, after),
            Some(StoreKind::Bucket) => objects::compare(before, after),
            _ => directory::compare(before, after),
        }
    }

    async fn write_direct(&self, store: &str, copy: &DirectCopy) -> Result<bool, DriverError> {
        self.write_straight(store, copy)
    }

    async fn list_direct(&self, store: &str) -> Result<Vec<DirectCopy>, DriverError> {
        self.list_straight(store)
    }

    async fn find_text(&self, store: &str, text: &str) -> Result<bool, DriverError> {
        self.find_straight(store, text)
    }

    async fn holds(&self, store: &str) -> Result<u64, DriverError> {
        self.count_straight(store)
    }

    async fn sql(&self, store: &str, query: &str) -> Result<Vec<String>, DriverError> {
        self.query_straight(store, query)
    }

    async fn secrets(&self) -> BTreeMap<String, Option<String>> {
        self.live
            .lock()
            .await
            .secrets
            .digests(&self.run, &self.stack)
    }

    async fn lets_in(&self, secret: &str) -> Result<Option<(bool, String)>, DriverError> {
        self.is_let_in(secret).await
    }

    async fn context(&self, service: &str) -> Result<AppContext, DriverError> {
        self.access.context(&self.stack, service)
    }

    fn network(&self) -> Network {
        self.network.clone()
    }

    async fn inject(&self, fault: &Fault) -> Result<Injected, DriverError> {
        self.do_fault(fault).await
    }

    async fn bitten(&self) -> Vec<(Fault, bool, String)> {
        self.armed().report()
    }

    async fn automate(&self, step: &str, by: &Automation) -> Result<String, DriverError> {
        self.automation(step, by).await
    }

    async fn logs(&self) -> Vec<ProcessLog> {
        let live = self.live.lock().await;
        let hidden = Hidden::new(&live.secrets, &self.access);
        let logs = live.logs.iter();
        logs.map(|(name, log)| ProcessLog {
            name: name.clone(),
            lines: hidden.lines(&log.lines()),
        })
        .collect()
    }

    async fn reap(&self) -> Result<(), DriverError> {
        let all: Vec<String> = self
            .stack
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect();
        self.stop_services(&all).await;
        self.servers.end_all();
        self.stop_objects().await?;
        match fs::remove_dir_all(&self.folder) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                let doing = format!("remove {}", self.folder.display());
                return Err(DriverError::new(doing, why));
            }
            _ => {}
        }
        self.live.lock().await.secrets.forget_kept();
        Ok(())
    }
}

impl Embedded {
    fn retained(&self) -> usize {
        self.stack
            .stores
            .iter()
            .filter(|store| store.policy == Policy::Retained)
            .count()
    }

    pub(crate) fn points_of(&self, store: &str) -> Result<Vec<String>, DriverError> {
        self.vault
            .points(store)
            .and_then(|points| self.usable(self.store(store).map_err(io::Error::other)?, points))
            .map_err(|why| DriverError::new(format!("list recovery points of {store}"), why))
    }
}
