//! What holds state: databases, caches, queues and buckets by the images of their servers, and every
//! volume that belongs to none of these.

use std::collections::BTreeSet;

use super::images::{Kind, kind};
use super::variables::{marked, unknown};
use super::write::{UNKNOWN, plain};
use super::{About, Question};
use crate::project::{Mount, Project, Service, Source};

/// A store that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) name: String,
    /// Its entry, as YAML.
    pub(super) entry: String,
    /// What it is, for people.
    pub(super) what: String,
    /// Services that use it.
    pub(super) users: BTreeSet<String>,
    /// Whether nothing of it can come back, and nobody expects that.
    pub(super) losable: bool,
}

#[derive(Default)]
pub(super) struct Looking {
    pub(super) stores: Vec<Store>,
    questions: Vec<Question>,
    /// Volumes that belong to a server.
    taken: BTreeSet<String>,
}

/// The stores of a project whose volumes are all its own.
pub(super) fn recognised(project: &Project, secrets: &[String]) -> (Vec<Store>, Vec<Question>) {
    let mut looking = Looking::default();
    for (name, service) in &project.services {
        looking.server(project, name, service, secrets);
    }
    looking.volumes(project);
    let backups: Vec<&str> = project
        .services
        .iter()
        .filter(|(name, service)| makes_backups(name, service))
        .map(|(name, _)| name.as_str())
        .collect();
    looking.ask(
        About::Profiles,
        if backups.is_empty() {
            "What is backed up, how often, and where to? The Compose files show no backup of \
             anything, so `today` says that nothing is kept."
                .to_owned()
        } else {
            format!(
                "What does {} back up, how often, and does the backup outlive what it protects? \
                 `today` says that nothing is kept until somebody says so.",
                backups.join(", ")
            )
        },
    );
    (looking.stores, looking.questions)
}

impl Looking {
    pub(super) fn ask(&mut self, about: About, text: String) {
        self.questions.push(Question::new(about, text));
    }

    fn server(&mut self, project: &Project, name: &str, service: &Service, secrets: &[String]) {
        let known = kind(service.image.as_deref().unwrap_or_default());
        let volumes: Vec<String> = service
            .mounts
            .iter()
            .filter(|mount| {
                let mut folders = known.folders().iter();
                folders.any(|folder| mount.target.starts_with(folder))
            })
            .filter_map(|mount| match &mount.source {
                Source::Volume(volume) => Some(volume.clone()),
                _ => None,
            })
            .collect();
        let on = match volumes.first() {
            Some(volume) => format!(" on the volume {volume}"),
            None => " in its container, on no volume".to_owned(),
        };
        let users = users(project, name);
        let used = if users.is_empty() {
            String::new()
        } else {
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            format!("; used by {}", users.join(", "))
        };
        let called = self.free(name, "store", |_| false);
        let add = |looking: &mut Self, entry: String, what: &str, losable: bool| {
            looking.stores.push(Store {
                name: called.clone(),
                entry,
                what: format!("{what}{}{used}", if losable { "" } else { &on }),
                users: users.clone(),
                losable,
            });
        };
        match known {
            Kind::Postgres | Kind::Mysql => {
                let word = if known == Kind::Postgres {
                    "postgres"
                } else {
                    "mysql"
                };
                let (database, sure) = self::database(project, name, service, known);
                let unset = unknown(&database);
                let written = unset.map_or_else(|| plain(&database), |_| UNKNOWN.to_owned());
                let shown = unset.map_or_else(|| database.clone(), |name| format!("${{{name}}}"));
                add(
                    self,
                    format!("{word}: {{ service: {name}, database: {written} }}"),
                    &format!("{}, database {shown}", engine(known)),
                    false,
                );
                if let Some(variable) = unset {
                    self.questions.push(Question::needed(
                        About::Stores,
                        format!(
                            "What is the database on {name} called? {variable} says it, and nothing \
                             sets that: write the name at `database:`."
                        ),
                    ));
                } else if !sure {
                    self.ask(
                        About::Stores,
                        format!("What is the database on {name} called? `{database}` is a guess."),
                    );
                }
                self.can_be_asked(name, service, known);
                self.taken.extend(volumes);
            }
            Kind::Redis => {
                let (password, open) = redis_password(service, secrets);
                let entry = match password {
                    Some(variable) => {
                        format!("redis: {{ service: {name}, password: {variable} }}")
                    }
                    None => format!("redis: {{ service: {name} }}"),
                };
                add(self, entry, engine(known), false);
                self.may_be_lost(name, "sessions, queues and locks live in such a server too");
                if open {
                    self.ask(
                        About::Stores,
                        format!(
                            "Which variable has the password of {name}? It is written into the \
                             Compose files, and phoenix takes it from a variable."
                        ),
                    );
                }
                self.taken.extend(volumes);
            }
            Kind::Memcached => add(
                self,
                format!("memcached: {{ service: {name} }}"),
                engine(known),
                true,
            ),
            Kind::Rabbit => {
                add(
                    self,
                    format!("rabbitmq: {{ service: {name} }}"),
                    engine(known),
                    false,
                );
                self.may_be_lost(name, "what waits in a queue is nowhere else");
                self.taken.extend(volumes);
            }
            Kind::Objects(port) => {
                if self.buckets(project, name, service, port, secrets) {
                    self.taken.extend(volumes);
                }
            }
            Kind::Foreign(what) => self.ask(
                About::Stores,
                format!(
                    "Is a copy of the files of {name} ({what}) whole while it runs? phoenix has no \
                     driver for it, and takes its volumes as files."
                ),
            ),
            Kind::Application(_) | Kind::Provider(_) | Kind::Backup | Kind::Unknown => {}
        }
    }

    fn may_be_lost(&mut self, name: &str, why: &str) {
        self.ask(
            About::Stores,
            format!(
                "May what is in {name} be lost ({why})? If so, say `losable: true`; if not, it has \
                 to be kept on a volume, and that volume be a store."
            ),
        );
    }

    /// The harness asks a database as the one who may see everything.
    fn can_be_asked(&mut self, name: &str, service: &Service, known: Kind) {
        let wanted: &[&str] = match known {
            Kind::Postgres => &["POSTGRES_PASSWORD"],
            _ => &["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"],
        };
        let has = |key: &&str| {
            service
                .environment
                .get(*key)
                .is_some_and(|one| !one.is_empty())
        };
        if !wanted.iter().any(has) {
            self.ask(
                About::Stores,
                format!(
                    "How is {name} entered? phoenix takes {} from its environment, and it is not \
                     there (a file or a random one is not read).",
                    wanted[0]
                ),
            );
        }
    }

    /// Every volume that no server keeps its own things on.
    fn volumes(&mut self, project: &Project) {
        for (volume, declared) in &project.volumes {
            let mounts: Vec<(&String, &Mount)> = project
                .services
                .iter()
                .flat_map(|(name, service)| {
                    let mounts = service.mounts.iter();
                    let own = mounts.filter(|one| one.source == Source::Volume(volume.clone()));
                    own.map(move |mount| (name, mount))
                })
                .collect();
            let memory = declared.options.contains_key("type");
            if self.taken.contains(volume) || project.is_fixed(volume) || memory {
                continue;
            }
            let users: BTreeSet<String> = mounts.iter().map(|(name, _)| (*name).clone()).collect();
            let places: Vec<String> = mounts
                .iter()
                .map(|(name, mount)| format!("{name}:{}", mount.target))
                .collect();
            let lower = volume.to_lowercase();
            if ["cache", "log", "run", "sock", "temp", "tmp"]
                .iter()
                .any(|word| lower.contains(word))
                || lower.contains("-anonymous-")
            {
                self.ask(
                    About::Stores,
                    format!("May the volume {volume} be lost? If so, say `losable: true`."),
                );
            }
            let is_service = |name: &str| project.services.contains_key(name);
            let name = self.free(volume, "volume", is_service);
            self.stores.push(Store {
                name,
                entry: format!("volume: {{ name: {volume} }}"),
                what: format!("volume at {}", places.join(", ")),
                users,
                losable: false,
            });
        }
    }

    /// A name that no other store has, and that means nothing else in a profile.
    fn free(&self, name: &str, what: &str, is_other: impl Fn(&str) -> bool) -> String {
        let taken = |name: &str| is_other(name) || self.stores.iter().any(|one| one.name == name);
        let mut free = name.to_owned();
        if WORDS.contains(&name) {
            free = format!("{name}-{what}");
        }
        while taken(&free) {
            free.push_str("-files");
        }
        free
    }
}

/// Words of profiles and scenarios, which no store can be called.
const WORDS: [&str; 5] = ["all", "default", "inherit", "objectives", "secrets"];

fn engine(known: Kind) -> &'static str {
    match known {
        Kind::Postgres => "PostgreSQL",
        Kind::Mysql => "MySQL or MariaDB",
        Kind::Redis => "Redis",
        Kind::Memcached => "memcached, a cache",
        Kind::Rabbit => "RabbitMQ",
        _ => "server",
    }
}

/// The database of a server, and whether the files say so.
fn database(project: &Project, name: &str, service: &Service, known: Kind) -> (String, bool) {
    let own: &[&str] = match known {
        // Without a name it is called after its user, and he is `postgres` without one.
        Kind::Postgres => &["POSTGRES_DB", "POSTGRESQL_DATABASE", "POSTGRES_USER"],
        _ => &["MYSQL_DATABASE", "MARIADB_DATABASE"],
    };
    let said = own
        .iter()
        .filter_map(|key| service.environment.get(*key))
        .find(|value| !value.is_empty());
    if let Some(said) = said {
        return (said.clone(), true);
    }
    for user in users(project, name) {
        for (key, value) in &project.services[&user].environment {
            let upper = key.to_uppercase();
            let names = ["DB_NAME", "DB_DATABASE", "DATABASE__NAME", "DATABASE_NAME"];
            if names.iter().any(|word| upper.ends_with(word)) && !value.is_empty() {
                return (value.clone(), true);
            }
        }
    }
    match known {
        Kind::Postgres => ("postgres".to_owned(), true),
        _ => (name.to_owned(), false),
    }
}

/// The variable that has a Redis server's password, and whether it has one that no variable has.
fn redis_password(service: &Service, secrets: &[String]) -> (Option<String>, bool) {
    let mut texts: Vec<&String> = service.command.iter().flatten().collect();
    texts.extend(
        service
            .environment
            .iter()
            .filter_map(|(key, value)| super::variables::is_secret(key).then_some(value)),
    );
    for text in &texts {
        if let Some(variable) = marked(text, secrets.iter()).first() {
            return (Some((*variable).to_owned()), false);
        }
    }
    let has = texts.iter().any(|text| text.contains("requirepass"))
        || service.environment.contains_key("REDIS_PASSWORD");
    (None, has)
}

/// Services that wait for a server, or name it in their environment.
pub(super) fn users(project: &Project, server: &str) -> BTreeSet<String> {
    project
        .services
        .iter()
        .filter(|(name, service)| {
            let is_word = |value: &String| {
                value
                    .split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter))
                    .any(|word| word == server)
            };
            *name != server
                && (service.depends_on.contains_key(server)
                    || service.environment.values().any(is_word))
        })
        .filter(|(_, service)| !kind(service.image.as_deref().unwrap_or_default()).is_server())
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether a service is there to copy others.
pub(super) fn makes_backups(name: &str, service: &Service) -> bool {
    let dumps = [
        "pg_dump",
        "pg_basebackup",
        "mysqldump",
        "mariadb-dump",
        "restic",
        "rclone",
    ];
    let words = service.command.iter().chain(&service.entrypoint).flatten();
    kind(service.image.as_deref().unwrap_or_default()) == Kind::Backup
        || name.contains("backup")
        || words
            .into_iter()
            .any(|word| dumps.iter().any(|dump| word.contains(dump)))
}
