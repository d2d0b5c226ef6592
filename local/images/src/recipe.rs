//! Recipes: what is in their folders, and on which other ones they stand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tag::{REGISTRY, Tag};

/// The recipe that stands on nothing and under most.
pub(crate) const BASE: &str = "base";

/// A folder with a `Dockerfile`.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The name of the folder, and of the image.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Which image of a registry it stands in for: the comment `# upstream: NAME:TAG`.
    pub upstream: Option<String>,
    /// Programs of ours that it carries: comments `# phoenix-input: PROGRAM`.
    pub inputs: Vec<String>,
    /// The recipes that it is made `FROM`.
    pub parents: Vec<String>,
    /// All of the `Dockerfile`.
    pub(crate) dockerfile: String,
    /// Every file of the folder by its path inside, sorted, with whether it can be executed.
    pub(crate) files: Vec<(String, bool, Vec<u8>)>,
}

impl Recipe {
    /// Reads the recipe in `folder`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where a file cannot be read, [`Error::Recipe`] where it stands on an image
    /// of a registry.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let name = folder.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let path = folder.join("Dockerfile");
        let dockerfile = std::fs::read_to_string(&path).map_err(|why| file(&path, &why))?;
        let mut files = Vec::new();
        read_files(folder, folder, &mut files)?;
        files.sort();
        let comment = |key: &str| -> Vec<String> {
            let lines = dockerfile.lines().map(str::trim);
            let values = lines.filter_map(|line| {
                let words = line.strip_prefix('#')?.trim_start();
                words.strip_prefix(key)?.strip_prefix(':')
            });
            values.map(|value| value.trim().to_owned()).collect()
        };
        Ok(Self {
            upstream: comment("upstream").into_iter().next(),
            inputs: comment("phoenix-input"),
            parents: parents(&name, &dockerfile)?,
            name,
            folder: folder.to_owned(),
            dockerfile,
            files,
        })
    }

    /// The `Dockerfile` with each parent by the tag of its content: what `current` names can be
    /// moved by another build at any time.
    pub(crate) fn resolved(&self, tags: &BTreeMap<String, Tag>) -> String {
        let mut out = String::new();
        for line in self.dockerfile.lines() {
            match from(line).and_then(ours).and_then(|name| tags.get(name)) {
                Some(tag) => out.push_str(&line.replacen(&tag.current(), &tag.content(), 1)),
                None => out.push_str(line),
            }
            out.push('\n');
        }
        out
    }
}

/// The image of a `FROM` line.
fn from(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let is_from = words.next()?.eq_ignore_ascii_case("from");
    words.next().filter(|_| is_from)
}

/// The recipe of an image named as ours are.
fn ours(image: &str) -> Option<&str> {
    image
        .strip_prefix(REGISTRY)?
        .strip_prefix('/')?
        .strip_suffix(":current")
}

fn parents(name: &str, dockerfile: &str) -> Result<Vec<String>, Error> {
    let mut parents = Vec::new();
    let mut stages = Vec::new();
    for line in dockerfile.lines() {
        let Some(image) = from(line) else { continue };
        if let Some(parent) = ours(image) {
            if !parents.iter().any(|known| known == parent) {
                parents.push(parent.to_owned());
            }
        } else if image != "scratch" && !stages.contains(&image) {
            return Err(Error::Recipe {
                name: name.to_owned(),
                why: format!(
                    "it is made FROM {image}, which only a registry has; write \
                     {REGISTRY}/{BASE}:current, or scratch"
                ),
            });
        }
        let mut words = line.split_whitespace().skip(2);
        if words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("as"))
        {
            stages.extend(words.next());
        }
    }
    Ok(parents)
}

fn read_files(
    root: &Path,
    folder: &Path,
    files: &mut Vec<(String, bool, Vec<u8>)>,
) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(folder).map_err(|why| file(folder, &why))? {
        let path = entry.map_err(|why| file(folder, &why))?.path();
        let about = std::fs::metadata(&path).map_err(|why| file(&path, &why))?;
        if about.is_dir() {
            read_files(root, &path, files)?;
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|why| file(&path, &why))?;
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let is_program = about.permissions().mode() & 0o111 != 0;
        files.push((inside.to_string_lossy().into_owned(), is_program, bytes));
    }
    Ok(())
}

pub(crate) fn file(path: &Path, why: &std::io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// All recipes, each after those that it stands on.
#[derive(Clone, Debug)]
pub struct Recipes {
    root: PathBuf,
    recipes: Vec<Recipe>,
}

impl Recipes {
    /// The recipes of the project that the process runs in: here or above.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecipes`], and as [`Recipes::read`].
    pub fn find() -> Result<Self, Error> {
        let here = std::env::current_dir().unwrap_or_default();
        let root = here
            .ancestors()
            .map(|folder| folder.join("local/images/recipes"))
            .find(|folder| folder.is_dir())
            .ok_or(Error::NoRecipes)?;
        Self::read(&root)
    }

    /// The recipes in the folders of `root`.
    ///
    /// # Errors
    ///
    /// As [`Recipe::read`]; [`Error::Recipe`] where one stands on none that is there, or on itself.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let mut unordered = BTreeMap::new();
        for entry in std::fs::read_dir(root).map_err(|why| file(root, &why))? {
            let folder = entry.map_err(|why| file(root, &why))?.path();
            if folder.join("Dockerfile").is_file() {
                let recipe = Recipe::read(&folder)?;
                unordered.insert(recipe.name.clone(), recipe);
            }
        }
        Ok(Self {
            root: root.to_owned(),
            recipes: ordered(unordered)?,
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Recipe> {
        self.recipes.iter()
    }

    /// The one called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`].
    pub fn get(&self, name: &str) -> Result<&Recipe, Error> {
        let found = self.recipes.iter().find(|recipe| recipe.name == name);
        found.ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: self.names().join(", "),
        })
    }

    /// The ones called `names` and all that they stand on; all without any.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`].
    pub fn chosen(&self, names: &[String]) -> Result<Vec<&Recipe>, Error> {
        let mut wanted: Vec<&str> = Vec::new();
        let mut open: Vec<&str> = names.iter().map(String::as_str).collect();
        if open.is_empty() {
            open = self.names();
        }
        while let Some(name) = open.pop() {
            if !wanted.contains(&name) {
                wanted.push(name);
                open.extend(self.get(name)?.parents.iter().map(String::as_str));
            }
        }
        let is_wanted = |recipe: &&Recipe| wanted.contains(&recipe.name.as_str());
        Ok(self.recipes.iter().filter(is_wanted).collect())
    }

    /// The folder of the workspace, where these are the recipes of a checkout.
    pub(crate) fn checkout(&self) -> Option<PathBuf> {
        let workspace = self.root.parent()?.parent()?.parent()?;
        let crate_is_here = workspace.join("local/understudies/Cargo.toml").is_file();
        crate_is_here.then(|| workspace.to_owned())
    }

    fn names(&self) -> Vec<&str> {
        self.recipes
            .iter()
            .map(|recipe| recipe.name.as_str())
            .collect()
    }
}

fn ordered(mut unordered: BTreeMap<String, Recipe>) -> Result<Vec<Recipe>, Error> {
    let mut recipes: Vec<Recipe> = Vec::new();
    while !unordered.is_empty() {
        let is_ready = |recipe: &Recipe| {
            let mut parents = recipe.parents.iter();
            parents.all(|parent| recipes.iter().any(|done| done.name == *parent))
        };
        let ready: Vec<String> = unordered
            .values()
            .filter(|recipe| is_ready(recipe))
            .map(|recipe| recipe.name.clone())
            .collect();
        if ready.is_empty() {
            return Err(stuck(&unordered));
        }
        recipes.extend(ready.iter().filter_map(|name| unordered.remove(name)));
    }
    Ok(recipes)
}

/// Why none of what is left can come next.
fn stuck(left: &BTreeMap<String, Recipe>) -> Error {
    for recipe in left.values() {
        for parent in &recipe.parents {
            if !left.contains_key(parent) {
                continue;
            }
            return Error::Recipe {
                name: recipe.name.clone(),
                why: format!(
                    "it stands on {parent}, which stands on it or on nothing that is here"
                ),
            };
        }
    }
    let (name, parent) = left
        .values()
        .find_map(|recipe| Some((recipe.name.clone(), recipe.parents.first()?.clone())))
        .unwrap_or_default();
    Error::Recipe {
        name,
        why: format!(
            "it is made FROM {REGISTRY}/{parent}:current, and no recipe is called {parent}"
        ),
    }
}
