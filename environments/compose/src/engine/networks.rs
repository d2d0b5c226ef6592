//! Networks of a run. Those of the stack have no way out: a stack that comes back to life must not
//! write to real people.

use std::collections::HashMap;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use phoenix_engine::environment::DriverError;

use super::{Engine, is_gone};

/// The API from which an engine can keep itself off an internal network.
const ISOLATES: (usize, usize) = (1, 48);

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkSpec {
    /// Containers of the stack among themselves, and nobody else.
    Inner,
    /// The gate's own: its ports are published, and packets that leave it are not translated, so
    /// that none finds its way back.
    Edge,
    /// That of the ways out: containers of the stack are not on it.
    Exit,
}

impl NetworkSpec {
    /// Options for the engine's bridges, the best first: an engine refuses those that it does not know,
    /// or takes no notice of them.
    fn options(self, api: (usize, usize)) -> Vec<HashMap<String, String>> {
        let option = |name: &str, value: &str| {
            HashMap::from([(
                format!("com.docker.network.bridge.{name}"),
                value.to_owned(),
            )])
        };
        match self {
            // Without an address of its own on the bridge, the host cannot be called from there: what
            // listens on all of its addresses is the first thing that a stack could reach.
            Self::Inner => {
                let isolated = option("gateway_mode_ipv4", "isolated");
                let mut all = vec![isolated, option("inhibit_ipv4", "true")];
                if api < ISOLATES {
                    all.remove(0);
                }
                all
            }
            Self::Edge => vec![option("enable_ip_masquerade", "false")],
            Self::Exit => vec![HashMap::new()],
        }
    }
}

impl Engine {
    /// The engine's name for a declared network.
    #[must_use]
    pub fn network_name(&self, declared: &str) -> String {
        format!("phoenix-{}_{declared}", self.run.to_lowercase())
    }

    /// Makes a network of this run, unless it is there.
    ///
    /// # Errors
    /// When the engine has no more address ranges, or does not answer.
    pub async fn make_network(&self, declared: &str, spec: NetworkSpec) -> Result<(), DriverError> {
        let name = self.network_name(declared);
        if self.networks().await?.contains(&name) {
            return Ok(());
        }
        let api = self.docker.client_version();
        let mut made = Ok(());
        for options in spec.options((api.major_version, api.minor_version)) {
            let request = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                internal: Some(spec == NetworkSpec::Inner),
                options: Some(options),
                labels: Some(self.labels(&[])),
                ..NetworkCreateRequest::default()
            };
            made = self.docker.create_network(request).await.map(|_made| ());
            if made.is_ok() {
                break;
            }
        }
        made.map_err(|why| DriverError::new(format!("make the network {declared}"), why))
    }

    /// Names of all networks of the run.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn networks(&self) -> Result<Vec<String>, DriverError> {
        let options = ListNetworksOptionsBuilder::new()
            .filters(&self.mine())
            .build();
        let found = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(|why| DriverError::new("list the networks of the run", why))?;
        Ok(found.into_iter().filter_map(|one| one.name).collect())
    }

    /// Removes a network of this run; one that is gone is removed.
    ///
    /// # Errors
    /// When a container is still on it.
    pub async fn remove_network(&self, name: &str) -> Result<(), DriverError> {
        match self.docker.remove_network(name).await {
            Err(why) if !is_gone(&why) => {
                Err(DriverError::new(format!("remove the network {name}"), why))
            }
            _ => Ok(()),
        }
    }
}
