//! The traits' side of the driver: each call, handed to what does it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::application::AppContext;
use phoenix_engine::environment::{
    DirectCopy, DriverError, Environment, FileSeen, Fingerprint, Injected, Loaded, Point,
    ProcessLog, Runbook, Started, Vessel,
};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::network::Network;
use phoenix_engine::plan::{Fault, Unit};
use phoenix_engine::stack::{Automation, Policy, Store, StoreKind};
use phoenix_evidence::finding::Level;
use phoenix_stores::Form;

use crate::driver::Compose;
use crate::settings::container_of;

/// Lines of a container's log that are kept with a run.
const KEPT_LINES: usize = 5000;

/// How the recovery points of a store are made, by its policy.
fn form_of(store: &Store) -> Form {
    match store.policy {
        Policy::Snapshot { .. } => Form::Physical,
        _ => Form::Logical,
    }
}

#[async_trait]
impl Environment for Compose {
    fn level(&self) -> Level {
        self.images.level()
    }

    fn settles_within(&self) -> Duration {
        self.settings.settles_within()
    }

    fn serves_within(&self) -> Duration {
        self.settings.serves_within()
    }

    fn cannot_run(&self) -> BTreeMap<String, String> {
        self.stack.absent.clone()
    }

    fn versions(&self) -> BTreeMap<String, String> {
        self.versions.clone()
    }

    fn egress(&self) -> Option<Vec<String>> {
        let allowed = self.settings.egress.iter().map(ToString::to_string);
        let machine = "the engine's own machine, which Podman leaves on every network";
        Some(
            allowed
                .chain(self.podman.then(|| machine.to_owned()))
                .collect(),
        )
    }

    async fn build(&self) -> Result<(), DriverError> {
        self.live.lock().await.secrets.make(&self.stack)?;
        self.raise().await?;
        self.first_start().await
    }

    async fn inventory(&self) -> Result<Vec<Vessel>, DriverError> {
        self.vessels().await
    }

    async fn unseen(&self) -> Result<Vec<Vessel>, DriverError> {
        self.grown_in_layers().await
    }

    async fn stop(&self, services: &[String]) -> Result<(), DriverError> {
        self.stop_services(services).await
    }

    async fn start(&self, services: &[String]) -> Result<BTreeMap<String, Started>, DriverError> {
        self.start_services(services).await
    }

    async fn destroy(&self, stores: &[String]) -> Result<(), DriverError> {
        if self.is_whole(stores) {
            self.engine.remove_everything().await?;
            self.live.lock().await.secrets.burn();
        } else {
            self.remove_vessels(stores).await?;
        }
        for name in stores {
            if matches!(
                self.store(name)?.policy,
                Policy::Snapshot {
                    outlives: false,
                    ..
                }
            ) {
                self.vault
                    .forget(name)
                    .map_err(|why| DriverError::new(format!("destroy backups of {name}"), why))?;
            }
        }
        Ok(())
    }

    async fn still_answering(&self, services: &[String]) -> Vec<String> {
        self.answering(services).await
    }

    async fn rebuild(&self, _stores: &[String]) -> Result<(), DriverError> {
        self.live.lock().await.secrets.make(&self.stack)?;
        self.raise().await
    }

    async fn backup(&self, store: &str, _label: Option<&str>) -> Result<Point, DriverError> {
        let declared = self.store(store)?;
        let io = |why: std::io::Error| DriverError::new(format!("back up {store}"), why);
        let form = form_of(declared);
        let (id, partial) = self.vault.begin(store).map_err(io)?;
        let fingerprint = if declared.kind == StoreKind::Memory {
            None
        } else {
            let handle = self.handle(declared).await?;
            handle
                .backup(form, &partial.join("content"))
                .await?
                .fingerprint
        };
        let manifest = self.vault.finish(store, &id, &partial).map_err(io)?;
        Ok(Point {
            id,
            bytes: manifest.bytes,
            digest: manifest.digest,
            fingerprint,
        })
    }

    fn runbook(&self, store: &str) -> Option<Runbook> {
        let declared = self.stack.store(store)?;
        phoenix_stores::runbook(&declared.engine, form_of(declared))
    }

    async fn points(&self, store: &str) -> Result<Vec<String>, DriverError> {
        self.vault
            .points(store)
            .map_err(|why| DriverError::new(format!("list recovery points of {store}"), why))
    }

    async fn restore(&self, store: &str, point: &str) -> Result<u64, DriverError> {
        let declared = self.store(store)?;
        self.vault
            .verify(store, point)
            .map_err(|why| DriverError::new(format!("restore {store} from {point}"), why))?;
        if declared.kind == StoreKind::Memory {
            return Ok(0);
        }
        let handle = self.handle(declared).await?;
        handle.restore(&self.vault.content(store, point)).await
    }

    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let handle = self.handle(self.store(&point.store)?).await?;
        handle.restore_foreign(point).await
    }

    async fn newest(
        &self,
        store: &str,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let handle = self.handle(self.store(store)?).await?;
        handle.newest(table, column, unit).await
    }

    async fn rows(&self, store: &str, table: &str) -> Result<u64, DriverError> {
        self.handle(self.store(store)?).await?.rows(table).await
    }

    async fn file(&self, store: &str, path: &str) -> Result<Option<FileSeen>, DriverError> {
        self.handle(self.store(store)?).await?.file(path).await
    }

    async fn fingerprint(&self, store: &str) -> Result<Option<Fingerprint>, DriverError> {
        let declared = self.store(store)?;
        if declared.kind == StoreKind::Memory {
            return Ok(None);
        }
        self.handle(declared).await?.fingerprint().await
    }

    fn compare(&self, store: &str, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        match self.stack.store(store) {
            Some(declared) => crate::stores::compare(self.engine.docker(), declared, before, after),
            None => vec![format!("{store} is not declared")],
        }
    }

    async fn write_direct(&self, store: &str, copy: &DirectCopy) -> Result<bool, DriverError> {
        let handle = self.handle(self.store(store)?).await?;
        handle.write_direct(copy).await
    }

    async fn list_direct(&self, store: &str) -> Result<Vec<DirectCopy>, DriverError> {
        let handle = self.handle(self.store(store)?).await?;
        handle.list_direct().await
    }

    async fn find_text(&self, store: &str, text: &str) -> Result<bool, DriverError> {
        let handle = self.handle(self.store(store)?).await?;
        handle.find_text(text).await
    }

    async fn holds(&self, store: &str) -> Result<u64, DriverError> {
        self.handle(self.store(store)?).await?.holds().await
    }

    async fn sql(&self, store: &str, query: &str) -> Result<Vec<String>, DriverError> {
        self.handle(self.store(store)?).await?.sql(query).await
    }

    async fn secrets(&self) -> BTreeMap<String, Option<String>> {
        self.live
            .lock()
            .await
            .secrets
            .digests(&self.run, &self.stack)
    }

    async fn lets_in(&self, secret: &str) -> Result<Option<(bool, String)>, DriverError> {
        self.is_let_in(secret).await
    }

    async fn context(&self, service: &str) -> Result<AppContext, DriverError> {
        let mut context = self.access.context(&self.stack, service)?;
        // What a description of generic requests takes from the stack, by name.
        let live = self.live.lock().await;
        for name in phoenix_applications::http::wanted(&context.settings) {
            let value = match name.split_once(':') {
                Some(("secret", secret)) => live.secrets.get(secret).map(str::to_owned),
                Some(("env", variable)) => live.variables.get(variable).cloned(),
                _ => None,
            };
            context.access.extend(value.map(|value| (name, value)));
        }
        Ok(context)
    }

    fn network(&self) -> Network {
        self.network.clone()
    }

    async fn inject(&self, fault: &Fault) -> Result<Injected, DriverError> {
        self.do_fault(fault).await
    }

    async fn bitten(&self) -> Vec<(Fault, bool, String)> {
        // Faults here bite at once or are refused.
        Vec::new()
    }

    async fn automate(&self, step: &str, by: &Automation) -> Result<String, DriverError> {
        self.automation(step, by).await
    }

    async fn logs(&self) -> Vec<ProcessLog> {
        let containers = self.engine.containers().await.unwrap_or_default();
        let hidden = self.hidden().await;
        let refused = self.live.lock().await.refused.clone();
        let mut logs = Vec::new();
        for container in containers.iter().filter(|one| !one.service.is_empty()) {
            let mut lines = self.engine.log(&container.id, KEPT_LINES).await;
            let not_taken = refused.iter().filter(|(service, _)| {
                self.stack.service(service).map(container_of).as_ref() == Some(&container.service)
            });
            lines.extend(not_taken.map(|(_, words)| words.clone()));
            logs.push(ProcessLog {
                name: container.service.clone(),
                lines: hidden.lines(&lines),
            });
        }
        logs
    }

    async fn reap(&self) -> Result<(), DriverError> {
        self.engine.remove_with_images().await?;
        match fs::remove_dir_all(&self.folder) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                let doing = format!("remove {}", self.folder.display());
                return Err(DriverError::new(doing, why));
            }
            _ => {}
        }
        self.live.lock().await.secrets.forget_kept();
        Ok(())
    }
}
