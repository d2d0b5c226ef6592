//! What a service is, by the name of its image.

/// What an image is known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    Mysql,
    Redis,
    Memcached,
    Rabbit,
    /// An object server, and the port that it listens on.
    Objects(u16),
    /// A server of data that phoenix has no driver for.
    Foreign(&'static str),
    /// An application with a module of its own.
    Application(&'static str),
    /// A provider of logins.
    Provider(&'static str),
    /// Something that makes backups.
    Backup,
    /// Nothing that the name tells.
    Unknown,
}

impl Kind {
    /// Whether it only carries data, and nobody looks at it by itself.
    pub(super) fn is_server(self) -> bool {
        matches!(
            self,
            Self::Postgres
                | Self::Mysql
                | Self::Redis
                | Self::Memcached
                | Self::Rabbit
                | Self::Objects(_)
                | Self::Foreign(_)
        )
    }

    /// Where its image keeps what it holds.
    pub(super) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["/var/lib/postgresql", "/bitnami/postgresql"],
            Self::Mysql => &[
                "/var/lib/mysql",
                "/bitnami/mysql",
                "/bitnami/mariadb",
                "/config",
            ],
            Self::Redis => &["/data", "/bitnami/redis", "/bitnami/valkey"],
            Self::Rabbit => &["/var/lib/rabbitmq", "/bitnami/rabbitmq"],
            Self::Objects(_) => &["/data", "/bitnami/minio/data"],
            _ => &[],
        }
    }
}

const PROVIDERS: [&str; 8] = [
    "authelia",
    "authentik",
    "dex",
    "glewlwyd",
    "hydra",
    "kanidm",
    "keycloak",
    "lldap",
];

const FOREIGN: [&str; 13] = [
    "cassandra",
    "clickhouse-server",
    "couchdb",
    "elasticsearch",
    "etcd",
    "influxdb",
    "meilisearch",
    "mongo",
    "neo4j",
    "opensearch",
    "prometheus",
    "solr",
    "typesense",
];

/// What is known of an image.
pub(super) fn kind(image: &str) -> Kind {
    let image = image.split('@').next().unwrap_or(image).to_lowercase();
    let (path, last) = match image.rsplit_once('/') {
        Some((path, last)) => (path, last),
        None => ("", image.as_str()),
    };
    let name = last.split(':').next().unwrap_or(last);
    // What stands beside a database is called after it.
    if ["backup", "restic", "borg", "rclone"]
        .iter()
        .any(|word| name.contains(word))
    {
        return Kind::Backup;
    }
    if [
        "exporter",
        "admin",
        "adminer",
        "insight",
        "commander",
        "proxy",
    ]
    .iter()
    .any(|word| name.contains(word))
    {
        return Kind::Unknown;
    }
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    if begins(&["postgres", "postgis", "timescaledb", "pgvector"]) {
        return Kind::Postgres;
    }
    if begins(&["mysql", "mariadb", "percona"]) {
        return Kind::Mysql;
    }
    if begins(&["redis", "valkey", "keydb", "dragonfly"]) {
        return Kind::Redis;
    }
    if begins(&["mongo"]) {
        return Kind::Foreign("mongo");
    }
    let module = [
        ("zitadel", "zitadel"),
        ("bookstack", "bookstack"),
        ("mattermost", "mattermost"),
        ("zulip", "zulip"),
        ("docker-zulip", "zulip"),
    ];
    if let Some((_, app)) = module.iter().find(|(word, _)| {
        name == *word
            || name
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with('-'))
    }) {
        return Kind::Application(app);
    }
    match name {
        "memcached" => Kind::Memcached,
        "rabbitmq" => Kind::Rabbit,
        "minio" => Kind::Objects(9000),
        "seaweedfs" => Kind::Objects(8333),
        "server" if path.ends_with("goauthentik") => Kind::Provider("authentik"),
        _ => {
            let provider = PROVIDERS.iter().find(|known| **known == name);
            let foreign = FOREIGN.iter().find(|known| **known == name);
            match (provider, foreign) {
                (Some(known), _) => Kind::Provider(known),
                (_, Some(known)) => Kind::Foreign(known),
                _ => Kind::Unknown,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn images_are_known_by_their_last_name_only() {
        for (image, known) in [
            ("postgres:15", Kind::Postgres),
            (
                "registry.example:5000/team/postgres@sha256:0000",
                Kind::Postgres,
            ),
            ("docker.io/bitnami/postgresql:16", Kind::Postgres),
            ("postgis/postgis:16-3.4", Kind::Postgres),
            ("prometheuscommunity/postgres-exporter", Kind::Unknown),
            ("prodrigestivill/postgres-backup-local:15", Kind::Backup),
            ("dpage/pgadmin4", Kind::Unknown),
            ("lscr.io/linuxserver/mariadb:11", Kind::Mysql),
            ("valkey/valkey:8", Kind::Redis),
            ("redis:7-alpine", Kind::Redis),
            ("rediscommander/redis-commander", Kind::Unknown),
            ("minio/minio", Kind::Objects(9000)),
            ("chrislusf/seaweedfs:3.80", Kind::Objects(8333)),
            (
                "mattermost/mattermost-team-edition:10",
                Kind::Application("mattermost"),
            ),
            ("zulip/docker-zulip:9", Kind::Application("zulip")),
            ("quay.io/keycloak/keycloak:26", Kind::Provider("keycloak")),
            (
                "ghcr.io/goauthentik/server:2025.2",
                Kind::Provider("authentik"),
            ),
            ("jellyfin/server", Kind::Unknown),
            ("mongo:7", Kind::Foreign("mongo")),
            ("wordpress:6", Kind::Unknown),
            ("", Kind::Unknown),
        ] {
            assert_eq!(kind(image), known, "{image}");
        }
    }
}
