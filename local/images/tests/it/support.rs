//! A project with recipes of a test.

use std::path::{Path, PathBuf};

use phoenix_images::{Engine, Recipes};
use tempfile::TempDir;

/// A folder that looks like a checkout.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("local/understudies/Cargo.toml", "");
        project
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().join("local/images/recipes")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a file of a recipe.
    pub(crate) fn recipe(&self, name: &str, file: &str, text: &str) -> &Self {
        self.write(&format!("local/images/recipes/{name}/{file}"), text);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn read(&self) -> Recipes {
        Recipes::read(&self.root()).unwrap()
    }

    pub(crate) fn tag(&self, name: &str) -> String {
        self.read().tag_of(name).unwrap().content()
    }
}

/// The engine, or nothing where a run may do without it.
pub(crate) async fn engine() -> Option<Engine> {
    match Engine::connect().await {
        Ok(engine) => Some(engine),
        Err(why) => {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "docker is required: {why}");
            eprintln!("skipped: {why}");
            None
        }
    }
}
