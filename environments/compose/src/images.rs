//! Which images a run uses: the upstream ones where they are or can be had, and the air-gapped set
//! where it is there instead. Never a mix: the level of the evidence is one.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_engine::environment::DriverError;

use crate::engine::Engine;
use crate::project::{Files, Project, Tool, reaches, resolve};
use crate::settings::Settings;

/// The chosen set.
pub(crate) struct Chosen {
    /// Whether it is the upstream one.
    pub(crate) upstream: bool,
    /// Digest of each image, by its name.
    pub(crate) digests: BTreeMap<String, String>,
}

impl Chosen {
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
        let upstream = images(&guarded(tool, settings, variables, true).await?);
        let (digests, missing) = look(engine, &upstream).await?;
        if missing.is_empty() {
            return Ok(Self {
                upstream: true,
                digests,
            });
        }
        if !settings.airgapped.is_empty() {
            let own = images(&guarded(tool, settings, variables, false).await?);
            let (digests, missing) = look(engine, &own).await?;
            if missing.is_empty() {
                says("images: the air-gapped set (the upstream images are not on this engine)");
                return Ok(Self {
                    upstream: false,
                    digests,
                });
            }
        }
        for (at, image) in missing.iter().enumerate() {
            says(&format!(
                "pulling {image} ({} of {})",
                at + 1,
                missing.len()
            ));
            engine.pull(image).await.map_err(|why| {
                DriverError::new(
                    format!("have the image {image}"),
                    format!(
                        "it is not on this engine and could not be pulled: {}; where no registry \
                         can be reached, `phoenix images build` makes the air-gapped set",
                        why.why
                    ),
                )
            })?;
        }
        let (digests, _) = look(engine, &upstream).await?;
        Ok(Self {
            upstream: true,
            digests,
        })
    }
}

/// The project, resolved, and refused if it reaches beyond the drill.
pub(crate) async fn guarded(
    tool: &Tool,
    settings: &Settings,
    variables: &BTreeMap<String, String>,
    upstream: bool,
) -> Result<Project, DriverError> {
    let mut files = settings.files.clone();
    if !upstream {
        files.extend(settings.airgapped.iter().cloned());
    }
    let project = resolve(
        tool,
        Files {
            files: &files,
            env_file: settings.env_file.as_deref(),
            variables,
            name: "phoenix",
        },
    )
    .await?
    .without(&settings.without);
    for place in settings.losable.keys() {
        let service = place.split_once(":/").map_or("", |(service, _)| service);
        if !project.services.contains_key(service) {
            return Err(DriverError::new(
                format!("find {place}, which may be lost"),
                "write `service:/path`, with a service of the Compose files",
            ));
        }
    }
    let found = reaches(&project, &project.folder, &settings.remap.remap());
    if found.is_empty() {
        return Ok(project);
    }
    let lines: Vec<String> = found.iter().map(|reach| format!("\n  {reach}")).collect();
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

/// Digests of the images that are there, and the names of those that are not.
async fn look(
    engine: &Engine,
    wanted: &BTreeSet<String>,
) -> Result<(BTreeMap<String, String>, Vec<String>), DriverError> {
    let (mut digests, mut missing) = (BTreeMap::new(), Vec::new());
    for image in wanted {
        match engine.image(image).await? {
            Some((digest, _)) => {
                digests.insert(image.clone(), digest);
            }
            None => missing.push(image.clone()),
        }
    }
    Ok((digests, missing))
}
