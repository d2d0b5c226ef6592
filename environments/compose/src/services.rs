//! Applications: started in order and watched, set up by code once they serve.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use phoenix_engine::environment::{DriverError, Started};
use phoenix_engine::stack::{Automation, Service};
use phoenix_kit::automation;

use crate::driver::Compose;
use crate::engine::{Container, State, Watch};
use crate::raise::attached_to;
use crate::settings::container_of;

/// Time between two looks at whether a service listens: short, since what is measured is the
/// service's time and not the harness's.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// Time that one look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(5);
/// Lines of a dead service's log that are told.
const LAST_LINES: usize = 5;

impl Compose {
    pub(crate) fn service(&self, name: &str) -> Result<&Service, DriverError> {
        self.stack.service(name).ok_or_else(|| {
            DriverError::new(format!("find the service {name}"), "it is not declared")
        })
    }

    /// The first start, from nothing: providers, then what code makes at them, then the rest with
    /// what came out of it.
    pub(crate) async fn first_start(&self) -> Result<(), DriverError> {
        let providers: Vec<String> = self
            .stack
            .services
            .iter()
            .filter(|service| service.app == "zitadel")
            .map(|service| service.name.clone())
            .collect();
        self.all_listen(self.start_in_order(&providers).await?)?;
        for name in &providers {
            let service = self.service(name)?;
            let Some(pat) = self.first_token(service).await? else {
                let doing = format!("set up the clients at {name}");
                return Err(DriverError::new(doing, "its first boot left no token"));
            };
            self.access.provision(&self.stack, service, &pat).await?;
        }
        if !providers.is_empty() {
            // Who logs in there is told its client.
            self.create().await?;
        }
        let rest: Vec<String> = self
            .stack
            .start_order()
            .into_iter()
            .filter(|name| !providers.contains(name))
            .collect();
        self.all_listen(self.start_in_order(&rest).await?)?;
        self.create_organisations().await?;
        self.after_start(&rest).await
    }

    fn all_listen(&self, started: BTreeMap<String, Started>) -> Result<(), DriverError> {
        for (service, how) in started {
            if let Started::Dead(why) = how {
                return Err(DriverError::new(format!("start {service}"), why));
            }
        }
        Ok(())
    }

    pub(crate) async fn start_services(
        &self,
        services: &[String],
    ) -> Result<BTreeMap<String, Started>, DriverError> {
        let started = self.start_in_order(services).await?;
        let listening: Vec<String> = started
            .iter()
            .filter(|(_, how)| matches!(how, Started::Listening))
            .map(|(name, _)| name.clone())
            .collect();
        self.after_start(&listening).await?;
        Ok(started)
    }

    /// Starts services, those together that do not need each other.
    async fn start_in_order(
        &self,
        services: &[String],
    ) -> Result<BTreeMap<String, Started>, DriverError> {
        let mut waiting: Vec<String> = self
            .stack
            .start_order()
            .into_iter()
            .filter(|name| services.contains(name))
            .collect();
        let mut started = BTreeMap::new();
        while !waiting.is_empty() {
            let names: BTreeSet<String> = waiting.iter().cloned().collect();
            let (mut ready, mut rest): (Vec<String>, Vec<String>) =
                waiting.into_iter().partition(|name| {
                    self.stack.service(name).is_none_or(|service| {
                        service
                            .needs
                            .iter()
                            .chain(&service.login_via)
                            .all(|need| !names.contains(need))
                    })
                });
            if ready.is_empty() {
                // They need each other: the order of the file is as good as any.
                ready = std::mem::take(&mut rest);
            }
            let together = try_join_all(ready.iter().map(|name| self.start_one(name))).await?;
            started.extend(ready.into_iter().zip(together));
            waiting = rest;
        }
        Ok(started)
    }

    /// Starts one service and what lives in its network; whether it listens.
    async fn start_one(&self, name: &str) -> Result<Started, DriverError> {
        let service = self.service(name)?;
        let containers = self.engine.containers().await?;
        let place = container_of(service);
        let Some(container) = containers.iter().find(|one| one.service == place) else {
            return Ok(Started::Dead(format!("there is no container of {place}")));
        };
        let mut watch = self.engine.watch();
        if !container.running {
            self.engine.start_container(container).await?;
        }
        for one in self.attached(&containers, &place).await {
            self.start_attached(one, container).await?;
        }
        let listens = self.listens(service);
        let within = self.settings.settles_within();
        let this = [container];
        tokio::select! {
            saw = tokio::time::timeout(within, listens) => Ok(match saw {
                Ok(()) => Started::Listening,
                Err(_) => Started::Dead(format!(
                    "it does not listen after {}s; {}",
                    within.as_secs(),
                    self.last_words(container).await
                )),
            }),
            ended = self.first_end(&mut watch, &this) => {
                Ok(Started::Dead(self.last_words(ended).await))
            }
        }
    }

    /// The first of these containers that ends; it is waited for as long as none does.
    pub(crate) async fn first_end<'a>(
        &self,
        watch: &mut Watch,
        containers: &[&'a Container],
    ) -> &'a Container {
        loop {
            let Some(event) = watch.next().await else {
                // Without the stream nobody knows; the deadline decides.
                return futures::future::pending().await;
            };
            let one = containers.iter().find(|one| one.id == event.id);
            // The stream begins a little early: a death may be the one before this start.
            if let Some(one) = one
                && event.what == "die"
                && !self.runs(one).await
            {
                return one;
            }
        }
    }

    /// Whether the container runs; one that nobody can be asked about is taken to. It is asked by its
    /// id: at the moment of a death a list of the engine can still have it among the living.
    async fn runs(&self, container: &Container) -> bool {
        let state = self.engine.state(&container.id).await;
        matches!(state, Ok(State::Running { .. }) | Err(_))
    }

    /// Containers that live in the network of another.
    async fn attached<'a>(&self, containers: &'a [Container], to: &str) -> Vec<&'a Container> {
        let live = self.live.lock().await;
        let Some(project) = live.project() else {
            return Vec::new();
        };
        containers
            .iter()
            .filter(|one| attached_to(project, &one.service) == Some(to))
            .collect()
    }

    /// Asks until somebody else than the ingress answers.
    async fn listens(&self, service: &Service) {
        // Made once: a client reads its authorities, which takes longer than an answer.
        let client = self.network.client(LOOK_WITHIN);
        loop {
            if let Ok(client) = &client
                && answers(client, service).await
            {
                return;
            }
            phoenix_engine::pause(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn last_words(&self, container: &Container) -> String {
        let how = match self.engine.state(&container.id).await {
            Ok(State::Exited(code)) => format!("its container ended with {code}"),
            Ok(State::Gone) => "its container is gone".to_owned(),
            Ok(State::Running { health }) => format!(
                "its container runs, and its health command says {}",
                health.as_deref().unwrap_or("nothing")
            ),
            Err(error) => error.to_string(),
        };
        let log = self.engine.log(&container.id, LAST_LINES).await.join(" | ");
        format!("{how}: {log}")
    }

    pub(crate) async fn stop_services(&self, services: &[String]) -> Result<(), DriverError> {
        let containers = self.engine.containers().await?;
        let mut stopping: Vec<&Container> = Vec::new();
        for name in services {
            let place = container_of(self.service(name)?);
            stopping.extend(self.attached(&containers, &place).await);
            stopping.extend(containers.iter().filter(|one| one.service == place));
        }
        try_join_all(
            stopping
                .into_iter()
                .filter(|one| one.running)
                .map(|one| self.engine.stop_container(one)),
        )
        .await
        .map(|_stopped| ())
    }

    /// Performs a manual step by its automation.
    pub(crate) async fn automation(
        &self,
        step: &str,
        by: &Automation,
    ) -> Result<String, DriverError> {
        match by {
            Automation::Command(argv) => automation::command(&self.run, step, argv).await,
            Automation::Provision(provider) => self.apply(provider).await,
            Automation::Declared => Err(DriverError::new(
                format!("automate {step}"),
                "there is nothing here to run",
            )),
        }
    }

    /// Sets up the clients at a provider where they are not known yet, and starts those anew who use
    /// them.
    async fn apply(&self, provider: &str) -> Result<String, DriverError> {
        let service = self.service(provider)?;
        let left = self.first_token(service).await?;
        let applied = self
            .access
            .apply(&self.stack, service, left.as_deref())
            .await?;
        if applied.new_clients {
            let users: Vec<String> = self
                .stack
                .services
                .iter()
                .filter(|one| one.login_via.as_deref() == Some(provider))
                .map(|one| one.name.clone())
                .collect();
            self.stop_services(&users).await?;
            self.create().await?;
            self.all_listen(self.start_in_order(&users).await?)?;
        }
        Ok(applied.said)
    }

    /// What still runs of services that were destroyed, and which doors still lead somewhere.
    pub(crate) async fn answering(&self, services: &[String]) -> Vec<String> {
        let containers = match self.engine.containers().await {
            Ok(containers) => containers,
            Err(error) => return vec![error.to_string()],
        };
        let mut found = Vec::new();
        for name in services {
            let Some(service) = self.stack.service(name) else {
                continue;
            };
            let place = container_of(service);
            if containers
                .iter()
                .any(|one| one.service == place && one.running)
            {
                found.push(format!("the container of {name} runs"));
            }
            if let Ok(client) = self.network.client(LOOK_WITHIN)
                && answers(&client, service).await
            {
                found.push(format!("{name} at {}", service.url));
            }
        }
        if containers.is_empty() {
            let doors = self.live.lock().await.doors.clone();
            let open = join_all(doors.iter().map(|(place, door)| async move {
                let stream = tokio::net::TcpStream::connect(door).await.ok()?;
                // A call to a free port can meet itself, which is nobody.
                let itself = stream.local_addr().ok() == stream.peer_addr().ok();
                (!itself).then(|| format!("{} at {door}", place.service))
            }))
            .await;
            found.extend(open.into_iter().flatten());
        }
        found
    }
}

/// Whether the service itself answers; 502, 503 and 504 are the ingress's own words.
async fn answers(client: &reqwest::Client, service: &Service) -> bool {
    match client.get(&service.url).send().await {
        Ok(answer) => !matches!(answer.status().as_u16(), 502..=504),
        Err(_) => false,
    }
}
