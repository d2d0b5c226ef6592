//! The real tools, on files in a folder.

use std::collections::BTreeMap;

use phoenix_compose::project::{Files, Project, Source, resolve};

use super::{read, tools, write};

const NASTY: &str = r#"
x-shared: &shared
  logging: { driver: syslog }
services:
  web:
    <<: *shared
    image: example/web:1
    build: ./web
    container_name: web
    restart: always
    init: true
    user: "0"
    command: sh -c "echo $$HOME ${PLAIN:-d}"
    entrypoint: ["/bin/x", "--y"]
    environment: { FROM: "${RUN_SECRET}", DOLLAR: "p$$q", NUMBER: 1, UNSET: }
    env_file: [web.env]
    ports: ["127.0.0.1:8080:80", "443", "53:53/udp", "9000-9001:9000-9001"]
    expose: ["99"]
    volumes:
      - data:/data
      - ./web/a.conf:/a.conf:ro
      - ./web:/writable
      - /anonymous
      - { type: tmpfs, target: /memory, tmpfs: { size: 1000 } }
      - { type: volume, source: theirs, target: /theirs, read_only: true, volume: { nocopy: true } }
    tmpfs: [/tt]
    depends_on: { db: { condition: service_healthy } }
    networks: { front: { aliases: [x.localhost] }, default: }
    healthcheck: { test: ["CMD", "x"], interval: 2s, start_period: 1m30s }
    extra_hosts: ["h:host-gateway"]
    secrets: [password]
  db:
    <<: *shared
    image: example/db:1
    healthcheck: { test: ["CMD-SHELL", "true"] }
  side:
    image: example/side:1
    network_mode: "service:web"
    volumes_from: [db]
    healthcheck: { disable: true }
volumes:
  data: { name: explicit }
  theirs: { external: true, name: real }
  unused: { driver: local, driver_opts: { type: none, o: bind, device: /x } }
networks:
  front: { internal: true }
  unused: { external: true }
secrets:
  password: { file: ./web/a.conf }
"#;

#[tokio::test]
async fn every_version_of_the_tool_gives_the_same_project() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "web/a.conf", "a");
    write(folder.path(), "web.env", "A=1\nQUOTED='b c'\n");
    write(folder.path(), ".env", "PLAIN=leaked\n");
    let file = write(folder.path(), "compose.yaml", NASTY);
    let mut seen: Vec<(String, Project)> = Vec::new();
    for tool in tools(folder.path()).await {
        let mut project = read(&tool, std::slice::from_ref(&file)).await.unwrap();
        project.warnings.clear();
        for service in project.services.values_mut() {
            service.raw.clear();
        }
        let web = &project.services["web"];
        assert_eq!(
            web.command.as_deref().unwrap()[2],
            "echo $HOME d",
            "a .env leaked in"
        );
        assert_eq!(web.environment["FROM"], "run$secret");
        assert_eq!(web.environment["DOLLAR"], "p$q");
        assert_eq!(web.environment["QUOTED"], "b c");
        assert!(!web.environment.contains_key("UNSET"));
        assert_eq!(web.ports.len(), 5);
        assert_eq!(web.ports[0].host.as_deref(), Some("127.0.0.1"));
        assert_eq!(web.ports[1].published, None);
        let anonymous = web.mounts.iter().find(|mount| mount.target == "/anonymous");
        assert_eq!(anonymous.unwrap().source, Source::Anonymous);
        assert_eq!(web.depends_on["db"], "service_healthy");
        assert_eq!(web.networks["front"], ["x.localhost"]);
        assert!(web.healthcheck && !project.services["side"].healthcheck);
        assert_eq!(project.services["side"].depends_on.len(), 2);
        assert_eq!(project.volumes["data"].name.as_deref(), Some("explicit"));
        assert!(!project.volumes.contains_key("unused"));
        assert!(
            project.files["secrets/password"]
                .file
                .as_ref()
                .unwrap()
                .ends_with("web/a.conf")
        );
        seen.push((tool.version.clone(), project));
    }
    for pair in seen.windows(2) {
        assert_eq!(pair[0].1, pair[1].1, "{} and {}", pair[0].0, pair[1].0);
    }
}

#[tokio::test]
async fn variables_come_from_the_named_file_and_the_run_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let text = "services: { a: { image: \"x:${A:-no}${B:-no}${HTTP_PROXY:-no}\" } }";
    let file = write(folder.path(), "compose.yaml", text);
    let env = write(folder.path(), "theirs.env", "A=theirs\nB=theirs\n");
    let variables = BTreeMap::from([("B".to_owned(), "ours".to_owned())]);
    for tool in tools(folder.path()).await {
        let what = Files {
            files: std::slice::from_ref(&file),
            env_file: Some(&env),
            variables: &variables,
            name: "drill",
        };
        let project = resolve(&tool, what).await.unwrap();
        assert_eq!(
            project.services["a"].image.as_deref(),
            Some("x:theirsoursno")
        );
    }
}

#[tokio::test]
async fn an_error_is_told_in_the_words_of_the_tool_and_without_values() {
    let folder = tempfile::tempdir().unwrap();
    let bad = write(
        folder.path(),
        "bad.yaml",
        "services:\n  a:\n    image: x\n    colour: ${RUN_SECRET}\n",
    );
    let broken = write(folder.path(), "broken.yaml", "services:\n  a: [\n");
    write(folder.path(), "bad.env", "OK=1\nFOO BAR?=hunter22\n");
    let env = write(
        folder.path(),
        "env.yaml",
        "services: { a: { image: x, env_file: bad.env } }",
    );
    for tool in tools(folder.path()).await {
        let said = read(&tool, std::slice::from_ref(&bad)).await.unwrap_err();
        assert!(
            said.contains("bad.yaml") && said.contains("colour"),
            "{said}"
        );
        assert!(!said.contains("run$secret"), "{said}");
        let said = read(&tool, std::slice::from_ref(&broken))
            .await
            .unwrap_err();
        assert!(said.contains("line "), "{said}");
        // Version 1 takes what it cannot parse for a name; version 2 quotes it.
        if let Err(said) = read(&tool, std::slice::from_ref(&env)).await {
            assert!(!said.contains("hunter22"), "{said}");
        }
        let missing = folder.path().join("missing.yaml");
        let said = read(&tool, &[missing]).await.unwrap_err();
        assert!(
            said.contains("missing.yaml") && said.contains("path"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_link_out_of_the_folder_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("innocent")).unwrap();
    let text = "services: { a: { image: x, volumes: [\"./innocent:/x:ro\"] } }";
    let file = write(folder.path(), "compose.yaml", text);
    for tool in tools(folder.path()).await {
        let project = read(&tool, std::slice::from_ref(&file)).await.unwrap();
        let reaches =
            phoenix_compose::project::reaches(&project, &project.folder, &Default::default());
        assert_eq!(reaches.len(), 1, "{reaches:?}");
        assert!(reaches[0].what.contains("a link to"), "{}", reaches[0]);
    }
}
