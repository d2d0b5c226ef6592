//! Images on the engine: built once, found again, and told of where they fail.

use std::sync::Mutex;

use bollard::Docker;
use bollard::query_parameters::RemoveImageOptions;
use phoenix_images::{Builder, Engine, Failures, Progress, Step};

use crate::support::{Project, engine};

/// A name that no other test has, for an image that is removed at the end.
fn name(of: &str) -> String {
    format!("test-{}-{of}", std::process::id())
}

async fn build(engine: &Engine, project: &Project) -> (Result<usize, Failures>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let builder = Builder::new(engine.clone(), project.read());
    let built = builder
        .build(&[], |progress| told.lock().unwrap().push(progress))
        .await;
    let now = built.map(|images| images.iter().filter(|image| image.now).count());
    (now, told.into_inner().unwrap())
}

async fn remove(tags: &[String]) {
    let docker = Docker::connect_with_defaults().unwrap();
    for tag in tags {
        let _gone = docker
            .remove_image(tag, None::<RemoveImageOptions>, None)
            .await;
    }
}

#[tokio::test]
async fn what_is_missing_is_built_with_its_child_and_what_is_there_is_not() {
    let Some(engine) = engine().await else { return };
    let (parent, child) = (name("parent"), name("child"));
    let project = Project::new();
    project
        .recipe(&parent, "Dockerfile", "FROM scratch\nCOPY file /file\n")
        .recipe(&parent, "file", "one")
        .recipe(
            &child,
            "Dockerfile",
            &format!("FROM phoenix.local/{parent}:current\nCOPY more /more\n"),
        )
        .recipe(&child, "more", "two");
    let mut tags = vec![project.tag(&child), project.tag(&parent)];
    tags.extend([&child, &parent].map(|name| format!("phoenix.local/{name}:current")));

    let (built, told) = build(&engine, &project).await;
    assert_eq!(built.unwrap(), 2);
    let is_step = |progress: &Progress| {
        progress.name == child
            && matches!(&progress.step, Step::Running(step) if step.contains("COPY more"))
    };
    assert!(told.iter().any(is_step), "{told:?}");
    for tag in &tags {
        assert!(engine.size(tag).await.unwrap().is_some(), "{tag}");
    }

    let (built, told) = build(&engine, &project).await;
    assert_eq!(built.unwrap(), 0);
    assert!(told.iter().all(|progress| progress.step == Step::Present));

    // One of another content is built, and `current` follows it.
    project.recipe(&child, "more", "a longer word than two");
    tags.push(project.tag(&child));
    let (built, _) = build(&engine, &project).await;
    assert_eq!(built.unwrap(), 1);
    let of = async |tag: &str| engine.size(tag).await.unwrap();
    assert_eq!(of(&tags[2]).await, of(&tags[4]).await);
    assert_ne!(of(&tags[0]).await, of(&tags[4]).await);
    remove(&tags).await;
}

#[tokio::test]
async fn a_recipe_that_fails_is_told_with_its_step_and_the_others_are_built() {
    let Some(engine) = engine().await else { return };
    let (broken, child, good) = (name("broken"), name("on-broken"), name("good"));
    let project = Project::new();
    project
        .recipe(
            &broken,
            "Dockerfile",
            "FROM scratch\nCOPY not-there /file\n",
        )
        .recipe(
            &child,
            "Dockerfile",
            &format!("FROM phoenix.local/{broken}:current\nCOPY Dockerfile /\n"),
        )
        .recipe(&good, "Dockerfile", "FROM scratch\nCOPY Dockerfile /good\n");
    let tags = [project.tag(&good), format!("phoenix.local/{good}:current")];

    let (built, _) = build(&engine, &project).await;
    let failures = built.unwrap_err();
    assert_eq!(failures.0.len(), 2, "{failures}");
    let words = failures.to_string();
    for part in [&broken, "COPY not-there /file", "not-there"] {
        assert!(words.contains(part), "{part} is not in: {words}");
    }
    assert!(
        words.contains(&format!("{child} was not built, since {broken} was not")),
        "{words}"
    );
    assert!(engine.size(&tags[0]).await.unwrap().is_some());
    remove(&tags).await;
}

#[tokio::test]
async fn what_a_recipe_says_at_its_end_is_said_of_the_image() {
    let Some(engine) = engine().await else { return };
    let (whole, only) = (name("whole"), name("only-says"));
    let project = Project::new();
    project
        .recipe(
            &whole,
            "Dockerfile",
            "FROM scratch\nSTOPSIGNAL SIGINT\nCOPY file /file\nENV A=1 \\\n    B=\"two words\"\n\
             VOLUME /data\nEXPOSE 80 443\nUSER 7:8\nWORKDIR /\n\
             ENTRYPOINT [\"run\"]\nCMD [\"a\", \"b c\"]\n",
        )
        .recipe(&whole, "file", "one")
        .recipe(
            &only,
            "Dockerfile",
            &format!("FROM phoenix.local/{whole}:current\nENTRYPOINT [\"other\"]\n"),
        );
    let mut tags = vec![project.tag(&only), project.tag(&whole)];
    tags.extend([&only, &whole].map(|name| format!("phoenix.local/{name}:current")));
    let (built, _) = build(&engine, &project).await;
    assert_eq!(built.unwrap(), 2);

    let docker = Docker::connect_with_defaults().unwrap();
    let config = async |tag: &str| docker.inspect_image(tag).await.unwrap().config.unwrap();
    let said = config(&tags[1]).await;
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let environment = said.env.unwrap();
    for pair in ["A=1", "B=two words"] {
        assert!(environment.iter().any(|is| is == pair), "{environment:?}");
    }
    assert_eq!(said.volumes, words(&["/data"]));
    let mut ports = said.exposed_ports.unwrap();
    ports.sort();
    assert_eq!(ports, ["443/tcp", "80/tcp"]);
    assert_eq!(said.user.as_deref(), Some("7:8"));
    assert_eq!(said.working_dir.as_deref(), Some("/"));
    assert_eq!(said.stop_signal.as_deref(), Some("SIGINT"));
    assert_eq!(said.entrypoint, words(&["run"]));
    assert_eq!(said.cmd, words(&["a", "b c"]));
    // Another entry point, and no arguments of the one below.
    let said = config(&tags[0]).await;
    assert_eq!(said.entrypoint, words(&["other"]));
    assert!(said.cmd.unwrap_or_default().is_empty());
    assert_eq!(said.user.as_deref(), Some("7:8"));
    // No half of a recipe is left under a name.
    assert!(
        engine
            .size(&format!("{}-half", tags[1]))
            .await
            .unwrap()
            .is_none()
    );
    remove(&tags).await;
}
