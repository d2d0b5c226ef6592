//! Services: how each understudy is started, with the variables of its upstream image, and what
//! production gets from code once the provider is up.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use phoenix_applications::provision::{self, ClientAuth, ClientSpec};
use phoenix_engine::application::AppContext;
use phoenix_engine::environment::{DriverError, Started};
use phoenix_engine::stack::{Service, StoreKind};
use phoenix_understudies::platform::{Backing, Behaviour, Clock, Platform, SqliteDatabase};
use phoenix_understudies::zulip::{NewRealm, create_realm};
use url::Url;

use crate::applications::{self, Container};
use crate::driver::Embedded;
use crate::secrets::Secrets;
use crate::store::sqlite;

/// Project of the stack's clients at the provider.
const PROJECT: &str = "platform";
/// Where the harness's own login ends: an address that nobody listens on and nobody fetches.
const HARNESS_CALLBACK: &str = "https://harness.localhost/callback";

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
            let doing = || format!("create the organisation of {}", service.name);
            let url = self.url(service)?;
            provision::zulip_up(&self.network, &url)
                .await
                .map_err(|why| DriverError::new(doing(), why))?;
            let (email, password) = ("owner@harness.localhost", Secrets::random(24));
            let mut live = self.live.lock().await;
            let Some(platform) = live.platforms.get(&service.name) else {
                continue;
            };
            let new = NewRealm {
                name: "Platform",
                email,
                full_name: "Owner",
                password: &password,
            };
            create_realm(platform, &new)
                .await
                .map_err(|why| DriverError::new(doing(), why))?;
            let access = live.access.entry(service.name.clone()).or_default();
            access.insert("email".to_owned(), email.to_owned());
            access.insert("password".to_owned(), password);
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
        let clock = Clock::default();
        clock.shift_ms(live.clocks.get(name).copied().unwrap_or(0) * 1000);
        let mut env = service.env.clone();
        let client = live
            .access
            .get(&format!("client {name}"))
            .cloned()
            .unwrap_or_default();
        let machine = Container {
            stack: &self.stack,
            service: &service,
            host: &host,
            folder: &container,
            secrets: service
                .secrets
                .iter()
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
            database: Arc::clone(&database) as Arc<dyn phoenix_understudies::platform::Database>,
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

    /// Sets up the clients at a provider where they are not known yet, as production's code does at
    /// every apply. The token is the one that the newest first boot left behind, or, where the
    /// instance came back by a restore, the one that was kept from before.
    pub(crate) async fn apply(&self, provider: &str) -> Result<String, DriverError> {
        let doing = || format!("set up the clients at {provider}");
        let url = self.url(self.service(provider)?)?;
        let left = fs::read_to_string(self.container(provider).join(applications::PAT)).ok();
        let kept = {
            let live = self.live.lock().await;
            live.access
                .get(provider)
                .and_then(|access| access.get("pat"))
                .cloned()
        };
        let Some(pat) = left.or(kept) else {
            return Err(DriverError::new(doing(), "no boot left a token"));
        };
        let known = provision::zitadel_knows(&self.network, &url, pat.trim(), PROJECT)
            .await
            .map_err(|why| DriverError::new(doing(), why))?;
        if known {
            return Ok("the token is accepted and the clients are there".to_owned());
        }
        self.provision(provider).await?;
        Ok("the clients were set up with the token of the first boot".to_owned())
    }

    /// Clients, person and grants at the provider, with the token that its first boot left behind.
    pub(crate) async fn provision(&self, provider: &str) -> Result<(), DriverError> {
        let service = self.service(provider)?.clone();
        let url = self.url(&service)?;
        let path = self.container(provider).join(applications::PAT);
        let doing = || format!("set up the clients at {provider}");
        let pat = fs::read_to_string(&path)
            .map_err(|why| DriverError::new(doing(), format!("no token: {why}")))?;
        let mut specs = vec![ClientSpec {
            name: "harness".to_owned(),
            redirect_uris: vec![HARNESS_CALLBACK.to_owned()],
            auth: ClientAuth::Basic,
        }];
        for service in &self.stack.services {
            if service.login_via.as_deref() == Some(provider) {
                specs.extend(applications::client(service));
            }
        }
        let made = provision::zitadel(
            &self.network,
            &url,
            pat.trim(),
            PROJECT,
            &specs,
            &self.person,
        )
        .await
        .map_err(|why| DriverError::new(doing(), why))?;
        let mut live = self.live.lock().await;
        for (name, client) in made.clients {
            let mut fields = BTreeMap::from([
                ("client_id".to_owned(), client.id),
                ("client_secret".to_owned(), client.secret),
            ]);
            if name == "harness" {
                fields.insert("redirect_uri".to_owned(), HARNESS_CALLBACK.to_owned());
                fields.insert("pat".to_owned(), pat.trim().to_owned());
                fields.insert("project".to_owned(), made.project.clone());
                live.access.insert(provider.to_owned(), fields);
            } else {
                live.access.insert(format!("client {name}"), fields);
            }
        }
        Ok(())
    }

    /// The harness's own access to the applications that run.
    pub(crate) async fn after_start(&self) -> Result<(), DriverError> {
        self.first_accounts().await?;
        self.api_tokens().await
    }

    /// The first account of an application that gives the administrator's place to whoever comes
    /// first; on restored data somebody was there already.
    async fn first_accounts(&self) -> Result<(), DriverError> {
        for service in &self.stack.services {
            if service.app != "mattermost" {
                continue;
            }
            let (login, password) = {
                let mut live = self.live.lock().await;
                if !live.running.contains_key(&service.name) {
                    continue;
                }
                let access = live.access.entry(service.name.clone()).or_default();
                let mut own = |key: &str, make: &dyn Fn() -> String| {
                    access.entry(key.to_owned()).or_insert_with(make).clone()
                };
                (
                    own("login_id", &|| format!("phoenix-{}", self.nonce)),
                    own("password", &|| Secrets::random(24)),
                )
            };
            let url = self.url(service)?;
            provision::mattermost_admin(&self.network, &url, &login, &password)
                .await
                .map_err(|why| {
                    DriverError::new(format!("make the first account of {}", service.name), why)
                })?;
        }
        Ok(())
    }

    /// A token of an application that gives one to nobody without a person.
    async fn api_tokens(&self) -> Result<(), DriverError> {
        let mut live = self.live.lock().await;
        for service in self
            .stack
            .services
            .iter()
            .filter(|service| service.app == "bookstack")
        {
            let access = live.access.entry(service.name.clone()).or_default();
            let token_id = access
                .entry("token_id".to_owned())
                .or_insert_with(|| Secrets::random(32))
                .clone();
            let secret = access
                .entry("token_secret".to_owned())
                .or_insert_with(|| Secrets::random(32))
                .clone();
            let Some(store) = self
                .stack
                .stores_of(service)
                .into_iter()
                .find(|store| store.kind == StoreKind::Database)
            else {
                continue;
            };
            let (sql, values) = provision::bookstack_token(&token_id, &secret)
                .map_err(|why| DriverError::new("make an API token", why))?;
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

    pub(crate) async fn app_context(&self, name: &str) -> Result<AppContext, DriverError> {
        let service = self.service(name)?;
        let stores = self.stack.stores_of(service);
        let first = |kind: StoreKind| {
            stores
                .iter()
                .find(|store| store.kind == kind)
                .map(|store| store.name.clone())
        };
        let mut by_role = BTreeMap::new();
        // Where there is a bucket, files are in it, whatever else is on a volume.
        for (word, store) in [
            ("database", first(StoreKind::Database)),
            (
                "files",
                first(StoreKind::Bucket).or_else(|| first(StoreKind::Files)),
            ),
        ] {
            if let Some(store) = store {
                by_role.insert(word.to_owned(), store);
            }
        }
        // A second volume is what the application keeps its configuration in.
        if let Some(second) = stores
            .iter()
            .filter(|store| store.kind == StoreKind::Files)
            .nth(1)
        {
            by_role.insert("config".to_owned(), second.name.clone());
        }
        let secrets = service
            .secrets
            .first()
            .map(|secret| BTreeMap::from([("key".to_owned(), secret.clone())]))
            .unwrap_or_default();
        let live = self.live.lock().await;
        let mut access = live.access.get(name).cloned().unwrap_or_default();
        if let Some(provider) = &service.login_via
            && let Some(known) = live.access.get(provider)
        {
            let url = self.service(provider)?.url.clone();
            access.insert("provider_url".to_owned(), url);
            for (key, field) in [("provider_pat", "pat"), ("provider_project", "project")] {
                access.extend(
                    known
                        .get(field)
                        .map(|value| (key.to_owned(), value.clone())),
                );
            }
        }
        Ok(AppContext {
            service: name.to_owned(),
            url: self.url(service)?,
            network: self.network.clone(),
            access,
            person: self.person.clone(),
            stores: by_role,
            secrets,
            nonce: self.nonce.clone(),
        })
    }
}
