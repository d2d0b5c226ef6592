//! Faults that this environment does: each at once, and seen to have bitten.

use phoenix_engine::environment::{DriverError, Injected};
use phoenix_engine::plan::Fault;

use crate::driver::Compose;

impl Compose {
    pub(crate) async fn do_fault(&self, fault: &Fault) -> Result<Injected, DriverError> {
        let doing = || fault.sentence();
        match fault {
            Fault::RegenerateSecret(name) => {
                let Some(secret) = self.stack.secret(name) else {
                    return Err(DriverError::new(doing(), "no such secret is declared"));
                };
                let mut live = self.live.lock().await;
                let changed = live.secrets.regenerate(&self.stack, secret)?;
                drop(live);
                self.hand_out(name).await?;
                Ok(Injected {
                    bitten: Some(changed),
                    proof: format!("{name} has a new value"),
                })
            }
            Fault::DeletePoints(store) => {
                let points = self.vault.points(store);
                let before = points.map_err(|why| DriverError::new(doing(), why))?.len();
                self.vault
                    .forget(store)
                    .map_err(|why| DriverError::new(doing(), why))?;
                Ok(Injected {
                    bitten: Some(before > 0),
                    proof: format!("{store}: {before} recovery points before, none now"),
                })
            }
            Fault::Stop(service) => {
                self.stop_services(std::slice::from_ref(service)).await?;
                Ok(Injected {
                    bitten: Some(true),
                    proof: format!("{service} is stopped"),
                })
            }
            _ => Err(DriverError::new(
                doing(),
                "the compose environment does not do this fault; the embedded one does",
            )),
        }
    }

    /// Makes the containers of what is started with a secret anew, and starts what ran of them. Where
    /// nothing stands, the rebuild hands it out.
    async fn hand_out(&self, secret: &String) -> Result<(), DriverError> {
        let before = self.engine.containers().await?;
        if before.is_empty() {
            return Ok(());
        }
        let running = self.running_with(secret).await?;
        self.stop_services(&running).await?;
        let servers = self.servers();
        let served = before
            .iter()
            .any(|one| one.running && servers.contains(&one.service));
        if served {
            // The server of a database is given its password too, and is another container then.
            self.raise().await?;
        } else {
            self.create().await?;
        }
        if !running.is_empty() {
            self.start_services(&running).await?;
        }
        Ok(())
    }

    /// Services that run and are started with a secret.
    async fn running_with(&self, secret: &String) -> Result<Vec<String>, DriverError> {
        let containers = self.engine.containers().await?;
        Ok(self
            .stack
            .services
            .iter()
            .filter(|service| service.secrets.contains(secret))
            .filter(|service| {
                let place = crate::settings::container_of(service);
                containers
                    .iter()
                    .any(|one| one.service == place && one.running)
            })
            .map(|service| service.name.clone())
            .collect())
    }
}
