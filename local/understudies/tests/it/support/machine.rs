//! The machine under a server: a test can stop the server, rob its volumes, and start it again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use phoenix_understudies::platform::{Backing, Behaviour, Clock, Platform, Resolver};
use phoenix_understudies::shared::client::install_crypto;

use super::database::{Place, TestDatabase};

/// What outlives a container: the database, the volumes `data` and `config`, the variables.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    /// Where the rows are.
    pub(crate) rows: Place,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) backing: Backing,
    pub(crate) behaviour: Behaviour,
    pub(crate) clock: Clock,
    pub(crate) resolver: Resolver,
    pub(crate) trust_pem: Vec<String>,
}

impl Machine {
    pub(crate) fn new(env: &[(&str, &str)]) -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        for volume in ["data", "config"] {
            std::fs::create_dir(folder.path().join(volume)).unwrap();
        }
        Self {
            rows: Place::new(folder.path()),
            folder,
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            backing: Backing::default(),
            behaviour: Behaviour::default(),
            clock: Clock::default(),
            resolver: Resolver::default(),
            trust_pem: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Empties a volume, as a rebuild without a backup does.
    pub(crate) fn rob(&self, volume: &str) {
        std::fs::remove_dir_all(self.path(volume)).unwrap();
        std::fs::create_dir(self.path(volume)).unwrap();
    }

    /// A connection to the database.
    pub(crate) fn database(&self) -> Arc<TestDatabase> {
        self.rows.open()
    }

    pub(crate) fn platform(&self, database: Arc<TestDatabase>) -> Platform {
        Platform {
            env: self.env.clone(),
            listen: "127.0.0.1:0".parse().unwrap(),
            database,
            files: self.path("data"),
            config: self.path("config"),
            backing: self.backing.clone(),
            clock: self.clock.clone(),
            resolver: self.resolver.clone(),
            trust_pem: self.trust_pem.clone(),
            behaviour: self.behaviour.clone(),
        }
    }
}
