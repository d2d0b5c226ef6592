//! A PostgreSQL that lacks the files of Zulip's dictionary.

use phoenix_understudies::platform::Engine;
use testcontainers::core::IntoContainerPort as _;
use testcontainers::{GenericImage, ImageExt as _};

use super::over;
use super::server;
use crate::support::database::PASSWORD;

/// The tests of Zulip that want no dictionary, over a server that has none.
#[tokio::test]
async fn without_the_files_postgresql_says_so_and_nothing_is_migrated() {
    let image = GenericImage::new("phoenix.local/postgres", "current")
        .with_entrypoint("/bin/sh")
        .with_exposed_port(5432.tcp())
        .with_env_var("POSTGRES_PASSWORD", PASSWORD)
        .with_cmd([
            "-c",
            "rm /usr/share/postgresql/*/tsearch_data/en_us.* && \
             exec docker-entrypoint.sh postgres -cfsync=off",
        ]);
    let running = server::start(image, Engine::Postgres, 5432).await;
    over(running, "zulip::start::without_the_dictionary", &[]).await;
}
