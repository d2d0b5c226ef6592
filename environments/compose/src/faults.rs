//! Faults that this environment does: each at once, and seen to have bitten.

use phoenix_engine::environment::{DriverError, Injected};
use phoenix_engine::plan::Fault;
use phoenix_kit::Secrets;

use crate::driver::Compose;

impl Compose {
    pub(crate) async fn do_fault(&self, fault: &Fault) -> Result<Injected, DriverError> {
        let doing = || fault.sentence();
        match fault {
            Fault::RegenerateSecret(name) => {
                let Some(secret) = self.stack.secret(name) else {
                    return Err(DriverError::new(doing(), "no such secret is declared"));
                };
                let value = Secrets::generate(secret);
                let changed = {
                    let mut live = self.live.lock().await;
                    let changed = live.secrets.get(name) != Some(value.as_str());
                    live.secrets.set(name, value);
                    changed
                };
                // The services that are started with it get it when they start next.
                let running = self.running_with(name).await?;
                self.stop_services(&running).await?;
                self.create().await?;
                if !running.is_empty() {
                    self.start_services(&running).await?;
                }
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
