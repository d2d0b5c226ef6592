//! Data that nobody declared because nobody sees it: files that grow in a container's own layer, and
//! volumes that an image asks for and no Compose file names.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use phoenix_engine::environment::{DriverError, Vessel};
use phoenix_engine::stack::StoreKind;

use crate::driver::Compose;
use crate::engine::{Change, Container, Volume};
use crate::settings::server_of;

/// What the engine puts into every container.
const ENGINES: [&str; 7] = [
    "/.dockerenv",
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
];

/// What may be gone at any start by the file system's own standard.
const PASSING: [&str; 5] = ["/run", "/tmp", "/var/lock", "/var/run", "/var/tmp"];

/// What belongs to the program: images write their configuration there anew at each start.
const PROGRAMS: [&str; 7] = ["/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr"];

/// Files of one group that are looked at until one is a regular file: a group of folders alone, or
/// of sockets, holds nothing.
const LOOKED_AT: usize = 50;

impl Compose {
    /// Volumes that images ask for and no Compose file names, where no declaration covers them.
    pub(crate) fn anonymous(&self, containers: &[Container], volumes: &[Volume]) -> Vec<Vessel> {
        let mut found = Vec::new();
        for container in containers {
            // What a declared server keeps on volumes of its own is its store's.
            if container.service.is_empty() || !self.kinds_on(container).is_empty() {
                continue;
            }
            for (volume, at) in &container.mounts {
                let Some(name) = volume else { continue };
                let ours = volumes.iter().any(|one| one.name == *name);
                if !ours && !self.may_lose(&container.service, at) {
                    found.push(Vessel {
                        store: None,
                        kind: "volume".to_owned(),
                        place: format!("{}:{at}, which its image asks for", container.service),
                        identity: name.clone(),
                    });
                }
            }
        }
        found
    }

    /// Files that grew in the layers of containers. To compare whole images takes an engine seconds.
    pub(crate) async fn grown_in_layers(&self) -> Result<Vec<Vessel>, DriverError> {
        let containers = self.engine.containers().await?;
        let looks = containers
            .iter()
            .filter(|one| !one.service.is_empty())
            .map(|one| self.grown_in(one));
        Ok(try_join_all(looks).await?.concat())
    }

    /// What kinds of stores a container serves.
    fn kinds_on(&self, container: &Container) -> Vec<StoreKind> {
        let on_it = self.stack.stores.iter().filter(|store| {
            store.kind != StoreKind::Files && server_of(store).as_ref() == Some(&container.service)
        });
        on_it.map(|store| store.kind).collect()
    }

    async fn grown_in(&self, container: &Container) -> Result<Vec<Vessel>, DriverError> {
        let mut found = Vec::new();
        let covered = self.kinds_on(container);
        // A server on no volume keeps its store in its layer, and a cache lives in all of it.
        let on_volume = container.mounts.iter().any(|(volume, _)| volume.is_some());
        if covered.contains(&StoreKind::Memory) || (!covered.is_empty() && !on_volume) {
            return Ok(found);
        }
        let mounts: Vec<&str> = container.mounts.iter().map(|(_, at)| at.as_str()).collect();
        let changes = self.engine.changes(&container.id).await?;
        for (root, paths) in grown(&changes, &mounts) {
            let kept: Vec<&String> = paths
                .iter()
                .filter(|path| !self.may_lose(&container.service, path))
                .collect();
            let mut holds = false;
            for path in kept.iter().take(LOOKED_AT) {
                if self.engine.is_file(&container.id, path).await? {
                    holds = true;
                    break;
                }
            }
            if holds {
                found.push(Vessel {
                    store: None,
                    kind: "files in the layer of".to_owned(),
                    place: format!("{}: {root}", container.service),
                    identity: format!("{} {root}", container.id),
                });
            }
        }
        Ok(found)
    }

    /// Whether the environment file says that what lies there may be lost.
    fn may_lose(&self, service: &str, path: &str) -> bool {
        self.settings.losable.keys().any(|place| {
            place
                .split_once(':')
                .is_some_and(|(of, root)| of == service && is_below(path, root))
        })
    }
}

/// Whether a path is another one, or lies in it.
fn is_below(path: &str, root: &str) -> bool {
    let root = root.trim_end_matches('/');
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The ends of what changed, by the topmost path that the image does not have: a folder of its own
/// is told once, however many files are in it.
fn grown(changes: &[Change], mounts: &[&str]) -> BTreeMap<String, Vec<String>> {
    let added: BTreeSet<&str> = changes
        .iter()
        .filter(|one| one.added)
        .map(|one| one.path.as_str())
        .collect();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sorted: Vec<&str> = changes.iter().map(|one| one.path.as_str()).collect();
    // In the order of their parts, so that what lies in a folder follows it.
    sorted.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    for (at, path) in sorted.iter().enumerate() {
        let has_more = sorted
            .get(at + 1)
            .is_some_and(|next| next != path && is_below(next, path));
        if has_more || is_left_out(path, mounts) {
            continue;
        }
        let root = path
            .match_indices('/')
            .skip(1)
            .map(|(end, _)| &path[..end])
            .find(|above| added.contains(above))
            .unwrap_or(path);
        groups
            .entry(root.to_owned())
            .or_default()
            .push((*path).to_owned());
    }
    groups
}

fn is_left_out(path: &str, mounts: &[&str]) -> bool {
    let below = |roots: &[&str]| roots.iter().any(|root| is_below(path, root));
    let ends = [".lock", ".pid", ".sock"];
    below(&ENGINES)
        || below(&PASSING)
        || below(&PROGRAMS)
        || below(mounts)
        || ends.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::grown;
    use crate::engine::Change;

    fn of(lines: &str, mounts: &[&str]) -> Vec<String> {
        let changes: Vec<Change> = lines
            .split(", ")
            .filter_map(|line| line.split_once(' '))
            .map(|(kind, path)| Change {
                path: path.to_owned(),
                added: kind == "A",
            })
            .collect();
        let groups = grown(&changes, mounts);
        groups
            .into_iter()
            .map(|(root, paths)| format!("{root} {}", paths.len()))
            .collect()
    }

    #[test]
    fn what_servers_do_at_any_start_is_nothing() {
        for (lines, mounts) in [
            (
                "C /run, C /run/postgresql, A /run/postgresql/.s.PGSQL.5432",
                &[][..],
            ),
            ("C /usr, C /usr/sbin, A /usr/sbin/docker-init", &[]),
            (
                "C /etc, A /etc/traefik, A /etc/traefik/dynamic",
                &["/etc/traefik/dynamic"],
            ),
            (
                "C /tmp, A /tmp/server.sock, C /var, C /var/tmp, A /var/tmp/x",
                &[],
            ),
            ("C /app, A /app/tmp, A /app/tmp/server.pid", &[]),
            ("A /certificates", &["/certificates"]),
            ("C /srv, A /srv/data, A /srv/data/x", &["/srv/data"]),
        ] {
            assert_eq!(of(lines, mounts), Vec::<String>::new(), "{lines}");
        }
    }

    #[test]
    fn what_grows_is_told_by_the_folder_that_is_new() {
        assert_eq!(
            of(
                "C /var, C /var/www, C /var/www/storage, A /var/www/storage/framework, A \
                 /var/www/storage/framework/sessions, A /var/www/storage/framework/sessions/1, A \
                 /var/www/storage/framework/cache, C /var/www/storage-2, A /var/www/storage-2/x",
                &[]
            ),
            ["/var/www/storage-2/x 1", "/var/www/storage/framework 2"]
        );
        // A file of the image that changed, and a mount beside what is on none.
        assert_eq!(
            of(
                "C /srv, C /srv/app.db, A /srv/up, A /srv/up/a, A /srv/m",
                &["/srv/m"]
            ),
            ["/srv/app.db 1", "/srv/up 1"]
        );
        // The names only look alike.
        assert_eq!(
            of("C /running, A /running/x, A /tmpfile", &["/running/y"]).len(),
            2
        );
    }
}
