//! The mirror itself, as each version of the tool resolves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phoenix_compose::project::{
    Drill, Files, Project, Remap, Source, own, reaches, resolve, transform,
};

use super::{read, tools};

/// Variables that a drill sets: each of them has to arrive somewhere.
const VARIABLES: [&str; 18] = [
    "ZITADEL_MASTERKEY",
    "BOOKSTACK_APP_KEY",
    "ZULIP_SECRET_KEY",
    "BOOKSTACK_OIDC_CLIENT_ID",
    "BOOKSTACK_OIDC_CLIENT_SECRET",
    "MATTERMOST_OIDC_CLIENT_ID",
    "MATTERMOST_OIDC_CLIENT_SECRET",
    "ZULIP_OIDC_CLIENT_ID",
    "ZULIP_OIDC_CLIENT_SECRET",
    "ZITADEL_DB_PASSWORD",
    "BOOKSTACK_DB_PASSWORD",
    "BOOKSTACK_DB_ROOT_PASSWORD",
    "MATTERMOST_DB_PASSWORD",
    "ZULIP_DB_PASSWORD",
    "ZULIP_RABBITMQ_PASSWORD",
    "ZULIP_REDIS_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../local")
        .join(name)
}

fn without_raw(mut project: Project) -> Project {
    for service in project.services.values_mut() {
        service.raw.clear();
    }
    project.warnings.clear();
    project
}

#[tokio::test]
async fn every_version_of_the_tool_resolves_the_same_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen: Option<Project> = None;
    for tool in tools(folder.path()).await {
        let project = read(&tool, &[file("compose.yaml")]).await.unwrap();
        assert_eq!(project.warnings, Vec::<String>::new());
        let project = without_raw(project);
        assert_eq!(seen.get_or_insert_with(|| project.clone()), &project);
    }
}

#[tokio::test]
async fn the_mirror_reaches_nothing_but_one_port() {
    let folder = tempfile::tempdir().unwrap();
    for tool in tools(folder.path()).await {
        let project = read(&tool, &[file("compose.yaml")]).await.unwrap();
        let found = reaches(&project, &project.folder, &Remap::default());
        let places: Vec<&str> = found.iter().map(|reach| reach.place.as_str()).collect();
        assert_eq!(places, ["traefik.ports"], "{found:#?}");
        let remap = Remap {
            ports: true,
            ..Remap::default()
        };
        assert_eq!(reaches(&project, &project.folder, &remap), []);
        let owned = own(&project, &remap);
        let engine = |names: BTreeSet<&String>| {
            names
                .into_iter()
                .map(|name| (name.clone(), format!("phoenix-r1-{name}")))
                .collect::<BTreeMap<_, _>>()
        };
        let made = Drill {
            run: "r1".to_owned(),
            project: "phoenix-r1".to_owned(),
            volumes: engine(owned.volumes.keys().collect()),
            networks: engine(owned.networks.keys().collect()),
            images: BTreeMap::new(),
        };
        let text = transform(&owned, &made).unwrap();
        let written = super::write(folder.path(), "drill.json", &text);
        let again = read(&tool, &[written]).await.unwrap();
        assert_eq!(again.services.len(), project.services.len());
        for (name, service) in &project.services {
            assert_eq!(
                again.services[name].environment, service.environment,
                "{name}"
            );
            assert_eq!(again.services[name].command, service.command, "{name}");
            assert_eq!(again.services[name].mounts, service.mounts, "{name}");
        }
    }
}

#[tokio::test]
async fn the_air_gapped_file_changes_images_and_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for tool in tools(folder.path()).await {
        let upstream = read(&tool, &[file("compose.yaml")]).await.unwrap();
        let both = [file("compose.yaml"), file("compose.airgapped.yaml")];
        let mut swapped = without_raw(read(&tool, &both).await.unwrap());
        for (name, service) in &mut swapped.services {
            let image = service.image.clone().unwrap();
            assert!(image.starts_with("phoenix.local/"), "{name}: {image}");
            service.image = upstream.services[name].image.clone();
        }
        assert_eq!(swapped, without_raw(upstream));
    }
}

#[tokio::test]
async fn each_variable_of_a_drill_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let variables: BTreeMap<String, String> = VARIABLES
        .iter()
        .map(|name| ((*name).to_owned(), format!("value-of-{name}")))
        .collect();
    let files = [file("compose.yaml")];
    for tool in tools(folder.path()).await {
        let what = Files {
            files: &files,
            env_file: None,
            variables: &variables,
            name: "drill",
        };
        let project = resolve(&tool, what).await.unwrap();
        let all: Vec<&String> = project
            .services
            .values()
            .flat_map(|service| service.environment.values())
            .collect();
        for value in variables.values() {
            assert!(
                all.iter().any(|one| one.contains(value)),
                "{value} is nowhere"
            );
        }
        assert!(
            !all.iter().any(|one| one.contains("by-hand-only")),
            "{all:?}"
        );
    }
}

/// A volume that an image declares and the file does not would be one that nobody finds again.
#[tokio::test]
async fn what_images_declare_has_a_name_or_is_memory() {
    let declared = [
        ("chat", "/mattermost/data"),
        ("chat", "/mattermost/config"),
        ("chat", "/mattermost/logs"),
        ("chat", "/mattermost/plugins"),
        ("chat", "/mattermost/client/plugins"),
        ("wiki", "/var/www/bookstack/public/uploads"),
        ("wiki", "/var/www/bookstack/storage/uploads"),
        ("zulip", "/data"),
        ("zulip-db", "/var/lib/postgresql/data"),
        ("zitadel-db", "/var/lib/postgresql/data"),
        ("mattermost-db", "/var/lib/postgresql/data"),
        ("bookstack-db", "/var/lib/mysql"),
        ("redis", "/data"),
        ("rabbitmq", "/var/lib/rabbitmq"),
        ("s3", "/data"),
        ("buckets", "/data"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for tool in tools(folder.path()).await {
        let project = read(&tool, &[file("compose.yaml")]).await.unwrap();
        for (service, target) in declared {
            let mount = project.services[service]
                .mounts
                .iter()
                .find(|mount| mount.target == target);
            let source = mount.map(|mount| &mount.source);
            assert!(
                matches!(source, Some(Source::Volume(_) | Source::Tmpfs)),
                "{service}:{target}: {source:?}"
            );
        }
    }
}
