//! What killed runs left on an engine, by the label that each run gives to everything that it makes.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder,
};
use phoenix_engine::environment::DriverError;

use crate::engine::{Engine, RUN};

/// File in the folder of a stack with the identity of the engine that its containers are on.
pub const ENGINE: &str = "engine";

/// Identity of the engine that is asked now; empty where it does not say.
///
/// # Errors
/// When no engine can be asked.
pub async fn engine() -> Result<String, DriverError> {
    Engine::connect("").await?.identity().await
}

/// How many things of one stack are on the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Containers, running or not.
    pub containers: usize,
    /// Volumes.
    pub volumes: usize,
    /// Networks.
    pub networks: usize,
    /// Images that were built for it.
    pub images: usize,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = phoenix_engine::words::count;
        write!(
            f,
            "{}, {}, {}",
            count(self.containers as u64, "container", "containers"),
            count(self.volumes as u64, "volume", "volumes"),
            count(self.networks as u64, "network", "networks")
        )?;
        match self.images {
            0 => Ok(()),
            images => write!(f, ", {}", count(images as u64, "image", "images")),
        }
    }
}

/// Everything on the engine that a run of phoenix made, by the stack that it belongs to: the run's id
/// and the cycle's nonce.
///
/// # Errors
/// When no engine can be asked.
pub async fn leftovers() -> Result<BTreeMap<String, Left>, DriverError> {
    let engine = Engine::connect("").await?;
    let fail = |why: bollard::errors::Error| DriverError::new("look for what runs left", why);
    let labelled = HashMap::from([("label".to_owned(), vec![RUN.to_owned()])]);
    let mut all: BTreeMap<String, Left> = BTreeMap::new();
    let mut count = |labels: Option<HashMap<String, String>>, add: &dyn Fn(&mut Left)| {
        if let Some(stack) = labels.and_then(|mut labels| labels.remove(RUN)) {
            add(all.entry(stack).or_default());
        }
    };
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&labelled)
        .build();
    let containers = engine.docker().list_containers(Some(options));
    for one in containers.await.map_err(fail)? {
        count(one.labels, &|left| left.containers += 1);
    }
    let options = ListVolumesOptionsBuilder::new().filters(&labelled).build();
    let volumes = engine.docker().list_volumes(Some(options));
    for one in volumes.await.map_err(fail)?.volumes.unwrap_or_default() {
        count(Some(one.labels), &|left| left.volumes += 1);
    }
    let options = ListNetworksOptionsBuilder::new().filters(&labelled).build();
    let networks = engine.docker().list_networks(Some(options));
    for one in networks.await.map_err(fail)? {
        count(one.labels, &|left| left.networks += 1);
    }
    let options = ListImagesOptionsBuilder::new().filters(&labelled).build();
    let images = engine.docker().list_images(Some(options));
    for one in images.await.map_err(fail)? {
        count(Some(one.labels), &|left| left.images += 1);
    }
    Ok(all)
}

/// Removes what one stack left. Safe to repeat.
///
/// # Errors
/// When something of it cannot be removed.
pub async fn reap(stack: &str) -> Result<(), DriverError> {
    if stack.is_empty() {
        return Err(DriverError::new("reap a stack", "it has no name"));
    }
    Engine::connect(stack).await?.remove_with_images().await
}
