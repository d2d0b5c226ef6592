//! Names of images: by what is in them.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::recipe::{BASE, Recipe, Recipes};
use crate::{input, root};

/// First part of every name: no registry has it, so nothing is ever pulled in its place.
pub(crate) const REGISTRY: &str = "phoenix.local";

/// Name of an image by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    name: String,
    hash: String,
}

impl Tag {
    /// `phoenix.local/NAME:HASH`: this content and no other.
    #[must_use]
    pub fn content(&self) -> String {
        format!("{REGISTRY}/{}:{}", self.name, self.hash)
    }

    /// `phoenix.local/NAME:current`: what was built last.
    #[must_use]
    pub fn current(&self) -> String {
        format!("{REGISTRY}/{}:current", self.name)
    }

    /// Of a recipe, what it stands on, and what else goes into it by name.
    pub(crate) fn of(recipe: &Recipe, parents: &[&Self], inputs: &[(String, Vec<u8>)]) -> Self {
        let mut hasher = blake3::Hasher::new();
        // Each part with its length: no two recipes write the same bytes.
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for (path, is_program, bytes) in &recipe.files {
            part(path.as_bytes());
            part(&[u8::from(*is_program)]);
            part(bytes);
        }
        for parent in parents {
            part(parent.content().as_bytes());
        }
        for (name, bytes) in inputs {
            part(name.as_bytes());
            part(bytes);
        }
        Self {
            name: recipe.name.clone(),
            hash: hasher.finalize().to_hex()[..16].to_owned(),
        }
    }
}

/// What is known of each recipe's tag.
pub(crate) type Tags = BTreeMap<String, Result<Tag, Error>>;

impl Recipes {
    /// The tags of all recipes, from what is here now: no program is built for it. A recipe whose
    /// inputs are not here has none, nor has what stands on it.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, Result<Tag, Error>> {
        let mut tags = Tags::new();
        for recipe in self.iter() {
            let tag = self.tag(recipe, &tags);
            tags.insert(recipe.name.clone(), tag);
        }
        tags
    }

    /// The tag of one recipe, as [`Recipes::tags`] has it.
    ///
    /// # Errors
    ///
    /// What keeps it from having one; [`Error::Unknown`].
    pub fn tag_of(&self, name: &str) -> Result<Tag, Error> {
        let recipe = self.get(name)?;
        self.tags()
            .remove(&recipe.name)
            .unwrap_or_else(|| self.tag(recipe, &Tags::new()))
    }

    fn tag(&self, recipe: &Recipe, known: &Tags) -> Result<Tag, Error> {
        let mut parents = Vec::new();
        for parent in &recipe.parents {
            match known.get(parent) {
                Some(Ok(tag)) => parents.push(tag),
                Some(Err(why)) => return Err(why.clone()),
                None => {}
            }
        }
        let mut inputs = Vec::new();
        for program in &recipe.inputs {
            let path = input::find(self, &recipe.name, program)?;
            inputs.push((program.clone(), input::digest(&path)?));
        }
        if recipe.name == BASE {
            inputs.extend(root::sources(recipe)?.inputs());
        }
        Ok(Tag::of(recipe, &parents, &inputs))
    }
}
