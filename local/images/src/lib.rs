//! Images for where no registry can be reached.
//!
//! A *recipe* is a folder of `local/images/recipes`: a `Dockerfile` and the files beside it. All of
//! them stand on one Debian root, which the recipe `base` makes from the machine's own package
//! sources. [`Builder`] makes what is missing; [`present`] says whether an image of today's recipe
//! is there, for tests that need one.
//!
//! Images carry two tags: `phoenix.local/NAME:HASH`, of everything that went into the image, and
//! `phoenix.local/NAME:current`, which compose files can name.

mod build;
mod context;
mod engine;
mod error;
mod finish;
mod input;
mod output;
mod recipe;
mod root;
mod tag;

pub use build::{Builder, Built, Progress, Step};
pub use engine::Engine;
pub use error::{Error, Failures};
pub use recipe::{Recipe, Recipes};
pub use tag::Tag;

/// Why an image cannot be used, in words that say how to get it.
#[derive(Debug, thiserror::Error)]
#[error("the image {name} cannot be had: {why}; build it with `phoenix images build {name}`")]
pub struct Missing {
    /// The recipe.
    pub name: String,
    /// What was found instead.
    pub why: String,
}

/// The content tag of the image of recipe `name`, where the engine has it and it is of today's
/// recipe and inputs. Nothing is built.
///
/// # Errors
///
/// [`Missing`], where it is not there, older than its recipe, or cannot be asked for.
pub async fn present(name: &str) -> Result<String, Missing> {
    let missing = |why: String| Missing {
        name: name.to_owned(),
        why,
    };
    let recipes = Recipes::find().map_err(|why| missing(why.to_string()))?;
    let tag = recipes
        .tag_of(name)
        .map_err(|why| missing(why.to_string()))?;
    let engine = Engine::connect()
        .await
        .map_err(|why| missing(why.to_string()))?;
    match engine.size(&tag.content()).await {
        Ok(Some(_bytes)) => Ok(tag.content()),
        Ok(None) => Err(missing(match engine.size(&tag.current()).await {
            Ok(Some(_bytes)) => "the one that is there is of another recipe".to_owned(),
            _ => "there is none".to_owned(),
        })),
        Err(why) => Err(missing(why.to_string())),
    }
}
