//! What holds the data of a stack: where each store lies, how it comes and goes, what is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_engine::environment::{DriverError, Fingerprint, Vessel};
use phoenix_engine::stack::{Store, StoreKind};

use crate::driver::Embedded;
use crate::objects;
use crate::store::{directory, identity, sqlite};

impl Embedded {
    /// Where a store lies.
    pub(crate) fn path(&self, store: &Store) -> PathBuf {
        if store.kind == StoreKind::Bucket {
            return self.objects.stock.root().join(&store.at);
        }
        let carrier = store
            .on
            .as_ref()
            .and_then(|on| self.stack.store(on))
            .map(|carrier| self.path(carrier));
        match carrier {
            Some(carrier) => carrier.join(&store.at),
            None => self.folder.join("stores").join(&store.at),
        }
    }

    /// Names below a store's folder under which other stores lie: each is a store of its own.
    pub(crate) fn carried(&self, store: &Store) -> Vec<String> {
        let mut names: Vec<String> = self
            .stack
            .stores
            .iter()
            .filter(|other| other.on.as_ref() == Some(&store.name))
            .filter_map(|other| Some(other.at.split('/').next()?.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn create_vessel(&self, store: &Store) -> std::io::Result<()> {
        let path = self.path(store);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match store.kind {
            StoreKind::Database => fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .map(|_| ()),
            StoreKind::Files => fs::create_dir_all(&path),
            StoreKind::Bucket => self.create_bucket(store),
            StoreKind::Memory => {
                self.servers.start(&store.name, &store.engine);
                Ok(())
            }
        }
    }

    pub(crate) fn remove_vessel(&self, store: &Store) -> std::io::Result<()> {
        let path = self.path(store);
        let gone = |outcome: std::io::Result<()>| match outcome {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        match store.kind {
            StoreKind::Database => {
                for suffix in ["", "-wal", "-shm", "-journal"] {
                    let mut name = path.clone().into_os_string();
                    name.push(suffix);
                    gone(fs::remove_file(name))?;
                }
                Ok(())
            }
            StoreKind::Files => gone(fs::remove_dir_all(&path)),
            StoreKind::Bucket => self.remove_bucket(store),
            StoreKind::Memory => {
                self.servers.end(&store.name);
                Ok(())
            }
        }
    }

    pub(crate) fn fingerprint_now(
        &self,
        store: &Store,
    ) -> Result<Option<Fingerprint>, DriverError> {
        let path = self.path(store);
        let doing = || format!("fingerprint {}", store.name);
        match store.kind {
            StoreKind::Database => sqlite::fingerprint(&path)
                .map(Some)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Files => directory::fingerprint_but(&path, &self.carried(store))
                .map(Some)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Bucket => self
                .bucket(store)
                .and_then(|bucket| objects::fingerprint(&bucket))
                .map(Some)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Memory => Ok(None),
        }
    }

    /// Puts the content of a point into the store's vessel; the vessel stays the one it is.
    pub(crate) fn copy_in(&self, store: &Store, content: &Path) -> std::io::Result<u64> {
        let path = self.path(store);
        match store.kind {
            StoreKind::Database => {
                let mut from = fs::File::open(content.join("database"))?;
                let mut to = fs::OpenOptions::new()
                    .write(true)
                    .truncate(true)
                    .open(&path)?;
                let bytes = std::io::copy(&mut from, &mut to)?;
                to.sync_data()?;
                Ok(bytes)
            }
            StoreKind::Files => directory::copy_tree(content, &path),
            StoreKind::Bucket => self.restore_bucket(store, content),
            StoreKind::Memory => Ok(0),
        }
    }

    /// Files that grew in a container's own layer: data that nobody declared. Caches are no data.
    fn container_layers(&self, vessels: &mut Vec<Vessel>) -> std::io::Result<()> {
        let root = self.folder.join("containers");
        for service in &self.stack.services {
            let layer = root.join(&service.name);
            if !layer.exists() {
                continue;
            }
            let grown = directory::files(&layer)?.into_iter().filter(|path| {
                let inside = path.strip_prefix(&layer).unwrap_or(path);
                !inside.starts_with("framework") && !inside.ends_with("pat.txt")
            });
            let files = grown.count();
            if files > 0 {
                vessels.push(Vessel {
                    store: None,
                    kind: "container layer".to_owned(),
                    place: format!("{} ({files} files)", service.name),
                    identity: identity(&layer).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// All vessels that are there now: declared stores, and whatever else lies where stores lie.
    pub(crate) fn vessels(&self) -> Result<Vec<Vessel>, DriverError> {
        let mut vessels = Vec::new();
        let mut known = BTreeSet::new();
        for store in &self.stack.stores {
            if store.kind == StoreKind::Memory {
                vessels.extend(self.servers.identity(&store.name).map(|identity| Vessel {
                    store: Some(store.name.clone()),
                    kind: store.engine.clone(),
                    place: format!("memory of {}", store.at),
                    identity,
                }));
                continue;
            }
            let path = self.path(store);
            let Some(identity) = identity(&path) else {
                continue;
            };
            let place = path
                .strip_prefix(&self.folder)
                .unwrap_or(&path)
                .display()
                .to_string();
            known.insert(path);
            vessels.push(Vessel {
                store: Some(store.name.clone()),
                kind: store.engine.clone(),
                place,
                identity,
            });
        }
        let doing = "look for undeclared vessels";
        let stores = self.folder.join("stores");
        if let Ok(entries) = fs::read_dir(&stores) {
            for entry in entries {
                let path = entry.map_err(|why| DriverError::new(doing, why))?.path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let beside = ["-wal", "-shm", "-journal"]
                    .iter()
                    .any(|suffix| name.ends_with(suffix));
                if !known.contains(&path) && !beside {
                    vessels.push(Vessel {
                        store: None,
                        kind: if path.is_dir() { "directory" } else { "file" }.to_owned(),
                        place: format!("stores/{name}"),
                        identity: identity(&path).unwrap_or_default(),
                    });
                }
            }
        }
        self.undeclared_buckets(&known, &mut vessels)
            .map_err(|why| DriverError::new(doing, why))?;
        self.container_layers(&mut vessels)
            .map_err(|why| DriverError::new(doing, why))?;
        Ok(vessels)
    }
}
