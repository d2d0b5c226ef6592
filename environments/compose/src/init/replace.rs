//! What of a run's own stands for what Compose files reach outside.

use std::path::Path;

use super::images::{Kind, kind};
use super::{About, Question};
use crate::project::guard::Fill;
use crate::project::{Mount, Project, Remap, Service, Source, Volume};

/// Parts of a target that say: what lies there belongs to the program, not to its users.
const PROGRAM: [&str; 12] = [
    "app",
    "certs",
    "conf",
    "config",
    "docker-entrypoint-initdb.d",
    "etc",
    "opt",
    "scripts",
    "src",
    "ssl",
    "templates",
    "usr",
];

/// What many files bind, so that logs have the host's time.
const CLOCK: [&str; 2] = ["/etc/localtime", "/etc/timezone"];

/// What can be replaced without asking anybody, and what has to be asked about it.
pub(super) fn proposed(project: &Project, left_out: &[String]) -> (Remap, Vec<Question>) {
    let services = || project.services.values();
    let mut remap = Remap {
        ports: services().any(|one| one.ports.iter().any(|port| port.published.is_some())),
        names: services().any(|one| one.container_name.is_some())
            || project
                .volumes
                .values()
                .any(|one| one.name.is_some() && !one.external)
            || project
                .networks
                .values()
                .any(|one| one.name.is_some() && !one.external),
        addresses: services().any(has_addresses),
        left_out: left_out.iter().cloned().collect(),
        ..Remap::default()
    };
    let mut questions = Vec::new();
    for (name, network) in &project.networks {
        if network.external {
            remap.networks.insert(name.clone());
            questions.push(ask(format!(
                "What does the stack reach over the network {name}? It is somebody else's: in a \
                 drill an empty one of the run stands for it."
            )));
        }
    }
    for (name, volume) in &project.volumes {
        if volume.external || is_elsewhere(volume) {
            remap.volumes.insert(name.clone());
            questions.push(ask(format!(
                "What is in the volume {name}? It is kept elsewhere: in a drill it begins empty."
            )));
        }
    }
    for (name, service) in &project.services {
        let known = kind(service.image.as_deref().unwrap_or_default());
        for mount in &service.mounts {
            let Some(fill) = filled(known, mount, &project.folder) else {
                continue;
            };
            let place = format!("{name}:{}", mount.target);
            if !mount.read_only || fill == Fill::LeftOut {
                questions.push(ask(match fill {
                    Fill::Empty => format!(
                        "Is {place} data? A drill begins with an empty volume there; write `copy` \
                         if the program needs what lies in the folder now."
                    ),
                    Fill::Copy => format!(
                        "Does {place} need what lies in the folder now? A drill works on a copy of \
                         it, which may hold what people wrote; `empty` begins without."
                    ),
                    Fill::LeftOut => format!(
                        "Does a drill get by without {place}? It is a file of the host, for which \
                         nothing of a run stands: without it the image's own is there, if any."
                    ),
                }));
            }
            remap.binds.insert(place, fill);
        }
    }
    (remap, questions)
}

fn ask(text: String) -> Question {
    Question::new(About::Driver, text)
}

fn has_addresses(service: &Service) -> bool {
    let networks = service.raw.get("networks").and_then(|all| all.as_object());
    let fixed = networks
        .into_iter()
        .flat_map(|all| all.values())
        .any(|one| {
            one.as_object()
                .is_some_and(|one| one.keys().any(|key| key != "aliases"))
        });
    fixed || service.raw.contains_key("mac_address")
}

fn is_elsewhere(volume: &Volume) -> bool {
    let memory = volume
        .options
        .get("type")
        .is_some_and(|kind| kind == "tmpfs");
    volume.driver.is_some() || (!volume.options.is_empty() && !memory)
}

/// What a folder of the host is replaced with; none for what need not be, and for what cannot be.
fn filled(known: Kind, mount: &Mount, folder: &Path) -> Option<Fill> {
    let Source::Bind { path, real, file } = &mount.source else {
        return None;
    };
    // Where the host has none, the engine would make a folder of that name.
    let is_clock = CLOCK.iter().any(|clock| path.as_path() == Path::new(clock));
    if mount.read_only && !real.starts_with(folder) && (real.is_file() || is_clock) {
        return Some(Fill::LeftOut);
    }
    if *file || (mount.read_only && real.starts_with(folder)) {
        return None;
    }
    if !real.exists() {
        // Of nothing there is no copy.
        return Some(Fill::Empty);
    }
    if mount.read_only {
        return Some(Fill::Copy);
    }
    let holds = known
        .folders()
        .iter()
        .any(|folder| mount.target.starts_with(folder));
    let program = mount.target.split('/').any(|part| PROGRAM.contains(&part));
    Some(if program && !holds {
        Fill::Copy
    } else {
        Fill::Empty
    })
}
