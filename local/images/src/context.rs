//! What the engine gets to build from: the recipe's folder, and what was fetched or built for it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::Stream;
use tempfile::TempDir;
use tokio::process::Command;

use crate::error::Error;
use crate::input;
use crate::output::{self, Tail};
use crate::recipe::{Recipe, Recipes, file};

/// The `Dockerfile` that is built: with its parents by their content.
pub(crate) const DOCKERFILE: &str = "Dockerfile.resolved";

/// What goes to the engine beside the recipe's own files.
#[derive(Debug)]
pub(crate) struct Context {
    fetched: TempDir,
}

impl Context {
    /// Fetches what the recipe pins, and puts the programs that it carries beside it.
    pub(crate) async fn prepare(recipes: &Recipes, recipe: &Recipe) -> Result<Self, Error> {
        let fetched = tempfile::Builder::new()
            .prefix("phoenix-images-")
            .tempdir()
            .map_err(|why| file(&std::env::temp_dir(), &why))?;
        let folder = fetched.path();
        for program in &recipe.inputs {
            let from = input::find(recipes, &recipe.name, program)?;
            let into = folder.join(program);
            std::fs::copy(&from, &into).map_err(|why| file(&from, &why))?;
        }
        if recipe.folder.join(input::WHEELS).is_file() {
            input::wheels(recipe, &folder.join("wheels")).await?;
        }
        Ok(Self { fetched })
    }

    /// All of it as a tar stream. It is gone when the stream is.
    pub(crate) fn stream(
        self,
        recipe: &Recipe,
        dockerfile: &str,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Error> {
        let path = self.fetched.path().join(DOCKERFILE);
        std::fs::write(&path, dockerfile).map_err(|why| file(&path, &why))?;
        let mut tar = Command::new("tar");
        tar.args([
            "--create",
            "--file=-",
            "--owner=0",
            "--group=0",
            "--mode=u+rwX,go=rX",
        ])
        .arg("--directory")
        .arg(&recipe.folder)
        .arg(".")
        .arg("--directory")
        .arg(self.fetched.path())
        .arg(".");
        let tail = Arc::new(Mutex::new(Tail::default()));
        let stream =
            output::streamed(&mut tar, tail).map_err(|why| file(Path::new("tar"), &why))?;
        let kept = self;
        Ok(futures::StreamExt::inspect(stream, move |_block| {
            let _alive = &kept;
        }))
    }
}
