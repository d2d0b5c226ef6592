//! Variables that services read from a file by themselves, and that the Compose files hand to others:
//! a value of a run's own would reach only one of them, and one password would be two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{About, Question, set_by};
use crate::project::sources::Source;

/// What is shared so.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The file that a drill has to take, where none is named.
    pub(super) file: Option<PathBuf>,
    /// The variables, and the file of each.
    pub(super) names: BTreeMap<String, PathBuf>,
}

/// Looks for secrets that a file of variables of a service sets too. Where another file is named
/// for the Compose files, and does not set them, they are two already.
pub(super) fn with_services(files: &[Source], named: Option<&Path>, secret: &[String]) -> Shared {
    let mut shared = Shared::default();
    let named = named.map(set_by);
    let mut all: Vec<PathBuf> = files.iter().flat_map(Source::env_files).collect();
    all.sort();
    for file in all {
        let sets = set_by(&file);
        let another = shared.file.as_ref().is_some_and(|one| *one != file);
        for name in secret.iter().filter(|name| sets.contains(*name)) {
            match &named {
                Some(own) if !own.contains(name) => continue,
                Some(_) => {}
                None if another => continue,
                None => shared.file = Some(file.clone()),
            }
            shared.names.entry(name.clone()).or_insert(file.clone());
        }
    }
    shared
}

impl Shared {
    /// Why these are no variables of a run.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question> {
        self.names.iter().map(|(name, file)| {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            let text = format!(
                "Has {name} to be another in each run? A service reads it from {file} by itself, and \
                 the Compose files hand it to others: under `variables:` it would be one in one place \
                 and another in the other. So a drill runs with what the file says, until each \
                 service gets it as `${{{name}}}`."
            );
            Question::new(About::Driver, text)
        })
    }
}
