//! Ways out. No network of the stack has one, so what the environment file allows is brought to it: a
//! forwarder on the stack's networks answers to the name of the place, and leads there and nowhere
//! else. Its own way leaves by a network that no container of the stack is on.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use phoenix_engine::environment::DriverError;
use phoenix_language::value::Egress;

use crate::engine::{Engine, NetworkSpec};
use crate::forward::Forwarder;
use crate::project::Project;

/// The network that the forwarders leave by.
const EXIT: &str = "phoenix-exit";

/// Where each allowed name leads, by its ports.
pub(crate) type Ways = BTreeMap<String, BTreeMap<u16, SocketAddr>>;

/// Looks up where the allowed places are: the harness does, because inside the stack such a name is
/// that of the forwarder.
///
/// # Errors
/// When a place has no address that a forwarder can reach, or one leads to two.
pub(crate) async fn look_up(allowed: &[Egress]) -> Result<Ways, DriverError> {
    let mut ways = Ways::new();
    for way in allowed {
        let fail = |why: String| DriverError::new(format!("let the stack reach {way}"), why);
        let (host, port) = &way.to;
        let found = tokio::net::lookup_host((host.as_str(), *port))
            .await
            .map_err(|why| fail(why.to_string()))?;
        let address = found
            .into_iter()
            .find(SocketAddr::is_ipv4)
            .ok_or_else(|| fail(format!("{host} has no address of IPv4")))?;
        if address.ip().is_loopback() {
            return Err(fail(format!(
                "{} is this machine's own and the forwarder's own: name the address by which \
                 containers reach this machine",
                address.ip()
            )));
        }
        let ports = ways.entry(way.host.clone()).or_default();
        if ports
            .insert(way.port, address)
            .is_some_and(|other| other != address)
        {
            return Err(fail(format!(
                "{}:{} leads elsewhere too",
                way.host, way.port
            )));
        }
    }
    Ok(ways)
}

/// A name that the stack has itself and that is to lead out of it: half of the calls would go astray.
pub(crate) fn taken<'a>(project: &Project, allowed: &'a [Egress]) -> Option<&'a str> {
    let is_own = |host: &str| {
        project.services.iter().any(|(name, service)| {
            let mut aliases = service.networks.values().flatten();
            name == host || aliases.any(|alias| alias == host)
        })
    };
    allowed
        .iter()
        .map(|way| way.host.as_str())
        .find(|host| is_own(host))
}

impl Engine {
    /// Opens the ways out of these networks of the stack.
    ///
    /// # Errors
    /// When the engine cannot.
    pub(crate) async fn open_egress(
        &self,
        image: &str,
        networks: &[String],
        ways: &Ways,
    ) -> Result<(), DriverError> {
        if ways.is_empty() {
            return Ok(());
        }
        self.make_network(EXIT, NetworkSpec::Exit).await?;
        for (number, (host, ports)) in ways.iter().enumerate() {
            // One for each name: two may have the same port.
            self.forward(Forwarder {
                name: &format!("egress-{number}"),
                image,
                ways: ports
                    .iter()
                    .map(|(port, address)| (*port, address.to_string()))
                    .collect(),
                outer: self.network_name(EXIT),
                inner: networks,
                aliases: vec![host.clone()],
                published: HashMap::new(),
            })
            .await
            .map_err(|why| DriverError::new(format!("open the way out to {host}"), why))?;
        }
        Ok(())
    }
}
