//! The engine's stream of events: what happens to a container is known when it happens.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use phoenix_compose::engine::RUN;

use crate::filling::{self, HELPER};

#[tokio::test]
async fn a_container_that_dies_is_known_when_it_dies() {
    let Some(engine) = filling::engine(&filling::run("events"), HELPER).await else {
        return;
    };
    let docker = engine.docker();
    let made = async |run: &str| {
        let body = ContainerCreateBody {
            image: Some(HELPER.to_owned()),
            entrypoint: Some(["/bin/sleep", "900"].map(str::to_owned).to_vec()),
            labels: Some(HashMap::from([(RUN.to_owned(), run.to_owned())])),
            network_disabled: Some(true),
            ..ContainerCreateBody::default()
        };
        let made = docker.create_container(None, body).await.unwrap();
        docker.start_container(&made.id, None).await.unwrap();
        made.id
    };
    let stranger = made(&filling::run("stranger")).await;
    let ours = made(engine.run()).await;
    let mut watch = engine.watch();
    for id in [&stranger, &ours] {
        docker.kill_container(id, None).await.unwrap();
    }
    let died = async {
        loop {
            let event = watch.next().await.unwrap();
            assert_ne!(event.id, stranger, "of another run: {event:?}");
            if event.what == "die" {
                return event.id;
            }
        }
    };
    let died = tokio::time::timeout(Duration::from_secs(20), died).await;
    for id in [&stranger, &ours] {
        engine.remove_container(id).await.unwrap();
    }
    assert_eq!(died.unwrap(), ours);
}
