//! The driver: a stack of containers under one label. Everything that it stops, removes or restores
//! over is found by that label.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use phoenix_engine::environment::DriverError;
use phoenix_engine::network::Network;
use phoenix_engine::stack::{Policy, Stack, Store};
use phoenix_kit::{Access, Hidden, Keyring, Secrets, Vault};

use crate::egress::{Ways, look_up};
use crate::engine::Engine;
use crate::gate::Doors;
use crate::images::Chosen;
use crate::own::Own;
use crate::project::{Project, Tool};
use crate::settings::{Settings, container_of, server_of};

/// A stack of containers of one cycle.
pub struct Compose {
    pub(crate) run: String,
    pub(crate) stack: Stack,
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
    pub(crate) tool: Tool,
    /// What a run keeps beside its evidence while it lives: the file that is really run, secrets.
    pub(crate) folder: PathBuf,
    pub(crate) vault: Vault,
    pub(crate) network: Network,
    pub(crate) access: Access,
    pub(crate) images: Chosen,
    pub(crate) own: Own,
    /// Where the stack may go beyond itself.
    pub(crate) ways: Ways,
    /// Whether the engine is Podman.
    pub(crate) podman: bool,
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) live: tokio::sync::Mutex<Live>,
}

/// What is so at the moment.
pub(crate) struct Live {
    pub(crate) secrets: Keyring,
    /// Random values that the run keeps over a rebuild.
    pub(crate) variables: BTreeMap<String, String>,
    /// The variables that the project was resolved with last, and what came of it, prepared for the
    /// run.
    pub(crate) resolved: Option<(BTreeMap<String, String>, Project)>,
    pub(crate) doors: Doors,
    /// What a service did not take of the harness, in the words of whoever refused it.
    pub(crate) refused: BTreeMap<String, String>,
}

impl Live {
    /// The project as it was resolved last.
    pub(crate) fn project(&self) -> Option<&Project> {
        self.resolved.as_ref().map(|(_, project)| project)
    }
}

impl Compose {
    /// A stack that is not built yet. What it keeps goes into a folder of its own that must not
    /// exist. Images are chosen here, before any clock starts.
    ///
    /// # Errors
    /// When there is no engine, no Compose, or no images; when the Compose files cannot be read, or
    /// reach beyond the drill.
    pub async fn new(
        run: &str,
        nonce: &str,
        stack: Stack,
        cycle_folder: &Path,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, DriverError> {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let doing = "make room for a stack of containers";
        let mut settings = Settings::of(&stack)?;
        let engine = Engine::connect(&format!("{run}-{nonce}")).await?;
        let folder = std::path::absolute(cycle_folder.join("stack"))
            .map_err(|why| DriverError::new(doing, why))?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|why| DriverError::new(doing, format!("{}: {why}", folder.display())))?;
        // Whoever looks for what is left has to look on this engine.
        fs::write(folder.join(crate::reap::ENGINE), engine.identity().await?)
            .map_err(|why| DriverError::new(doing, why))?;
        let tool = Tool::find(&folder.join("docker")).await?.of(run);
        let network = Network::new(None);
        let access = Access::new(network.clone(), nonce);
        let variables = settings
            .variables
            .iter()
            .map(|(name, len)| {
                let len = len.to_string().parse().unwrap_or(24);
                (name.clone(), Secrets::random(len))
            })
            .collect::<BTreeMap<_, _>>();
        let ways = look_up(&settings.egress).await?;
        let images =
            Chosen::choose(&engine, &tool, &settings, &settings.stand_ins(&stack), says).await?;
        let helpers = Own::have(&engine, says).await?;
        let absent = absent(&stack, &images, says)?;
        settings.without.extend(images.foreign.keys().cloned());
        let stack = stack.without(&absent);
        let (engine_version, _) = engine.version().await?;
        let mut versions = images.digests.clone();
        let podman = engine.is_podman().await?;
        let kind = if podman { "podman" } else { "docker" };
        versions.insert(kind.to_owned(), engine_version);
        versions.insert("compose".to_owned(), tool.version.clone());
        let vault = Vault::new(cycle_folder.join("vault"));
        let live = Live {
            secrets: Keyring::new(
                folder.join("secrets.json"),
                vault.content("secrets", "preserved"),
            ),
            variables,
            resolved: None,
            doors: Doors::new(),
            refused: BTreeMap::new(),
        };
        let mut own = Self {
            run: run.to_owned(),
            stack,
            settings,
            engine,
            tool,
            folder,
            vault,
            network,
            access,
            images,
            own: helpers,
            ways,
            podman,
            versions,
            live: tokio::sync::Mutex::new(live),
        };
        match own.build_images(says).await {
            Ok(built) => own.versions.extend(built),
            Err(why) => {
                // Nobody has a stack yet that could be reaped.
                let left = own.engine.remove_with_images().await;
                return Err(left.err().map_or(why.clone(), |left| {
                    DriverError::new(why.doing, format!("{}; {left}", why.why))
                }));
            }
        }
        Ok(own)
    }

    pub(crate) fn store(&self, name: &str) -> Result<&Store, DriverError> {
        self.stack
            .store(name)
            .ok_or_else(|| DriverError::new(format!("find the store {name}"), "it is not declared"))
    }

    /// What must not be kept of what containers print.
    pub(crate) async fn hidden(&self) -> Hidden {
        let live = self.live.lock().await;
        Hidden::new(&live.secrets, &self.access).and(&live.variables)
    }

    /// Whether a destroy of these stores is one of the whole stack.
    pub(crate) fn is_whole(&self, stores: &[String]) -> bool {
        self.stack
            .stores
            .iter()
            .all(|store| store.policy != Policy::Retained && stores.contains(&store.name))
    }
}

/// The services of the environment that have no image for the engine's architecture, and why.
///
/// # Errors
/// When the server of a declared store has none: without it there is no stack.
fn absent(
    stack: &Stack,
    images: &Chosen,
    says: &(dyn Fn(&str) + Sync),
) -> Result<BTreeMap<String, String>, DriverError> {
    for store in &stack.stores {
        if let Some(why) = server_of(store).and_then(|server| images.foreign.get(&server)) {
            return Err(DriverError::new(
                format!("have a server for the store {}", store.name),
                format!("{why}; name one that has, or run on an engine of that architecture"),
            ));
        }
    }
    for (service, why) in &images.foreign {
        says(&format!("{service} is left out: {why}"));
    }
    Ok(stack
        .services
        .iter()
        .filter_map(|service| {
            let why = images.foreign.get(&container_of(service))?;
            Some((service.name.clone(), why.clone()))
        })
        .collect())
}
