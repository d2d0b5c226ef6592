//! Services: how each understudy is started, with the variables of its upstream image, and what
//! production gets from code once the provider is up.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use phoenix_engine::environment::{DriverError, Started};
use phoenix_engine::stack::{Service, StoreKind};
use phoenix_understudies::platform::{Backing, Behaviour, Clock, Platform, SqliteDatabase};
use phoenix_understudies::zulip::{NewRealm, create_realm};
use url::Url;

use crate::applications::{self, Container};
use crate::driver::Embedded;
use crate::roles::ShutOut;
use crate::store::sqlite;

impl Embedded {
    /// The first start, from nothing: the provider, then what code makes at it, then the rest.
    pub(crate) async fn first_start(&self) -> Result<(), DriverError> {
        for service in self.stack.start_order() {
            if let Started::Dead(why) = self.start_service(&service).await? {
                return Err(DriverError::new(format!("start {service}"), why));
            }
            let provider = self
                .stack
                .service(&service)
                .is_some_and(|service| service.app == "zitadel");
            if provider {
                self.provision(&service).await?;
            }
        }
        self.create_organisations().await?;
        self.after_start().await
    }

    /// What somebody once did by hand in a Zulip that had nothing: no later start does it again.
    async fn create_organisations(&self) -> Result<(), DriverError> {
        for service in self.stack.services.iter().filter(|one| one.app == "zulip") {
            let (email, password) = self.access.owner(service).await?;
            let live = self.live.lock().await;
            let Some(platform) = live.platforms.get(&service.name) else {
                continue;
            };
            let new = NewRealm {
                name: "Platform",
                email: &email,
                full_name: "Owner",
                password: &password,
            };
            create_realm(platform, &new).await.map_err(|why| {
                DriverError::new(format!("create the organisation of {}", service.name), why)
            })?;
        }
        Ok(())
    }

    fn service(&self, name: &str) -> Result<&Service, DriverError> {
        self.stack.service(name).ok_or_else(|| {
            DriverError::new(format!("find the service {name}"), "it is not declared")
        })
    }

    fn url(&self, service: &Service) -> Result<Url, DriverError> {
        Url::parse(&service.url)
            .map_err(|why| DriverError::new(format!("read the URL of {}", service.name), why))
    }

    /// The name under which a service is reached.
    pub(crate) fn host(&self, service: &str) -> Result<String, DriverError> {
        let url = self.url(self.service(service)?)?;
        Ok(url.host_str().unwrap_or_default().to_owned())
    }

    fn container(&self, service: &str) -> std::path::PathBuf {
        self.folder.join("containers").join(service)
    }

    /// Starts one service; whether it listens.
    pub(crate) async fn start_service(&self, name: &str) -> Result<Started, DriverError> {
        let service = self.service(name)?.clone();
        let host = self
            .url(&service)?
            .host_str()
            .unwrap_or_default()
            .to_owned();
        let mut live = self.live.lock().await;
        if live.running.contains_key(name) {
            return Ok(Started::Listening);
        }
        let doing = || format!("start {name}");
        let container = self.container(name);
        fs::create_dir_all(&container).map_err(|why| DriverError::new(doing(), why))?;
        let Some(store) = self
            .stack
            .stores_of(&service)
            .into_iter()
            .find(|s| s.kind == StoreKind::Database)
        else {
            return Err(DriverError::new(
                doing(),
                "it needs a database, and none is declared",
            ));
        };
        let database = match SqliteDatabase::open(&self.path(store)) {
            Ok(database) => Arc::new(database),
            Err(why) => return Ok(Started::Dead(why.to_string())),
        };
        let value = |secret: &str| live.secrets.get(secret).map(str::to_owned);
        let shut_out = self.shuts_out(store, value)?;
        let clock = Clock::default();
        clock.shift_ms(live.clocks.get(name).copied().unwrap_or(0) * 1000);
        let mut env = service.env.clone();
        let client = self.access.client(name);
        let machine = Container {
            stack: &self.stack,
            service: &service,
            host: &host,
            folder: &container,
            secrets: service
                .secrets
                .iter()
                .filter(|name| {
                    let secret = self.stack.secret(name);
                    secret.is_none_or(|secret| secret.opens.is_none())
                })
                .map(|secret| live.secrets.get(secret).unwrap_or_default().to_owned())
                .collect(),
            client: &client,
            objects: self.objects.access(),
            path: &|store| self.path(store),
        };
        applications::set_up(&machine, &mut env)?;
        let volumes = machine.volumes()?;
        let mut backing = Backing::default();
        for store in self.stack.stores_of(&service) {
            if store.kind == StoreKind::Memory {
                self.servers.lend(&store.name, &store.engine, &mut backing);
            }
        }
        let platform = Platform {
            env,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: if shut_out {
                Arc::new(ShutOut)
            } else {
                Arc::clone(&database) as Arc<dyn phoenix_understudies::platform::Database>
            },
            files: volumes.files,
            config: volumes.config,
            backing,
            clock,
            resolver: self.resolver.clone(),
            trust_pem: vec![self.authority_pem.clone()],
            behaviour: Behaviour::default(),
        };
        live.platforms.insert(name.to_owned(), platform.clone());
        let Some(started) = applications::start(&service.app, platform).await else {
            return Err(DriverError::new(
                doing(),
                format!("no understudy plays `{}`", service.app),
            ));
        };
        match started {
            Ok(running) => {
                self.router.route(&host, Some(running.address));
                live.logs.insert(name.to_owned(), running.log.clone());
                live.addresses.insert(name.to_owned(), running.address);
                live.running.insert(name.to_owned(), running);
                self.armed().clock_shifted(name);
                live.databases.insert(name.to_owned(), database);
                Ok(Started::Listening)
            }
            Err(why) => Ok(Started::Dead(why.to_string())),
        }
    }

    /// Sets up the clients at a provider where they are not known yet.
    pub(crate) async fn apply(&self, provider: &str) -> Result<String, DriverError> {
        let left = fs::read_to_string(self.container(provider).join(applications::PAT)).ok();
        let provider = self.service(provider)?;
        let applied = self.access.apply(&self.stack, provider, left.as_deref());
        applied.await.map(|applied| applied.said)
    }

    /// Clients, person and grants at the provider, with the token that its first boot left behind.
    pub(crate) async fn provision(&self, provider: &str) -> Result<(), DriverError> {
        let pat = fs::read_to_string(self.container(provider).join(applications::PAT));
        let pat = pat.map_err(|why| {
            let doing = format!("set up the clients at {provider}");
            DriverError::new(doing, format!("no token: {why}"))
        })?;
        let provider = self.service(provider)?;
        self.access.provision(&self.stack, provider, &pat).await
    }

    /// The harness's own access to the applications that run.
    pub(crate) async fn after_start(&self) -> Result<(), DriverError> {
        self.first_accounts().await?;
        self.api_tokens()
    }

    /// The first account of an application that gives the administrator's place to whoever comes
    /// first; on restored data somebody was there already.
    async fn first_accounts(&self) -> Result<(), DriverError> {
        for service in &self.stack.services {
            let runs = self.live.lock().await.running.contains_key(&service.name);
            if service.app == "mattermost" && runs {
                self.access.first_account(service).await?;
            }
        }
        Ok(())
    }

    /// A token of an application that gives one to nobody without a person.
    fn api_tokens(&self) -> Result<(), DriverError> {
        for service in self
            .stack
            .services
            .iter()
            .filter(|service| service.app == "bookstack")
        {
            let (sql, values) = self.access.api_token(&service.name)?;
            let Some(store) = self
                .stack
                .stores_of(service)
                .into_iter()
                .find(|store| store.kind == StoreKind::Database)
            else {
                continue;
            };
            // Restored data has it already; a database without its tables has no place for it.
            if let Ok(connection) = sqlite::open(&self.path(store)) {
                let _known = connection.execute(sql, rusqlite::params_from_iter(values));
            }
        }
        Ok(())
    }

    pub(crate) async fn stop_services(&self, services: &[String]) {
        let mut live = self.live.lock().await;
        for name in services {
            if let Ok(service) = self.service(name)
                && let Ok(url) = self.url(service)
            {
                self.router.route(url.host_str().unwrap_or_default(), None);
            }
            if let Some(running) = live.running.remove(name) {
                running.stop().await;
            }
            live.platforms.remove(name);
            if let Some(database) = live.databases.remove(name) {
                database.close();
            }
        }
    }
}
