//! Which images a run uses: the upstream ones where they are or can be had, and the air-gapped set
//! where it is there instead. Never a mix: the level of the evidence is one.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_engine::environment::DriverError;
use phoenix_evidence::finding::Level;

use crate::egress::taken;
use crate::engine::Engine;
use crate::project::{Files, Project, Tool, hide, reaches, resolve};
use crate::raise::attached_to;
use crate::settings::Settings;

/// What registries and engines say of an image that is not there for this architecture.
const NO_MANIFEST: &str = "no matching manifest";

/// Names of images in which understudies stand for applications.
const UNDERSTUDIES: [&str; 5] = [
    "phoenix.local/bookstack:",
    "phoenix.local/mattermost:",
    "phoenix.local/understudy:",
    "phoenix.local/zitadel:",
    "phoenix.local/zulip:",
];

/// The chosen set.
pub(crate) struct Chosen {
    /// Whether it is the upstream one.
    pub(crate) upstream: bool,
    /// Digest of each image, by its name.
    pub(crate) digests: BTreeMap<String, String>,
    /// Services of the Compose files without an image for the engine's architecture, and why.
    pub(crate) foreign: BTreeMap<String, String>,
}

/// What the engine has of a set of images.
#[derive(Default)]
struct Had {
    digests: BTreeMap<String, String>,
    architectures: BTreeMap<String, String>,
    missing: Vec<String>,
}

impl Chosen {
    /// What evidence from these images weighs.
    pub(crate) fn level(&self) -> Level {
        let is_played = |image: &String| UNDERSTUDIES.iter().any(|name| image.starts_with(name));
        if self.upstream {
            Level::MirrorUpstream
        } else if self.digests.keys().any(is_played) {
            Level::MirrorUnderstudies
        } else {
            Level::MirrorAirgapped
        }
    }

    /// Looks at what is there, and fetches what is not.
    ///
    /// # Errors
    /// When neither set is whole, with what to do; when the project cannot be read, or reaches
    /// beyond the drill.
    pub(crate) async fn choose(
        engine: &Engine,
        tool: &Tool,
        settings: &Settings,
        variables: &BTreeMap<String, String>,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, DriverError> {
        let (_, here) = engine.version().await?;
        let project = guarded(tool, settings, variables, true).await?;
        let had = look(engine, &images(&project)).await?;
        if had.missing.is_empty() {
            return Ok(Self::of(true, had, &project, &here));
        }
        let missing = had.missing;
        if !settings.airgapped.is_empty() {
            let own = guarded(tool, settings, variables, false).await?;
            let had = look(engine, &images(&own)).await?;
            if had.missing.is_empty() {
                says("images: the air-gapped set (the upstream images are not on this engine)");
                return Ok(Self::of(false, had, &own, &here));
            }
        }
        let mut none = BTreeSet::new();
        for (at, image) in missing.iter().enumerate() {
            says(&format!(
                "pulling {image} ({} of {})",
                at + 1,
                missing.len()
            ));
            let Err(why) = engine.pull(image).await else {
                continue;
            };
            if why.why.contains(NO_MANIFEST) {
                none.insert(image.clone());
            } else {
                return Err(DriverError::new(
                    format!("have the image {image}"),
                    format!(
                        "it is not on this engine and could not be pulled: {}; where no registry \
                         can be reached, `phoenix images build` makes the air-gapped set",
                        why.why
                    ),
                ));
            }
        }
        let mut had = look(engine, &images(&project)).await?;
        for image in none {
            had.architectures.insert(image, "another".to_owned());
        }
        Ok(Self::of(true, had, &project, &here))
    }

    /// A set, held against the engine's architecture. A service that names its platform is meant to be
    /// run as it is, by whatever runs it.
    fn of(upstream: bool, had: Had, project: &Project, here: &str) -> Self {
        let mut foreign = BTreeMap::new();
        for (name, service) in &project.services {
            let image = service.image.as_deref().unwrap_or_default();
            let made_for = had.architectures.get(image).map_or("", String::as_str);
            let named = service.raw.contains_key("platform");
            if !named && !made_for.is_empty() && !here.is_empty() && made_for != here {
                let why = format!(
                    "no image for this architecture ({image} is for {made_for}, the engine is {here})"
                );
                foreign.insert(name.clone(), why);
            }
        }
        // What lives in another one's network comes and goes with it.
        for name in project.services.keys() {
            let host = attached_to(project, name).and_then(|host| foreign.get(host).cloned());
            if let Some(why) = host {
                foreign.entry(name.clone()).or_insert(why);
            }
        }
        Self {
            upstream,
            digests: had.digests,
            foreign,
        }
    }
}

/// The project, resolved: with the files that put other images in, or without.
pub(crate) async fn read(
    tool: &Tool,
    settings: &Settings,
    variables: &BTreeMap<String, String>,
    upstream: bool,
) -> Result<Project, DriverError> {
    let mut files = settings.files.clone();
    if !upstream {
        files.extend(settings.airgapped.iter().cloned());
    }
    let what = Files {
        files: &files,
        env_file: settings.env_file.as_deref(),
        variables,
        name: "phoenix",
    };
    resolve(tool, what).await
}

/// The project, resolved, and refused if it reaches beyond the drill.
pub(crate) async fn guarded(
    tool: &Tool,
    settings: &Settings,
    variables: &BTreeMap<String, String>,
    upstream: bool,
) -> Result<Project, DriverError> {
    let project = read(tool, settings, variables, upstream).await?;
    if let Some(host) = taken(&project, &settings.egress) {
        return Err(DriverError::new(
            format!("let the stack reach {host}"),
            "it has a service of that name itself",
        ));
    }
    let project = project.without(&settings.without);
    let found = reaches(&project, &project.folder, &settings.remap.remap());
    if found.is_empty() {
        return Ok(project);
    }
    let hidden = settings.hidden();
    let lines = found
        .iter()
        .map(|reach| hide(&format!("\n  {reach}"), &hidden));
    let lines: Vec<String> = lines.collect();
    Err(DriverError::new(
        "take these Compose files for a drill",
        format!("they reach beyond it:{}", lines.concat()),
    ))
}

fn images(project: &Project) -> BTreeSet<String> {
    project
        .services
        .values()
        .filter_map(|service| service.image.clone())
        .collect()
}

/// What the engine has of these images.
async fn look(engine: &Engine, wanted: &BTreeSet<String>) -> Result<Had, DriverError> {
    let mut had = Had::default();
    for image in wanted {
        match engine.image(image).await? {
            Some((digest, architecture)) => {
                had.digests.insert(image.clone(), digest);
                had.architectures.insert(image.clone(), architecture);
            }
            None => had.missing.push(image.clone()),
        }
    }
    Ok(had)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_an_understudy_plays_does_the_level_say_so() {
        let level = |upstream, images: &[&str]| {
            let digests = images
                .iter()
                .map(|name| ((*name).to_owned(), String::new()));
            let chosen = Chosen {
                upstream,
                digests: digests.collect(),
                foreign: BTreeMap::new(),
            };
            chosen.level()
        };
        let real = [
            "phoenix.local/postgres:current",
            "phoenix.local/glewlwyd:current",
        ];
        assert_eq!(level(false, &real), Level::MirrorAirgapped);
        let played = [
            "phoenix.local/postgres:current",
            "phoenix.local/zulip:current",
        ];
        assert_eq!(level(false, &played), Level::MirrorUnderstudies);
        assert_eq!(level(true, &real), Level::MirrorUpstream);
    }

    #[test]
    fn every_image_made_from_the_understudy_is_known() {
        let recipes = concat!(env!("CARGO_MANIFEST_DIR"), "/../../local/images/recipes");
        let from = "FROM phoenix.local/understudy:";
        for recipe in std::fs::read_dir(recipes).unwrap().flatten() {
            let text =
                std::fs::read_to_string(recipe.path().join("Dockerfile")).unwrap_or_default();
            let name = format!("phoenix.local/{}:", recipe.file_name().to_string_lossy());
            if text.lines().any(|line| line.starts_with(from)) {
                assert!(UNDERSTUDIES.contains(&name.as_str()), "{name}");
            }
        }
    }
}
