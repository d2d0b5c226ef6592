//! From nothing to a stack whose stores answer and whose applications are made and not started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use futures::future::try_join_all;
use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Store, StoreKind};

use crate::driver::Compose;
use crate::engine::{Container, NetworkSpec, State};
use crate::images::guarded;
use crate::project::{Drill, Project, Volume, own, transform};
use crate::settings::{Place, client_variables, container_of, port_of, server_of};

/// Longest time that creating containers may take.
const CREATE_WITHIN: Duration = Duration::from_secs(180);

/// Longest time that building one image may take: it may compile a program.
const BUILD_WITHIN: Duration = Duration::from_secs(1800);

impl Compose {
    /// Variables of the Compose files as they are now.
    async fn variables(&self) -> BTreeMap<String, String> {
        let live = self.live.lock().await;
        let mut all = live.variables.clone();
        for secret in &self.stack.secrets {
            if let (Some(variable), Some(value)) = (&secret.env, live.secrets.get(&secret.name)) {
                all.insert(variable.clone(), value.to_owned());
            }
        }
        for service in &self.stack.services {
            let client = self.access.client(&service.name);
            for (variable, field) in client_variables(service) {
                if let Some(value) = client.get(field) {
                    all.insert(variable.to_owned(), value.clone());
                }
            }
        }
        all
    }

    /// Resolves the Compose files with the variables of now, makes what is missing of networks,
    /// volumes and containers, and starts nothing.
    pub(crate) async fn create(&self) -> Result<(), DriverError> {
        let project = self.resolved().await?;
        let networks = project.networks.keys();
        try_join_all(networks.map(|name| self.engine.make_network(name, NetworkSpec::Inner)))
            .await?;
        let volumes = project.volumes.iter();
        try_join_all(volumes.map(|(name, volume)| self.make_volume(name, volume))).await?;
        self.write_project(&project)?;
        let words = ["up", "--no-start", "--no-build"];
        self.tool("make the containers of the stack", &words, CREATE_WITHIN)
            .await
    }

    /// Builds what the Compose files build, before any clock starts, as an image of this run. Gives
    /// the digest of each by its name.
    ///
    /// # Errors
    /// When one cannot be built, in the words of the tool.
    pub(crate) async fn build_images(
        &self,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<BTreeMap<String, String>, DriverError> {
        let project = self.resolved().await?;
        let built = project.services.iter().filter(|(_, service)| service.built);
        let built: Vec<&String> = built.map(|(name, _)| name).collect();
        let mut digests = BTreeMap::new();
        if built.is_empty() {
            return Ok(digests);
        }
        let drill = self.write_project(&project)?;
        for (at, name) in built.iter().enumerate() {
            says(&format!("building {name} ({} of {})", at + 1, built.len()));
            let doing = format!("build the image of {name}");
            let mut words = vec!["build"];
            if self.tool.is_first() {
                // It leaves the container of a step that failed, which no label finds.
                words.push("--force-rm");
            }
            words.push(name);
            self.tool(&doing, &words, BUILD_WITHIN).await?;
            let image = drill.built(name);
            if let Some((digest, _)) = self.engine.image(&image).await? {
                digests.insert(image, digest);
            }
        }
        Ok(digests)
    }

    /// Writes the file that is really run.
    fn write_project(&self, project: &Project) -> Result<Drill, DriverError> {
        let networks = project.networks.keys();
        let volumes = project.volumes.keys();
        let drill = Drill {
            run: self.engine.run().to_owned(),
            project: self.project_name(),
            volumes: volumes
                .map(|name| (name.clone(), self.engine.volume_name(name)))
                .collect(),
            networks: networks
                .map(|name| (name.clone(), self.engine.network_name(name)))
                .collect(),
            images: BTreeMap::new(),
        };
        self.write_file(&transform(project, &drill)?)?;
        Ok(drill)
    }

    fn project_name(&self) -> String {
        format!("phoenix-{}", self.engine.run().to_lowercase())
    }

    /// The project with the variables of now, as a drill may run it.
    async fn resolved(&self) -> Result<Project, DriverError> {
        let variables = self.variables().await;
        {
            let live = self.live.lock().await;
            if let Some((with, project)) = &live.resolved
                && *with == variables
            {
                return Ok(project.clone());
            }
        }
        let read = guarded(&self.tool, &self.settings, &variables, self.images.upstream).await?;
        let project = own(&read, &self.settings.remap.remap());
        self.live.lock().await.resolved = Some((variables, project.clone()));
        Ok(project)
    }

    /// Makes a volume with what it begins with. What stands for a folder of the host is filled from it
    /// whenever it is made anew, as a program comes back with its deployment; but a declared store
    /// only once: after a disaster only a restore fills that.
    async fn make_volume(&self, name: &str, volume: &Volume) -> Result<(), DriverError> {
        let made = self.engine.make_volume(name).await?;
        let Some(folder) = volume.filled_from.as_ref().filter(|_| made) else {
            return Ok(());
        };
        let is_store = |store: &Store| store.engine == "volume" && store.at == name;
        if self.stack.stores.iter().any(is_store) && !self.is_first(name)? {
            return Ok(());
        }
        let volume = self.engine.volume_name(name);
        self.engine
            .fill_volume(&self.own.helper, &volume, folder)
            .await
    }

    /// Whether a volume is filled for the first time; from now on it is not. A file says so, because
    /// whoever takes up a killed run has to know it too.
    fn is_first(&self, name: &str) -> Result<bool, DriverError> {
        let kept = self.folder.join(format!("filled-{name}"));
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&kept)
        {
            Ok(_) => Ok(true),
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(why) => Err(DriverError::new(format!("write {}", kept.display()), why)),
        }
    }

    fn write_file(&self, text: &str) -> Result<(), DriverError> {
        let path = self.file();
        let write = || -> std::io::Result<()> {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|why| DriverError::new(format!("write {}", path.display()), why))
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.join("compose.yaml")
    }

    /// Starts a container that lives in the network of another one, which runs. Such a network comes and
    /// goes with each start of that one, and version 1 of the tool knows it only while that one runs: a
    /// container that was made before is made anew.
    pub(crate) async fn start_attached(
        &self,
        one: &Container,
        to: &Container,
    ) -> Result<(), DriverError> {
        if self.engine.lives_in(&one.id, &to.id).await? {
            self.engine.stop_container(one).await?;
            return self.engine.start_container(one).await;
        }
        let name = one.service.as_str();
        let words = ["up", "-d", "--no-build", "--no-deps", "--force-recreate"];
        let words: Vec<&str> = words.into_iter().chain([name]).collect();
        let doing = format!("make the container of {name} anew");
        self.tool(&doing, &words, CREATE_WITHIN).await
    }

    /// Has the tool do something with the run's file.
    async fn tool(&self, doing: &str, words: &[&str], within: Duration) -> Result<(), DriverError> {
        let mut command = self.tool.command(&BTreeMap::new());
        command
            .arg("-f")
            .arg(self.file())
            .args(["-p", &self.project_name()])
            .args(words)
            .current_dir(&self.folder);
        let output = tokio::time::timeout(within, command.output())
            .await
            .map_err(|_| DriverError::new(doing, format!("no end after {}s", within.as_secs())))?
            .map_err(|why| DriverError::new(doing, format!("{}: {why}", self.tool.shown())))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let tail: Vec<&str> = said.lines().rev().take(8).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(DriverError::new(doing, tail.join("\n")))
    }

    /// Makes and starts everything that is no application, and waits until every store can be asked.
    pub(crate) async fn raise(&self) -> Result<(), DriverError> {
        self.create().await?;
        self.open().await?;
        let containers = self.engine.containers().await?;
        let servers = self.servers();
        let wanted = |service: &str| {
            containers
                .iter()
                .find(|one| one.service == service && !one.running)
        };
        let mut watch = self.engine.watch();
        try_join_all(
            servers
                .iter()
                .filter_map(|service| wanted(service))
                .map(|one| self.engine.start_container(one)),
        )
        .await?;
        let up = async { tokio::try_join!(self.stores_ready(), self.start_helpers(&containers)) };
        let ours: Vec<&Container> = containers
            .iter()
            .filter(|one| servers.contains(&one.service))
            .collect();
        tokio::select! {
            up = up => up.map(|_up| ())?,
            ended = self.first_end(&mut watch, &ours) => {
                let doing = format!("start {}", ended.service);
                return Err(DriverError::new(doing, self.last_words(ended).await));
            }
        }
        self.read_authority().await
    }

    /// Services of the Compose files that declared stores live in.
    pub(crate) fn servers(&self) -> BTreeSet<String> {
        self.stack.stores.iter().filter_map(server_of).collect()
    }

    /// Opens the gate, unless it is open.
    async fn open(&self) -> Result<(), DriverError> {
        let containers = self.engine.containers().await?;
        if containers
            .iter()
            .any(|one| one.service.is_empty() && one.running)
        {
            return Ok(());
        }
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for store in &self.stack.stores {
            if let (Some(service), Some(port)) = (server_of(store), port_of(store)) {
                places.insert(Place { service, port });
            }
        }
        for service in &self.stack.services {
            places.insert(self.settings.place(service)?);
        }
        let places: Vec<Place> = places.into_iter().collect();
        let networks: Vec<String> = {
            let live = self.live.lock().await;
            let project = live.project();
            project
                .iter()
                .flat_map(|project| project.networks.keys())
                .map(|name| self.engine.network_name(name))
                .collect()
        };
        // The gate last: that it is open says that everything is.
        let image = &self.own.gate;
        self.engine
            .open_egress(image, &networks, &self.ways)
            .await?;
        let doors = self.engine.open_gate(image, &networks, &places).await?;
        for service in &self.stack.services {
            let host = phoenix_kit::access::url_of(service)?;
            let place = self.settings.place(service)?;
            if let (Some(host), Some(door)) = (host.host_str(), doors.get(&place)) {
                self.network.set(host, *door);
            }
        }
        self.live.lock().await.doors = doors;
        Ok(())
    }

    /// Waits until every store can be asked.
    async fn stores_ready(&self) -> Result<(), DriverError> {
        let within = self.settings.settles_within();
        try_join_all(self.stack.stores.iter().map(|store| async move {
            match store.kind {
                // A volume is there when it is made.
                StoreKind::Files => Ok(()),
                StoreKind::Bucket => self.make_bucket(store, within).await,
                _ => match self.handle(store).await?.ready(within).await {
                    Ok(()) => Ok(()),
                    Err(error) => Err(self.not_ready(store, error).await),
                },
            }
        }))
        .await
        .map(|_ready| ())
    }

    /// The error of a store that could not be asked, with what its server said last.
    async fn not_ready(&self, store: &Store, error: DriverError) -> DriverError {
        let server = server_of(store).unwrap_or_default();
        let said = match self.engine.container(&server).await {
            Ok(Some(container)) => self.last_words(&container).await,
            _ => "it has no container".to_owned(),
        };
        let doing = format!("wait for the store {} in {server}", store.name);
        DriverError::new(doing, format!("{error}; of {server}: {said}"))
    }

    /// Starts what is neither an application, nor a store, nor attached to one of them, each after
    /// what it waits for by its own file.
    async fn start_helpers(&self, containers: &[Container]) -> Result<(), DriverError> {
        let Some(project) = self.live.lock().await.project().cloned() else {
            return Ok(());
        };
        let applications: BTreeSet<String> = self.stack.services.iter().map(container_of).collect();
        let servers = self.servers();
        let mut waiting: Vec<&str> = project
            .services
            .keys()
            .map(String::as_str)
            .filter(|name| !applications.contains(*name) && !servers.contains(*name))
            .filter(|name| !is_attached(&project, name))
            .collect();
        let mut done: BTreeSet<&str> = BTreeSet::new();
        while !waiting.is_empty() {
            let (ready, rest): (Vec<&str>, Vec<&str>) = waiting.iter().partition(|name| {
                project.services[**name]
                    .depends_on
                    .keys()
                    .all(|need| !waiting.contains(&need.as_str()) || done.contains(need.as_str()))
            });
            if ready.is_empty() {
                return Err(DriverError::new(
                    "start the stack",
                    format!("these services wait for each other: {}", rest.join(", ")),
                ));
            }
            try_join_all(ready.iter().map(|name| async {
                let Some(container) = containers.iter().find(|one| one.service == **name) else {
                    return Ok(());
                };
                let once = project.services.values().any(|other| {
                    other.depends_on.get(*name).map(String::as_str)
                        == Some("service_completed_successfully")
                });
                self.start_helper(container, once).await
            }))
            .await?;
            done.extend(&ready);
            waiting = rest;
        }
        Ok(())
    }

    /// Starts one helper; one that others want completed is waited for.
    async fn start_helper(&self, container: &Container, once: bool) -> Result<(), DriverError> {
        if container.running {
            return Ok(());
        }
        let mut watch = self.engine.watch();
        self.engine.start_container(container).await?;
        if !once {
            return Ok(());
        }
        loop {
            match self.engine.state(&container.id).await? {
                State::Exited(0) => return Ok(()),
                State::Running { .. } => {}
                State::Exited(code) => {
                    let log = self.engine.log(&container.id, 5).await.join("\n");
                    return Err(DriverError::new(
                        format!("run {} to its end", container.service),
                        format!("it ended with {code}: {log}"),
                    ));
                }
                State::Gone => {
                    return Err(DriverError::new(
                        format!("run {} to its end", container.service),
                        "its container is gone",
                    ));
                }
            }
            if watch.next().await.is_none() {
                return Err(DriverError::new(
                    format!("wait for {}", container.service),
                    "the engine closed its stream of events",
                ));
            }
        }
    }

    /// The authority that clients trust from now on: the stack may have made a new one.
    async fn read_authority(&self) -> Result<(), DriverError> {
        let Some(authority) = &self.settings.authority else {
            return Ok(());
        };
        let doing = "read the stack's certificate authority";
        let Some(container) = self.engine.container(&authority.service).await? else {
            let why = format!("there is no container of {}", authority.service);
            return Err(DriverError::new(doing, why));
        };
        match self
            .engine
            .read_file(&container.id, &authority.file)
            .await?
        {
            Some(pem) => {
                self.network.trust(&pem);
                Ok(())
            }
            None => {
                let why = format!("{} has no {}", authority.service, authority.file);
                Err(DriverError::new(doing, why))
            }
        }
    }
}

/// Whether a service lives in another one's network: it comes and goes with that one.
pub(crate) fn is_attached(project: &Project, name: &str) -> bool {
    attached_to(project, name).is_some()
}

/// The service whose network another one lives in.
pub(crate) fn attached_to<'a>(project: &'a Project, name: &str) -> Option<&'a str> {
    project
        .services
        .get(name)?
        .network_mode
        .as_deref()?
        .strip_prefix("service:")
}
