//! What production gets from code once a stack is up, and what is known of it afterwards: clients at
//! the provider, first accounts, tokens. In production this lives in the state of the code that
//! applied it, outside the stack, so a destroy does not take it along.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use phoenix_applications::provision::{self, ClientAuth, ClientSpec};
use phoenix_engine::application::{AppContext, Person};
use phoenix_engine::environment::DriverError;
use phoenix_engine::network::Network;
use phoenix_engine::stack::{Service, Stack, StoreKind};
use url::Url;

use crate::secrets::Secrets;

/// Project of the stack's clients at the provider.
const PROJECT: &str = "platform";
/// Where the harness's own login ends: an address that nobody listens on and nobody fetches.
const HARNESS_CALLBACK: &str = "https://harness.localhost/callback";

/// Fields by name: a client's id and secret, a token, an account's name and password.
pub type Fields = BTreeMap<String, String>;

/// Everything that code made and knows, by service.
pub struct Access {
    network: Network,
    person: Person,
    nonce: String,
    known: Mutex<BTreeMap<String, Fields>>,
}

/// What an application's code did at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether the clients are new, so that whoever uses them has to be started with them.
    pub new_clients: bool,
    /// For people.
    pub said: String,
}

impl Access {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(network: Network, nonce: &str) -> Self {
        Self {
            network,
            person: Person {
                login_name: format!("canary-{nonce}"),
                password: format!("Canary-{}!", Secrets::random(16)),
                email: format!("canary-{nonce}@example.com"),
            },
            nonce: nonce.to_owned(),
            known: Mutex::default(),
        }
    }

    /// The person whose logins are checked.
    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// Values that must not be kept anywhere, each with what it is.
    pub(crate) fn values(&self) -> Vec<(String, String)> {
        let mut all = vec![("canary person".to_owned(), self.person.password.clone())];
        let secret = |field: &str| {
            let words = ["secret", "password", "token", "pat", "key"];
            words.iter().any(|word| field.contains(word))
        };
        for (whose, fields) in self.known().iter() {
            let fields = fields.iter().filter(|(field, _)| secret(field));
            all.extend(fields.map(|(field, value)| (format!("{whose} {field}"), value.clone())));
        }
        all
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Fields>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider knows a service's client by: `client_id`, `client_secret`; empty before.
    #[must_use]
    pub fn client(&self, service: &str) -> Fields {
        self.known()
            .get(&format!("client {service}"))
            .cloned()
            .unwrap_or_default()
    }

    /// Sets up the clients at a provider where they are not known yet, as production's code does at
    /// every apply. The token is the one that the newest first boot left behind, or, where the
    /// instance came back by a restore, the one that was kept from before.
    ///
    /// # Errors
    /// When there is no token, or the provider refuses it.
    pub async fn apply(
        &self,
        stack: &Stack,
        provider: &Service,
        left: Option<&str>,
    ) -> Result<Applied, DriverError> {
        let doing = || format!("set up the clients at {}", provider.name);
        let kept = self
            .known()
            .get(&provider.name)
            .and_then(|access| access.get("pat"))
            .cloned();
        let Some(pat) = left.map(str::to_owned).or(kept) else {
            return Err(DriverError::new(doing(), "no boot left a token"));
        };
        let url = url_of(provider)?;
        let there = provision::zitadel_knows(&self.network, &url, pat.trim(), PROJECT)
            .await
            .map_err(|why| DriverError::new(doing(), why))?;
        if there {
            return Ok(Applied {
                new_clients: false,
                said: "the token is accepted and the clients are there".to_owned(),
            });
        }
        self.provision(stack, provider, &pat).await?;
        Ok(Applied {
            new_clients: true,
            said: "the clients were set up with the token of the first boot".to_owned(),
        })
    }

    /// Clients, person and grants at the provider, with the token that its first boot left behind.
    ///
    /// # Errors
    /// When the provider refuses one of them.
    pub async fn provision(
        &self,
        stack: &Stack,
        provider: &Service,
        pat: &str,
    ) -> Result<(), DriverError> {
        let doing = || format!("set up the clients at {}", provider.name);
        let url = url_of(provider)?;
        let mut specs = vec![ClientSpec {
            name: "harness".to_owned(),
            redirect_uris: vec![HARNESS_CALLBACK.to_owned()],
            auth: ClientAuth::Basic,
        }];
        for service in &stack.services {
            if service.login_via.as_ref() == Some(&provider.name) {
                specs.extend(provision::client_of(
                    &service.app,
                    &service.name,
                    &service.url,
                ));
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
        let mut known = self.known();
        for (name, client) in made.clients {
            let mut fields = Fields::from([
                ("client_id".to_owned(), client.id),
                ("client_secret".to_owned(), client.secret),
            ]);
            if name == "harness" {
                fields.insert("redirect_uri".to_owned(), HARNESS_CALLBACK.to_owned());
                fields.insert("pat".to_owned(), pat.trim().to_owned());
                fields.insert("project".to_owned(), made.project.clone());
                known.insert(provider.name.clone(), fields);
            } else {
                known.insert(format!("client {name}"), fields);
            }
        }
        Ok(())
    }

    /// A field of a service's access, made once by `make`.
    fn own(&self, service: &str, field: &str, make: impl FnOnce() -> String) -> String {
        self.known()
            .entry(service.to_owned())
            .or_default()
            .entry(field.to_owned())
            .or_insert_with(make)
            .clone()
    }

    /// The first account of an application that gives the administrator's place to whoever comes
    /// first; on restored data somebody was there already.
    ///
    /// # Errors
    /// When the application does not answer.
    pub async fn first_account(&self, service: &Service) -> Result<(), DriverError> {
        let login = self.own(&service.name, "login_id", || {
            format!("phoenix-{}", self.nonce)
        });
        let password = self.own(&service.name, "password", || Secrets::random(24));
        provision::mattermost_admin(&self.network, &url_of(service)?, &login, &password)
            .await
            .map_err(|why| {
                DriverError::new(format!("make the first account of {}", service.name), why)
            })
    }

    /// The row of a token of an application that gives one to nobody without a person: statement and
    /// values.
    ///
    /// # Errors
    /// When the token cannot be hashed.
    pub fn api_token(&self, service: &str) -> Result<(&'static str, Vec<String>), DriverError> {
        let id = self.own(service, "token_id", || Secrets::random(32));
        let secret = self.own(service, "token_secret", || Secrets::random(32));
        provision::bookstack_token(&id, &secret)
            .map_err(|why| DriverError::new(format!("make an API token of {service}"), why))
    }

    /// Waits until a service that has no organisation yet is up, and gives the owner that it is to be
    /// created with: e-mail and password.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn owner(&self, service: &Service) -> Result<(String, String), DriverError> {
        provision::zulip_up(&self.network, &url_of(service)?)
            .await
            .map_err(|why| {
                DriverError::new(format!("create the organisation of {}", service.name), why)
            })?;
        let email = self.own(&service.name, "email", || {
            "owner@harness.localhost".to_owned()
        });
        let password = self.own(&service.name, "password", || Secrets::random(24));
        Ok((email, password))
    }

    /// What the engine needs to make an application's client.
    ///
    /// # Errors
    /// When the service is not declared or its URL is none.
    pub fn context(&self, stack: &Stack, name: &str) -> Result<AppContext, DriverError> {
        let service = stack.service(name).ok_or_else(|| {
            DriverError::new(format!("find the service {name}"), "it is not declared")
        })?;
        let stores = stack.stores_of(service);
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
        let secrets = stack
            .key_of(service)
            .map(|secret| BTreeMap::from([("key".to_owned(), secret.name.clone())]))
            .unwrap_or_default();
        let known = self.known();
        let mut access = known.get(name).cloned().unwrap_or_default();
        if let Some(provider) = &service.login_via
            && let Some(fields) = known.get(provider)
        {
            let url = stack
                .service(provider)
                .map(|service| service.url.clone())
                .unwrap_or_default();
            access.insert("provider_url".to_owned(), url);
            for (key, field) in [("provider_pat", "pat"), ("provider_project", "project")] {
                access.extend(
                    fields
                        .get(field)
                        .map(|value| (key.to_owned(), value.clone())),
                );
            }
        }
        Ok(AppContext {
            service: name.to_owned(),
            url: url_of(service)?,
            network: self.network.clone(),
            access,
            settings: service.settings.clone(),
            person: self.person.clone(),
            stores: by_role,
            secrets,
            nonce: self.nonce.clone(),
        })
    }
}

/// A service's URL.
///
/// # Errors
/// When it is none.
pub fn url_of(service: &Service) -> Result<Url, DriverError> {
    Url::parse(&service.url)
        .map_err(|why| DriverError::new(format!("read the URL of {}", service.name), why))
}
