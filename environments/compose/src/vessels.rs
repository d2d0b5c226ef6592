//! What holds the data of a stack: volumes, containers and buckets; how they go, and what is found.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_engine::environment::{DriverError, Vessel};
use phoenix_engine::stack::{Store, StoreKind};

use crate::driver::Compose;
use crate::engine::{Container, Volume};
use crate::settings::server_of;

impl Compose {
    /// Removes the vessels of some stores and leaves the rest as it is.
    pub(crate) async fn remove_vessels(&self, stores: &[String]) -> Result<(), DriverError> {
        let containers = self.engine.containers().await?;
        let volumes = self.engine.volumes().await?;
        let (mut doomed, mut servers) = (BTreeSet::new(), BTreeSet::new());
        for name in stores {
            let store = self.store(name)?;
            match store.kind {
                StoreKind::Bucket => self.remove_bucket(store).await?,
                // Its carrier's volume may stay: then only its own folder goes.
                StoreKind::Database if store.on.is_some() => {
                    servers.extend(server_of(store));
                    if !store.on.as_ref().is_some_and(|on| stores.contains(on)) {
                        self.clear_carried(store, &volumes).await?;
                    }
                }
                _ => {
                    servers.extend(server_of(store));
                    doomed.extend(self.volumes_of(store, &containers, &volumes));
                }
            }
        }
        let names: BTreeSet<&str> = doomed.iter().map(|one| one.name.as_str()).collect();
        let gone: Vec<String> = containers
            .iter()
            .filter(|one| {
                servers.contains(&one.service)
                    || one
                        .volumes
                        .iter()
                        .any(|volume| names.contains(volume.as_str()))
            })
            .map(|one| one.id.clone())
            .collect();
        self.engine.remove_containers(&gone).await?;
        let doomed: Vec<Volume> = doomed.into_iter().collect();
        self.engine.remove_volumes(&doomed).await
    }

    /// The volumes that hold a store and nothing else that is declared.
    fn volumes_of(
        &self,
        store: &Store,
        containers: &[Container],
        volumes: &[Volume],
    ) -> Vec<Volume> {
        if store.engine == "volume" {
            return volumes
                .iter()
                .filter(|one| one.declared == store.at)
                .cloned()
                .collect();
        }
        let Some(server) = server_of(store) else {
            return Vec::new();
        };
        let declared: BTreeSet<&str> = self
            .stack
            .stores
            .iter()
            .filter(|other| other.engine == "volume")
            .map(|other| other.at.as_str())
            .collect();
        let mounted: BTreeSet<&str> = containers
            .iter()
            .filter(|one| one.service == server)
            .flat_map(|one| one.volumes.iter().map(String::as_str))
            .collect();
        volumes
            .iter()
            .filter(|one| mounted.contains(one.name.as_str()))
            .filter(|one| !declared.contains(one.declared.as_str()))
            .cloned()
            .collect()
    }

    /// All vessels that are there now, declared or not.
    pub(crate) async fn vessels(&self) -> Result<Vec<Vessel>, DriverError> {
        let containers = self.engine.containers().await?;
        let volumes = self.engine.volumes().await?;
        let mut vessels = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        let buckets = self.bucket_dates(&containers).await?;
        for store in &self.stack.stores {
            let own = self.volumes_of(store, &containers, &volumes);
            known.extend(own.iter().map(|one| one.name.clone()));
            vessels.extend(self.vessel(store, &own, &containers, &volumes, &buckets));
        }
        let live = self.live.lock().await;
        let fixed = |one: &Volume| {
            let project = live.project();
            project.is_some_and(|project| project.is_fixed(&one.declared))
        };
        let strays = volumes.iter().filter(|one| !known.contains(&one.name));
        for stray in strays.filter(|one| !fixed(one)) {
            vessels.push(Vessel {
                store: None,
                kind: "volume".to_owned(),
                place: named(stray),
                identity: stray.incarnation.clone(),
            });
        }
        drop(live);
        for (bucket, date) in &buckets {
            let declared = self
                .stack
                .stores
                .iter()
                .any(|store| store.kind == StoreKind::Bucket && store.at == *bucket);
            if !declared {
                vessels.push(Vessel {
                    store: None,
                    kind: "bucket".to_owned(),
                    place: bucket.clone(),
                    identity: date.clone(),
                });
            }
        }
        vessels.extend(self.anonymous(&containers, &volumes));
        for (store, database) in self.undeclared_databases(&containers).await? {
            vessels.push(Vessel {
                store: None,
                kind: "database".to_owned(),
                place: format!("{database} on the server of {store}"),
                identity: database,
            });
        }
        Ok(vessels)
    }

    fn vessel(
        &self,
        store: &Store,
        own: &[Volume],
        containers: &[Container],
        volumes: &[Volume],
        buckets: &BTreeMap<String, String>,
    ) -> Option<Vessel> {
        let container =
            server_of(store).and_then(|server| containers.iter().find(|one| one.service == server));
        let (kind, place, identity) = match store.kind {
            StoreKind::Bucket => {
                // The bucket's own date, to the second, on the volume that its server keeps it on.
                let date = buckets.get(&store.at)?;
                let below: Vec<&str> = own.iter().map(|one| one.incarnation.as_str()).collect();
                (
                    "bucket",
                    store.at.clone(),
                    format!("{date} on {}", below.join(" ")),
                )
            }
            StoreKind::Database if store.on.is_some() => {
                let carrier = self.stack.store(store.on.as_ref()?)?;
                let volume = volumes.iter().find(|one| one.declared == carrier.at)?;
                (
                    "database",
                    format!("{} on {}", store.at, named(volume)),
                    format!("{} {}", volume.incarnation, container?.id),
                )
            }
            _ => match own.first() {
                Some(volume) => ("volume", named(volume), volume.incarnation.clone()),
                None => {
                    let container = container?;
                    ("container", container.service.clone(), container.id.clone())
                }
            },
        };
        Some(Vessel {
            store: Some(store.name.clone()),
            kind: kind.to_owned(),
            place,
            identity,
        })
    }

    /// Databases beside those that are declared, on servers that run.
    async fn undeclared_databases(
        &self,
        containers: &[Container],
    ) -> Result<Vec<(String, String)>, DriverError> {
        let mut found = Vec::new();
        for store in &self.stack.stores {
            let Some(server) = server_of(store) else {
                continue;
            };
            let runs = containers
                .iter()
                .any(|one| one.service == server && one.running);
            let query = match store.engine.as_str() {
                "postgres" => {
                    "SELECT datname FROM pg_database WHERE NOT datistemplate \
                     AND datname <> 'postgres'"
                }
                "mysql" => {
                    "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN \
                     ('mysql', 'sys', 'information_schema', 'performance_schema')"
                }
                _ => continue,
            };
            if !runs {
                continue;
            }
            let declared = |name: &String| {
                self.stack
                    .stores
                    .iter()
                    .any(|other| server_of(other).as_ref() == Some(&server) && other.at == *name)
            };
            let all = self.handle(store).await?.sql(query).await?;
            found.extend(
                all.into_iter()
                    .filter(|name| !declared(name))
                    .map(|name| (store.name.clone(), name)),
            );
        }
        Ok(found)
    }
}

/// A volume as people know it.
fn named(volume: &Volume) -> String {
    if volume.declared.is_empty() {
        volume.name.clone()
    } else {
        volume.declared.clone()
    }
}
