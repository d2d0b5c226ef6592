//! A declared store as the driver that speaks to its server.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bollard::Docker;
use phoenix_engine::environment::{DriverError, Fingerprint};
use phoenix_engine::stack::{Store, StoreKind};
use phoenix_stores::bucket::{Access, BucketStore, Versioning};
use phoenix_stores::memory::{MemcachedStore, RabbitStore, RedisStore};
use phoenix_stores::mysql::Mysql;
use phoenix_stores::postgres::Postgres;
use phoenix_stores::server::Server;
use phoenix_stores::volume::VolumeStore;

use crate::driver::Compose;
use crate::engine::{Container, Volume};
use crate::settings::{Place, field, port_of, server_of};

/// Time between two questions to a server that does not answer yet.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Region of an object server that has none.
const REGION: &str = "us-east-1";

impl Compose {
    /// The driver of a store as it is at the moment.
    ///
    /// # Errors
    /// When its server has no container or no door, or the store is of a kind that no container has.
    pub(crate) async fn handle(
        &self,
        store: &Store,
    ) -> Result<Box<dyn phoenix_stores::Store>, DriverError> {
        let mut reach = self.reach(store).await?;
        if store.engine == "postgres"
            && let Some(former) = self.former_password(store, &reach).await
        {
            reach
                .environment
                .insert("POSTGRES_PASSWORD".to_owned(), former);
        }
        reach.driver(store)
    }

    /// By what a store is reached at the moment.
    pub(crate) async fn reach(&self, store: &Store) -> Result<Reach, DriverError> {
        let doing = || format!("reach the store {}", store.name);
        let container = match server_of(store) {
            Some(server) => self.engine.container(&server).await?.ok_or_else(|| {
                DriverError::new(doing(), format!("there is no container of {server}"))
            })?,
            None => Container::default(),
        };
        let live = self.live.lock().await;
        let address = match (server_of(store), port_of(store)) {
            (Some(service), Some(port)) => {
                let place = Place { service, port };
                *live.doors.get(&place).ok_or_else(|| {
                    DriverError::new(doing(), format!("no door leads to {}", place.service))
                })?
            }
            _ => nowhere(),
        };
        let environment = server_of(store)
            .and_then(|server| live.project()?.services.get(&server).cloned())
            .map(|service| service.environment)
            .unwrap_or_default();
        Ok(Reach {
            docker: self.engine.docker().clone(),
            container: container.id,
            address,
            environment,
            variables: live.variables.clone(),
            run: self.engine.run().to_owned(),
            volume: self.engine.volume_name(&store.at),
            helper: self.own.helper.clone(),
            without: self.carried(store),
        })
    }

    /// Folders of a volume in which other stores lie: each is a store of its own.
    fn carried(&self, store: &Store) -> Vec<String> {
        self.stack
            .stores
            .iter()
            .filter(|other| other.on.as_ref() == Some(&store.name))
            .filter_map(|other| field(other, "folder"))
            .collect()
    }

    /// Empties the folder of a store on the volume that carries it.
    pub(crate) async fn clear_carried(
        &self,
        store: &Store,
        volumes: &[Volume],
    ) -> Result<(), DriverError> {
        let doing = || format!("destroy {}", store.name);
        let Some(folder) = field(store, "folder") else {
            return Err(DriverError::new(
                doing(),
                "its entry names no `folder:` of the volume that carries it",
            ));
        };
        let carrier = store.on.as_ref().and_then(|on| self.stack.store(on));
        let Some(volume) = volumes
            .iter()
            .find(|one| Some(&one.declared) == carrier.map(|carrier| &carrier.at))
        else {
            return Ok(());
        };
        self.engine
            .in_volume(
                &self.own.helper,
                &volume.name,
                &["rm", "-rf", "--", &format!("/volume/{folder}")],
            )
            .await
            .map_err(|why| DriverError::new(doing(), why))
    }

    async fn bucket_now(&self, store: &Store) -> Option<BucketStore> {
        let live = self.live.lock().await;
        let place = Place {
            service: server_of(store)?,
            port: port_of(store)?,
        };
        let door = *live.doors.get(&place)?;
        Some(BucketStore::new(
            &access(store, door, &live.variables),
            &store.at,
        ))
    }

    /// Makes a declared bucket that is not there, once its server answers.
    pub(crate) async fn make_bucket(
        &self,
        store: &Store,
        within: Duration,
    ) -> Result<(), DriverError> {
        let doing = || format!("reach the store {}", store.name);
        let Some(bucket) = self.bucket_now(store).await else {
            return Err(DriverError::new(doing(), "no door leads to its server"));
        };
        let deadline = Instant::now() + within;
        loop {
            match bucket.identity().await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => return bucket.create(Versioning::Off).await,
                Err(why) if Instant::now() > deadline => return Err(why),
                Err(_) => phoenix_engine::pause(ASK_EVERY).await,
            }
        }
    }

    pub(crate) async fn remove_bucket(&self, store: &Store) -> Result<(), DriverError> {
        match self.bucket_now(store).await {
            Some(bucket) if bucket.identity().await?.is_some() => bucket.delete().await,
            _ => Ok(()),
        }
    }

    /// Every bucket of the object servers that run, with what tells it from its successor.
    pub(crate) async fn bucket_dates(
        &self,
        containers: &[Container],
    ) -> Result<BTreeMap<String, String>, DriverError> {
        let mut all = BTreeMap::new();
        for store in self
            .stack
            .stores
            .iter()
            .filter(|one| one.kind == StoreKind::Bucket)
        {
            let server = server_of(store);
            let runs = containers
                .iter()
                .any(|one| Some(&one.service) == server.as_ref() && one.running);
            let (Some(service), Some(port), true) = (server, port_of(store), runs) else {
                continue;
            };
            let access = {
                let live = self.live.lock().await;
                let Some(door) = live.doors.get(&Place { service, port }) else {
                    continue;
                };
                access(store, *door, &live.variables)
            };
            for listed in access.list_buckets().await? {
                all.insert(listed.name, listed.identity);
            }
        }
        Ok(all)
    }
}

fn nowhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn access(store: &Store, address: SocketAddr, variables: &BTreeMap<String, String>) -> Access {
    let variable = |name| {
        field(store, name)
            .and_then(|variable| variables.get(&variable).cloned())
            .unwrap_or_default()
    };
    Access {
        endpoint: address,
        region: REGION.to_owned(),
        key: variable("key"),
        secret: variable("secret"),
    }
}

/// What differs between two fingerprints of a store: a comparison of what was read, which asks no
/// server.
pub(crate) fn compare(
    docker: &Docker,
    store: &Store,
    before: &Fingerprint,
    after: &Fingerprint,
) -> Vec<String> {
    let reach = Reach {
        docker: docker.clone(),
        container: String::new(),
        address: nowhere(),
        environment: BTreeMap::new(),
        variables: BTreeMap::new(),
        run: String::new(),
        volume: String::new(),
        helper: String::new(),
        without: Vec::new(),
    };
    match reach.driver(store) {
        Ok(driver) => driver.compare(before, after),
        Err(error) => vec![error.to_string()],
    }
}

/// Everything by which a store is reached.
pub(crate) struct Reach {
    docker: Docker,
    container: String,
    address: SocketAddr,
    /// Environment of the server's container, as the Compose files set it.
    environment: BTreeMap<String, String>,
    /// The run's own variables.
    variables: BTreeMap<String, String>,
    run: String,
    volume: String,
    helper: String,
    without: Vec<String>,
}

impl Reach {
    fn driver(self, store: &Store) -> Result<Box<dyn phoenix_stores::Store>, DriverError> {
        Ok(match store.engine.as_str() {
            "postgres" => {
                let password = self.of("POSTGRES_PASSWORD");
                Box::new(Postgres::new(self.server(
                    store,
                    self.postgres_user(),
                    password,
                ))?)
            }
            "mysql" => {
                let password = match self.of("MYSQL_ROOT_PASSWORD") {
                    none if none.is_empty() => self.of("MARIADB_ROOT_PASSWORD"),
                    password => password,
                };
                Box::new(Mysql::new(self.server(store, "root".to_owned(), password))?)
            }
            "volume" => Box::new(VolumeStore::new(
                self.docker,
                &self.volume,
                &self.helper,
                &self.run,
                &self.without,
            )),
            "bucket" => {
                let access = access(store, self.address, &self.variables);
                Box::new(BucketStore::new(&access, &store.at))
            }
            "redis" => {
                let password = field(store, "password")
                    .and_then(|variable| self.variables.get(&variable).cloned());
                Box::new(RedisStore::cache(self.address, password.as_deref()))
            }
            "memcached" => Box::new(MemcachedStore::new(self.address)),
            "rabbitmq" => Box::new(RabbitStore::new(self.docker, &self.container)),
            other => {
                return Err(DriverError::new(
                    format!("reach the store {}", store.name),
                    format!("no container holds a store of the kind `{other}`"),
                ));
            }
        })
    }

    /// A variable of the server's container; empty where it has none.
    pub(crate) fn of(&self, name: &str) -> String {
        self.environment.get(name).cloned().unwrap_or_default()
    }

    /// The role that the image makes, which may do everything.
    pub(crate) fn postgres_user(&self) -> String {
        match self.of("POSTGRES_USER") {
            user if user.is_empty() => "postgres".to_owned(),
            user => user,
        }
    }

    pub(crate) fn server(&self, store: &Store, user: String, password: String) -> Server {
        Server {
            docker: self.docker.clone(),
            container: self.container.clone(),
            address: self.address,
            user,
            password,
            database: store.at.clone(),
        }
    }
}
