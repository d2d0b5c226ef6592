//! RabbitMQ, by the tool in its own container.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use phoenix_engine::environment::{DirectCopy, DriverError, Fingerprint};
use serde::Deserialize;

use super::container::Container;
use super::{keeps_nothing, no_database};
use crate::{Form, Store, Taken};

/// A RabbitMQ server as a store.
pub struct RabbitStore {
    container: Container,
}

/// A queue as the tool lists it.
#[derive(Deserialize)]
struct Queue {
    name: String,
    messages: u64,
}

impl RabbitStore {
    /// A server by its container.
    #[must_use]
    pub fn new(docker: Docker, container: &str) -> Self {
        let id = container.to_owned();
        Self {
            container: Container { docker, id },
        }
    }

    /// Container and start of it: what no other incarnation has.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn identity(&self) -> Result<String, DriverError> {
        let started = self.container.started().await;
        started.map_err(|why| self.failed("identify", &why))
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DriverError {
        let doing = format!(
            "{doing} the RabbitMQ in the container {}",
            self.container.id
        );
        DriverError::new(doing, why)
    }

    /// Queues of all virtual hosts.
    async fn queues(&self) -> Result<Vec<Queue>, String> {
        let tool = ["rabbitmqctl", "--quiet", "--formatter", "json"];
        #[derive(Deserialize)]
        struct Host {
            name: String,
        }
        let hosts = self
            .container
            .exec(&[&tool[..], &["list_vhosts"]].concat())
            .await?;
        let hosts: Vec<Host> = serde_json::from_str(&hosts)
            .map_err(|why| format!("its list of hosts cannot be read: {why}"))?;
        let mut queues = Vec::new();
        for host in hosts {
            let list = ["list_queues", "--vhost", &host.name, "name", "messages"];
            let listed = self.container.exec(&[&tool[..], &list].concat()).await?;
            let listed: Vec<Queue> = serde_json::from_str(&listed)
                .map_err(|why| format!("its list of queues cannot be read: {why}"))?;
            queues.extend(listed);
        }
        Ok(queues)
    }
}

#[async_trait]
impl Store for RabbitStore {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        let asked = tokio::time::timeout(within, async {
            loop {
                let up = ["rabbitmqctl", "--quiet", "await_startup", "--timeout", "5"];
                if self.container.exec(&up).await.is_ok() {
                    return self.queues().await.map(|_| ());
                }
                // The tool waits by itself once there is a node; before, it fails at once.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let answered = asked.await;
        answered
            .unwrap_or_else(|_| Err(format!("it is not up after {within:?}")))
            .map_err(|why| self.failed("wait for", &why))
    }

    async fn backup(&self, _form: Form, _into: &Path) -> Result<Taken, DriverError> {
        Err(keeps_nothing("back up a RabbitMQ"))
    }

    async fn restore(&self, _from: &Path) -> Result<u64, DriverError> {
        Err(keeps_nothing("restore a RabbitMQ"))
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        Ok(None)
    }

    fn compare(&self, _before: &Fingerprint, _after: &Fingerprint) -> Vec<String> {
        Vec::new()
    }

    /// A queue takes none: whoever works on it would eat it.
    async fn write_direct(&self, _copy: &DirectCopy) -> Result<bool, DriverError> {
        Ok(false)
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        Ok(Vec::new())
    }

    /// Looks at the names of queues only: nobody reads a message without taking it.
    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        let queues = self.queues().await;
        queues
            .map(|queues| queues.iter().any(|queue| queue.name.contains(text)))
            .map_err(|why| self.failed("look for a text in", &why))
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        let queues = self.queues().await;
        queues
            .map(|queues| queues.iter().map(|queue| queue.messages).sum())
            .map_err(|why| self.failed("count what is in", &why))
    }

    async fn sql(&self, _query: &str) -> Result<Vec<String>, DriverError> {
        Err(no_database("ask a RabbitMQ"))
    }

    async fn execute(&self, _statement: &str, _values: &[String]) -> Result<u64, DriverError> {
        Err(no_database("change a RabbitMQ"))
    }
}
