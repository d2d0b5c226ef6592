//! The gate: the one container of a run that publishes ports. It forwards ephemeral ports of
//! loopback to services inside, so that no network of the stack needs a way out and no two runs
//! meet.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkConnectRequest, NetworkingConfig,
    PortBinding,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use phoenix_engine::environment::DriverError;

use crate::engine::{Engine, NetworkSpec};
use crate::settings::Place;

/// Ports of the gate itself are counted from here.
const FIRST_PORT: u16 = 20_000;
/// The gate's own network.
const EDGE: &str = "phoenix-edge";

/// Where each place of the stack is reached from the host.
pub(crate) type Doors = BTreeMap<Place, SocketAddr>;

impl Engine {
    /// Opens a gate to these places. Its image has a shell and `socat`.
    ///
    /// # Errors
    /// When the engine cannot make it, or gives no port.
    pub(crate) async fn open_gate(
        &self,
        image: &str,
        networks: &[String],
        places: &[Place],
    ) -> Result<Doors, DriverError> {
        let doing = "open the gate to the stack";
        let fail = |why: bollard::errors::Error| DriverError::new(doing, why);
        self.make_network(EDGE, NetworkSpec::Edge).await?;
        let numbered: Vec<(u16, &Place)> = (FIRST_PORT..).zip(places).collect();
        let mut script = String::new();
        for (port, place) in &numbered {
            // The name is asked for at each connection: a container that came anew has a new address.
            script.push_str(&format!(
                "socat TCP-LISTEN:{port},fork,reuseaddr,backlog=256 TCP:{}:{},connect-timeout=5 &\n",
                place.service, place.port
            ));
        }
        script.push_str("wait\n");
        let bindings: HashMap<String, Option<Vec<PortBinding>>> = numbered
            .iter()
            .map(|(port, _)| {
                let loopback = PortBinding {
                    host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
                    host_port: Some(String::new()),
                };
                (format!("{port}/tcp"), Some(vec![loopback]))
            })
            .collect();
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["/bin/sh".to_owned(), "-c".to_owned()]),
            cmd: Some(vec![script]),
            labels: Some(HashMap::from([(
                crate::engine::RUN.to_owned(),
                self.run().to_owned(),
            )])),
            exposed_ports: Some(bindings.keys().cloned().collect()),
            host_config: Some(HostConfig {
                port_bindings: Some(bindings),
                init: Some(true),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(
                    self.network_name(EDGE),
                    EndpointSettings::default(),
                )])),
            }),
            ..ContainerCreateBody::default()
        };
        let name = format!("phoenix-{}-gate", self.run().to_lowercase());
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = self
            .docker()
            .create_container(Some(options), body)
            .await
            .map_err(fail)?;
        for network in networks {
            let request = NetworkConnectRequest {
                container: made.id.clone(),
                endpoint_config: None,
            };
            self.docker()
                .connect_network(network, request)
                .await
                .map_err(fail)?;
        }
        self.docker()
            .start_container(&made.id, None)
            .await
            .map_err(fail)?;
        let found = self
            .docker()
            .inspect_container(&made.id, None)
            .await
            .map_err(fail)?;
        let published = found
            .network_settings
            .and_then(|settings| settings.ports)
            .unwrap_or_default();
        let mut doors = Doors::new();
        for (port, place) in numbered {
            let number = published
                .get(&format!("{port}/tcp"))
                .and_then(Option::as_ref)
                .and_then(|all| all.first())
                .and_then(|binding| binding.host_port.as_ref())
                .and_then(|port| port.parse::<u16>().ok())
                .ok_or_else(|| {
                    let why = format!("no port of loopback leads to {}", place.service);
                    DriverError::new(doing, why)
                })?;
            doors.insert(
                place.clone(),
                SocketAddr::from((Ipv4Addr::LOCALHOST, number)),
            );
        }
        Ok(doors)
    }
}
