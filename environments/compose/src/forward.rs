//! Containers of the run's own that forward connections: each is on a network of its own kind and on
//! those of the stack, and nothing is routed through it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkConnectRequest, NetworkingConfig,
    PortBinding,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;

use crate::engine::{Engine, RUN};

/// What is forwarded, and between which networks.
pub(crate) struct Forwarder<'a> {
    /// What it is called after the run's name.
    pub(crate) name: &'a str,
    /// An image with a shell and `socat`.
    pub(crate) image: &'a str,
    /// Port that it listens on, and where each connection to that goes: asked for at each connection,
    /// for a container that came anew has a new address.
    pub(crate) ways: Vec<(u16, String)>,
    /// Its own network, by its name on the engine.
    pub(crate) outer: String,
    /// Networks of the stack, by their names on the engine.
    pub(crate) inner: &'a [String],
    /// Its names on those.
    pub(crate) aliases: Vec<String>,
    /// Its ports that are published.
    pub(crate) published: HashMap<String, Option<Vec<PortBinding>>>,
}

impl Engine {
    /// Starts a forwarder; the id of its container.
    pub(crate) async fn forward(
        &self,
        what: Forwarder<'_>,
    ) -> Result<String, bollard::errors::Error> {
        let mut script = String::new();
        for (port, to) in &what.ways {
            script.push_str(&format!(
                "socat TCP-LISTEN:{port},fork,reuseaddr,backlog=256 TCP:{to},connect-timeout=5 &\n"
            ));
        }
        script.push_str("wait\n");
        let body = ContainerCreateBody {
            image: Some(what.image.to_owned()),
            entrypoint: Some(vec!["/bin/sh".to_owned(), "-c".to_owned()]),
            cmd: Some(vec![script]),
            labels: Some(HashMap::from([(RUN.to_owned(), self.run().to_owned())])),
            exposed_ports: Some(what.published.keys().cloned().collect()),
            host_config: Some(HostConfig {
                port_bindings: Some(what.published),
                init: Some(true),
                // Only what `socat` takes up goes on: it is no router between its networks.
                sysctls: Some(HashMap::from([(
                    "net.ipv4.ip_forward".to_owned(),
                    "0".to_owned(),
                )])),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(what.outer, EndpointSettings::default())])),
            }),
            ..ContainerCreateBody::default()
        };
        let name = format!("phoenix-{}-{}", self.run().to_lowercase(), what.name);
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = self.docker().create_container(Some(options), body).await?;
        for network in what.inner {
            let request = NetworkConnectRequest {
                container: made.id.clone(),
                endpoint_config: Some(EndpointSettings {
                    aliases: Some(what.aliases.clone()),
                    ..EndpointSettings::default()
                }),
            };
            self.docker().connect_network(network, request).await?;
        }
        self.docker().start_container(&made.id, None).await?;
        Ok(made.id)
    }
}
