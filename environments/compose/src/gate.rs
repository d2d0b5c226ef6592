//! The gate: the one container of a run that publishes ports. It forwards ephemeral ports of
//! loopback to services inside, so that no network of the stack needs a way out and no two runs
//! meet.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bollard::models::PortBinding;
use phoenix_engine::environment::DriverError;

use crate::engine::{Engine, NetworkSpec};
use crate::forward::Forwarder;
use crate::settings::Place;

/// Ports of the gate itself are counted from here.
const FIRST_PORT: u16 = 20_000;
/// The gate's own network.
const EDGE: &str = "phoenix-edge";

/// How long a gate may take to listen.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
/// Time between two calls at a door that is not open yet.
const KNOCK_EVERY: Duration = Duration::from_millis(15);

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
        let made = self
            .forward(Forwarder {
                name: "gate",
                image,
                ways: numbered
                    .iter()
                    .map(|(port, place)| (*port, format!("{}:{}", place.service, place.port)))
                    .collect(),
                outer: self.network_name(EDGE),
                inner: networks,
                aliases: Vec::new(),
                published: bindings,
            })
            .await
            .map_err(fail)?;
        let found = self
            .docker()
            .inspect_container(&made, None)
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
        is_here(&doors, OPENS_WITHIN).await?;
        Ok(doors)
    }
}

/// Waits until a door takes a call. None does where the engine is on another machine: its loopback is
/// not the harness's, and every wait for a store would end with its time.
async fn is_here(doors: &Doors, within: Duration) -> Result<(), DriverError> {
    let Some(door) = doors.values().next() else {
        return Ok(());
    };
    let knocks = async {
        loop {
            match tokio::net::TcpStream::connect(door).await {
                Ok(_) => return,
                Err(_) => phoenix_engine::pause(KNOCK_EVERY).await,
            }
        }
    };
    tokio::time::timeout(within, knocks).await.map_err(|_| {
        let why = format!(
            "{door} takes no call, and it is a port of the engine's machine: if that is another one \
             (DOCKER_HOST), run phoenix there"
        );
        DriverError::new("reach the stack through its gate", why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gate_on_another_machine_is_told_apart_from_one_here() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let place = Place {
            service: "db".to_owned(),
            port: 5432,
        };
        let doors = Doors::from([(place, listener.local_addr().unwrap())]);
        let within = Duration::from_millis(200);
        is_here(&doors, within).await.unwrap();
        drop(listener);
        let why = is_here(&doors, within).await.unwrap_err().to_string();
        assert!(why.contains("DOCKER_HOST"), "{why}");
    }
}
